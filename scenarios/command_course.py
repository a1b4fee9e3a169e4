"""Pure: what the state of a Run Command, and of each instance that it goes to, means.

Statuses: https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chaos_engine.model import Observation, Seen
from scenarios.aws import wall

ENDED = frozenset({"Success", "Cancelled", "Failed", "TimedOut"})
ENDING = frozenset({"Cancelling"})
MOST_INSTANCES = 100  # that are kept by name


def seen(command: Mapping[str, Any], invocations: Sequence[Mapping[str, Any]]) -> Seen:
    """What the run is up to. One instance on which it failed fails the whole, at once."""
    failed = [i for i in invocations if i.get("Status") in ENDED - {"Success"}]
    status, details = status_of(command), _details(command, invocations)
    at = _end(invocations)
    if failed:
        return Seen(Observation.FAILED, _ending(command, failed), details, at)
    if status not in ENDED:
        runs = any(i.get("Status") in ("InProgress", "Success") for i in invocations)
        return Seen(Observation.FELT if runs else Observation.BLIND, details=details)
    if status != "Success":
        text = f"command {command['CommandId']} {status}: {command.get('StatusDetails', '')}"
        return Seen(Observation.FAILED, text, details, at)
    if not invocations:
        text = f"command {command['CommandId']}: nothing was targeted"
        return Seen(Observation.FAILED, text, details, at)
    return Seen(Observation.ENDED, details=details, at=at, felt=True)


def status_of(command: Mapping[str, Any]) -> str:
    """SSM's word for its state."""
    return str(command.get("Status", "Pending"))


def _ending(command: Mapping[str, Any], failed: Sequence[Mapping[str, Any]]) -> str:
    told = ", ".join(f"{i['InstanceId']} {i.get('StatusDetails') or i['Status']}" for i in failed)
    return f"command {command['CommandId']} ({command.get('DocumentName', '?')}): {told}"


def _end(invocations: Sequence[Mapping[str, Any]]) -> float | None:
    """When the last plugin of the last instance was done; None: nobody says."""
    plugins = (plugin for i in invocations for plugin in i.get("CommandPlugins", ()))
    ends = (wall(plugin.get("ResponseFinishDateTime")) for plugin in plugins)
    return max((end for end in ends if end is not None), default=None)


def _details(command: Mapping[str, Any], invocations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "run": command["CommandId"],
        "document": command.get("DocumentName", ""),
        "status": status_of(command),
        "reason": command.get("StatusDetails", ""),
        "targeted": command.get("TargetCount", len(invocations)),
        "instances": {str(i["InstanceId"]): _instance(i) for i in invocations[:MOST_INSTANCES]},
    }


def _instance(invocation: Mapping[str, Any]) -> dict[str, str]:
    return {
        "status": str(invocation.get("Status", "")),
        "reason": str(invocation.get("StatusDetails", "")),
    }
