"""What the API shows of a command and of its invocations, in the shapes of AWS's API reference. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chaos_engine.rehearsal.ssm_commands import Command, Invocation, Look, look, whole

Asked = Mapping[str, Any]
Shown = dict[str, Any]
TIMEOUT = 3600
_ECHOED = ("Comment", "Parameters", "OutputS3BucketName", "OutputS3KeyPrefix", "NotificationConfig")


def command_shown(command: Command, now: float) -> Shown:
    """The shape Command."""
    asked, status = command.request, whole(command, now)
    looks = [look(command, one, now) for one in command.invocations]
    timeout = int(str(asked.get("TimeoutSeconds", TIMEOUT)))
    return {
        **{key: asked[key] for key in _ECHOED if key in asked},
        **_named(command),
        "ExpiresAfter": _time(command.at + timeout + TIMEOUT),
        "InstanceIds": asked.get("InstanceIds", []),
        "Targets": asked.get("Targets", []),
        "RequestedDateTime": _time(command.at),
        "Status": status.status,
        "StatusDetails": status.details,
        "MaxConcurrency": asked.get("MaxConcurrency", "50"),
        "MaxErrors": asked.get("MaxErrors", "0"),
        "ServiceRole": asked.get("ServiceRoleArn", ""),
        "TimeoutSeconds": timeout,
        "TargetCount": len(looks),
        "CompletedCount": sum(one.over for one in looks),
        "ErrorCount": sum(one.details == "Failed" for one in looks),
        "DeliveryTimedOutCount": 0,
    }


def invocation_shown(command: Command, invocation: Invocation, now: float, *, details: bool) -> Shown:
    """The shape CommandInvocation."""
    seen = look(command, invocation, now)
    return {
        **_named(command),
        "InstanceId": invocation.instance,
        "InstanceName": "",
        "Comment": command.request.get("Comment", ""),
        "RequestedDateTime": _time(command.at),
        "Status": seen.status,
        "StatusDetails": seen.details,
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        "CommandPlugins": [_plugin(command, seen)] if details else [],
    }


def result_shown(command: Command, invocation: Invocation, now: float) -> Shown:
    """The shape GetCommandInvocationResult. Its times are texts."""
    seen = look(command, invocation, now)
    return {
        **_named(command),
        "InstanceId": invocation.instance,
        "Comment": command.request.get("Comment", ""),
        "PluginName": command.plugin,
        "ResponseCode": _code(seen),
        "ExecutionStartDateTime": _text(seen.started),
        "ExecutionEndDateTime": _text(seen.ended) if seen.started is not None else "",
        "ExecutionElapsedTime": _elapsed(seen),
        "Status": seen.status,
        "StatusDetails": seen.details,
        "StandardOutputContent": "",
        "StandardOutputUrl": "",
        "StandardErrorContent": "",
        "StandardErrorUrl": "",
    }


def _named(command: Command) -> Shown:
    return {"CommandId": command.id, "DocumentName": command.document, "DocumentVersion": command.version}


def _plugin(command: Command, seen: Look) -> Shown:
    shown: Shown = {
        "Name": command.plugin,
        "Status": seen.status,
        "StatusDetails": seen.details,
        "ResponseCode": _code(seen),
        "Output": "",
    }
    if seen.started is not None:
        shown["ResponseStartDateTime"] = _time(seen.started)
    if seen.ended is not None:
        shown["ResponseFinishDateTime"] = _time(seen.ended)
    return shown


def _code(seen: Look) -> int:
    """ "If the response code is -1, then the command hasn't started running", or was not received."""
    return 0 if seen.status == "Success" else -1


def _elapsed(seen: Look) -> str:
    if seen.started is None or seen.ended is None:
        return ""
    return f"PT{seen.ended - seen.started:.3f}S"


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _text(at: float | None) -> str:
    return "" if at is None else _time(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")
