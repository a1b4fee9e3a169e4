"""Pure: the FIS actions that the rehearsal performs, and what each takes.

From the AWS FIS user guide, "AWS FIS Actions reference". AWS wants durations of one minute to 12 hours;
here they may be shorter, so that a rehearsal need not wait.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos_engine.rehearsal import iso_duration

LONGEST = 12 * 3600.0
INSTANCE = "aws:ec2:instance"
RESOURCE_TYPES = {INSTANCE: "An Amazon EC2 instance"}

Check = Callable[[str], None]  # ValueError says what is wrong


@dataclass(frozen=True)
class Parameter:
    """One parameter of an action; every value is a string."""

    description: str
    check: Check
    required: bool = False


@dataclass(frozen=True)
class KnownAction:
    """`targets`: the key under which a target is given, and its resource type.

    `together`: a parameter, and the one that it does not go without.
    """

    id: str
    description: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)
    together: Mapping[str, str] = field(default_factory=dict)

    @property
    def required(self) -> list[str]:
        """Names of the parameters that must be there."""
        return [name for name, parameter in self.parameters.items() if parameter.required]


def _duration(value: str) -> None:
    if not 0 < iso_duration.seconds(value) <= LONGEST:
        raise ValueError(f"{value!r} is out of range; allowed: more than 0, at most PT12H")


def _boolean(value: str) -> None:
    if value not in ("true", "false"):
        raise ValueError(f"{value!r} is not a truth value; allowed: true, false")


def _text(value: str) -> None:
    if not value:
        raise ValueError("is empty")


def _document(value: str) -> None:
    if not (value.startswith("arn:") and ":document/" in value):
        raise ValueError(f"{value!r} is not the ARN of a document: arn:aws:ssm:region:account:document/name")


def _document_parameters(value: str) -> None:
    document_parameters(value)


def document_parameters(value: str) -> dict[str, list[str]]:
    """`{"A": "x", "B": ["y", "z"]}`, as JSON, in the form that StartAutomationExecution takes."""
    try:
        given = json.loads(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise ValueError("is not a JSON object")
    return {name: _strings(name, one) for name, one in given.items()}


def _strings(name: str, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in values):
        raise ValueError(f"{name!r} is neither a string nor a list of strings")
    return values


_INSTANCES = {"Instances": INSTANCE}
ACTIONS: Mapping[str, KnownAction] = {
    action.id: action
    for action in (
        KnownAction(
            "aws:ec2:reboot-instances",
            "Runs the Amazon EC2 API action RebootInstances on the target EC2 instances.",
            targets=_INSTANCES,
        ),
        KnownAction(
            "aws:ec2:stop-instances",
            "Runs the Amazon EC2 API action StopInstances on the target EC2 instances.",
            {
                "startInstancesAfterDuration": Parameter(
                    "How long until the instances are started again.", _duration
                ),
                "completeIfInstancesTerminated": Parameter(
                    "Instances that were terminated in between do not fail the action.", _boolean
                ),
            },
            _INSTANCES,
            {"completeIfInstancesTerminated": "startInstancesAfterDuration"},
        ),
        KnownAction(
            "aws:ec2:terminate-instances",
            "Runs the Amazon EC2 API action TerminateInstances on the target EC2 instances.",
            targets=_INSTANCES,
        ),
        KnownAction(
            "aws:fis:wait",
            "Waits for the specified duration.",
            {"duration": Parameter("How long to wait.", _duration, required=True)},
        ),
        KnownAction(
            "aws:ssm:start-automation-execution",
            "Runs the Systems Manager API action StartAutomationExecution.",
            {
                "documentArn": Parameter("The ARN of the automation document.", _document, required=True),
                "documentVersion": Parameter("The version of the document.", _text),
                "documentParameters": Parameter("The document's parameters, as JSON.", _document_parameters),
                "maxDuration": Parameter("How long it may take at most.", _duration, required=True),
            },
        ),
    )
}
