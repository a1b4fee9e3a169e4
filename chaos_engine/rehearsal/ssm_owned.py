"""Documents that AWS owns, as far as they are rehearsed: written here, with the documented parameters.

Automation: "Systems Manager Automation runbook reference". Commands: FIS user guide, "Pre-configured AWS
FIS SSM documents". A command document stresses nothing here: it takes its time, and ends.
"""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]
_ROLE = {
    "type": "String",
    "description": "(Optional) The ARN of the role that Automation acts with.",
    "default": "",
}


def _text(description: str, default: str | None = None, **more: object) -> Document:
    known = {} if default is None else {"default": default}
    return {"type": "String", "description": description, **known, **more}


def _runbook(description: str, *steps: Document) -> Document:
    instances = {"type": "StringList", "description": "(Required) EC2 instances."}
    return {
        "schemaVersion": "0.3",
        "description": description,
        "assumeRole": "{{ AutomationAssumeRole }}",
        "parameters": {"InstanceId": instances, "AutomationAssumeRole": _ROLE},
        "mainSteps": list(steps),
    }


def _state(name: str, state: str, **more: object) -> Document:
    inputs = {"InstanceIds": "{{ InstanceId }}", "DesiredState": state}
    return {"name": name, "action": "aws:changeInstanceState", "inputs": inputs | more}


RUNBOOKS = {
    "AWS-StopEC2Instance": _runbook(
        "Stop EC2 instances",
        _state("stopInstances", "stopped") | {"onFailure": "Continue"},
        _state("forceStopInstances", "stopped", Force=True),
    ),
    "AWS-StartEC2Instance": _runbook("Start EC2 instances", _state("startInstances", "running")),
    "AWS-RestartEC2Instance": _runbook(
        "Restart EC2 instances",
        _state("stopInstances", "stopped"),
        _state("startInstances", "running"),
    ),
}

_COUNT = r"[0-9]+"
_PERCENT = r"[0-9]|[1-9][0-9]|100"
_DURATION = _text("(Required) Seconds that it lasts.", allowedPattern=_COUNT)
_INTERFACE = _text("Network interface.", "eth0")
_SOURCES = _text("(Required) Addresses, CIDR blocks, domain names, zones, ALL, DYNAMODB or S3.")
_TRAFFIC = _text("Direction.", "ingress", allowedValues=["ingress", "egress"])
_DELAY = _text("Milliseconds.", "200", allowedPattern=_COUNT)
_LOSS = _text("Per cent.", "7", allowedPattern=_PERCENT)
_FLOWS = _text("Per cent of the flows.", "100", allowedPattern=r"[1-9]|[1-9][0-9]|100")
_WORKERS = _text("Number of stressors.", "1", allowedPattern=_COUNT)


def _command(**parameters: Document) -> Document:
    install = _text("Install what it needs.", "True", allowedValues=["True", "False"])
    return {
        "schemaVersion": "2.2",
        "description": "A fault of AWS FIS. Here it takes its time, and does nothing else.",
        "parameters": {**parameters, "InstallDependencies": install},
        "mainSteps": [{"action": "aws:runShellScript", "name": "Fault", "inputs": {"runCommand": ["true"]}}],
    }


COMMANDS = {
    "AWSFIS-Run-CPU-Stress": _command(
        DurationSeconds=_DURATION,
        CPU=_text("Number of stressors; 0 is all.", "0", allowedPattern=_COUNT),
        LoadPercent=_text("Per cent.", "100", allowedPattern=_PERCENT),
    ),
    "AWSFIS-Run-Disk-Fill": _command(
        DurationSeconds=_DURATION, Percent=_text("Per cent of the disk.", "95", allowedPattern=_PERCENT)
    ),
    "AWSFIS-Run-IO-Stress": _command(
        DurationSeconds=_DURATION,
        Workers=_WORKERS,
        Percent=_text("Per cent of the free space.", "80", allowedPattern=_PERCENT),
    ),
    "AWSFIS-Run-Kill-Process": _command(
        ProcessName=_text("(Required) Process to stop."),
        Signal=_text("Signal.", "SIGTERM", allowedValues=["SIGTERM", "SIGKILL"]),
    ),
    "AWSFIS-Run-Memory-Stress": _command(
        DurationSeconds=_DURATION,
        Workers=_WORKERS,
        Percent=_text("(Required) Per cent of the memory.", allowedPattern=_PERCENT),
    ),
    "AWSFIS-Run-Network-Blackhole-Port": _command(
        Protocol=_text("(Required) Protocol.", allowedValues=["tcp", "udp"]),
        Port=_text("(Required) Port.", allowedPattern=_COUNT),
        TrafficType=_TRAFFIC,
        DurationSeconds=_DURATION,
    ),
    "AWSFIS-Run-Network-Latency": _command(
        Interface=_INTERFACE, DelayMilliseconds=_DELAY, DurationSeconds=_DURATION
    ),
    "AWSFIS-Run-Network-Latency-Sources": _command(
        Interface=_text("Network interfaces.", "DEFAULT"),
        DelayMilliseconds=_DELAY,
        JitterMilliseconds=_text("Milliseconds.", "10", allowedPattern=_COUNT),
        FlowsPercent=_FLOWS,
        Sources=_SOURCES,
        TrafficType=_TRAFFIC,
        DurationSeconds=_DURATION,
    ),
    "AWSFIS-Run-Network-Packet-Loss": _command(
        Interface=_INTERFACE, LossPercent=_LOSS, DurationSeconds=_DURATION
    ),
    "AWSFIS-Run-Network-Packet-Loss-Sources": _command(
        Interface=_text("Network interfaces.", "DEFAULT"),
        LossPercent=_LOSS,
        FlowsPercent=_FLOWS,
        Sources=_SOURCES,
        TrafficType=_TRAFFIC,
        DurationSeconds=_DURATION,
    ),
}
OWNED = {name: ("Automation", content) for name, content in RUNBOOKS.items()} | {
    name: ("Command", content) for name, content in COMMANDS.items()
}
