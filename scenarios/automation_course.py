"""Pure: what the state of an SSM Automation execution means.

Statuses: https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-statuses.html
A step counts as felt when it runs, or has run, and can have changed anything: waiting, asking and branching
cannot, nor can a call that only describes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chaos_engine.model import Observation, Seen
from scenarios.aws import wall

GOOD = frozenset({"Success", "CompletedWithSuccess"})
ENDED = GOOD | {
    "Failed", "TimedOut", "Cancelled", "Rejected", "CompletedWithFailure", "Exited",
    "ChangeCalendarOverrideRejected",
}  # fmt: skip
ENDING = frozenset({"Cancelling"})
IDLE = frozenset(
    {
        "aws:approve", "aws:assertAwsResourceProperty", "aws:branch", "aws:pause", "aws:sleep",
        "aws:updateVariable", "aws:waitForAwsResourceProperty",
    }
)  # fmt: skip
READING = ("describe", "get", "list")


def seen(execution: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> Seen:
    """What the run is up to. `steps`: all of them."""
    status = status_of(execution)
    details, at = _details(execution, steps), wall(execution.get("ExecutionEndTime"))
    acted = any(_acts(step) for step in steps)
    if status not in ENDED:
        return Seen(Observation.FELT if acted else Observation.BLIND, details=details)
    if status not in GOOD:
        return Seen(Observation.FAILED, _ending(execution, steps), details, at)
    if execution.get("Targets") and not _resolved(execution, steps):
        text = f"Automation {execution['AutomationExecutionId']}: nothing was targeted"
        return Seen(Observation.FAILED, text, details, at)
    return Seen(Observation.ENDED, details=details, at=at, felt=acted)


def status_of(execution: Mapping[str, Any]) -> str:
    """SSM's word for its state."""
    return str(execution.get("AutomationExecutionStatus", "Pending"))


def _acts(step: Mapping[str, Any]) -> bool:
    if step.get("StepStatus") not in ("InProgress", "Success", "CompletedWithSuccess"):
        return False
    if step.get("Action") != "aws:executeAwsApi":
        return step.get("Action") not in IDLE
    operation = str(step.get("Inputs", {}).get("Api", "")).strip('"').lower()
    return not operation.startswith(READING)


def _resolved(execution: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> bool:
    """Whether there was anything to act on: one with targets has a step for each of them."""
    return bool(steps or execution.get("ResolvedTargets", {}).get("ParameterValues"))


def _ending(execution: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> str:
    told = [str(execution.get("FailureMessage", ""))]
    told += [
        f"step {step['StepName']} {step['StepStatus']}: {step.get('FailureMessage', 'no message')}"
        for step in steps
        if step.get("StepStatus") in ENDED - GOOD
    ]
    said = "; ".join(text for text in told if text)
    named = f"Automation {execution['AutomationExecutionId']} ({execution.get('DocumentName', '?')})"
    return f"{named} {status_of(execution)}{said and ': ' + said}"


def _details(execution: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "run": execution["AutomationExecutionId"],
        "document": execution.get("DocumentName", ""),
        "version": execution.get("DocumentVersion", ""),
        "status": status_of(execution),
        "reason": execution.get("FailureMessage", ""),
        "targets": list(execution.get("ResolvedTargets", {}).get("ParameterValues", ())),
        "steps": [_step(step) for step in steps],
    }


def _step(step: Mapping[str, Any]) -> dict[str, str]:
    return {
        "step": str(step.get("StepName", "")),
        "action": str(step.get("Action", "")),
        "status": str(step.get("StepStatus", "")),
        "reason": str(step.get("FailureMessage", "")),
    }
