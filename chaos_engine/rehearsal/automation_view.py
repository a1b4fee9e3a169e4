"""What the API shows of an execution, a fleet and a step, in the shapes of AWS's API reference. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from chaos_engine.rehearsal.automation_actions import ACTIONS
from chaos_engine.rehearsal.automation_fleet import Fleet
from chaos_engine.rehearsal.automation_machine import TIMEOUT_STAGE
from chaos_engine.rehearsal.automation_model import (
    CANCELLED,
    FAILED,
    OVER,
    PENDING,
    SUCCESS,
    TIMED_OUT,
    Execution,
    Launch,
    StepRun,
)
from chaos_engine.rehearsal.automation_names import as_texts

Shown = dict[str, Any]
Automation = Execution | Fleet
_CHILD = "aws:executeAutomation"


def full(automation: Automation, children: Sequence[Execution] = ()) -> Shown:
    """The shape AutomationExecution. `children` are a fleet's executions."""
    shown = {
        **summary(automation),
        "Parameters": dict(automation.launch.given),
        "StepExecutions": steps(automation, children),
        "StepExecutionsTruncated": False,
    }
    shown.pop("AutomationType")
    if isinstance(automation, Fleet):
        shown |= {"TargetsSummary": _counts(automation, children), "ProgressCounters": _progress(children)}
    return shown


def summary(automation: Automation) -> Shown:
    """The shape AutomationExecutionMetadata."""
    of_its_own = _of_fleet(automation) if isinstance(automation, Fleet) else _of_execution(automation)
    return _without_nothing(
        {
            **_of_launch(automation.launch),
            "AutomationExecutionStatus": automation.status,
            "ExecutionEndTime": _time(automation.ended),
            "AutomationType": "Local",
            **of_its_own,
        }
    )


def steps(automation: Automation, children: Sequence[Execution] = ()) -> list[Shown]:
    """The shape StepExecution, in the runbook's order; of a fleet, one for each child."""
    if isinstance(automation, Fleet):
        return [_child(child) for child in children]
    return [_step(run) for run in automation.runs]


def _of_launch(launch: Launch) -> Shown:
    return {
        "AutomationExecutionId": launch.id,
        "DocumentName": launch.document,
        "DocumentVersion": launch.version,
        "ExecutionStartTime": _time(launch.at),
        "ExecutedBy": launch.by,
        "Mode": "Auto",
        "ParentAutomationExecutionId": launch.parent,
        "Target": launch.target,
    }


def _of_execution(execution: Execution) -> Shown:
    current = None if execution.over or not execution.current else execution.run(execution.current).step
    return {
        "Outputs": _texts(execution.outputs),
        "FailureMessage": execution.failure,
        "CurrentStepName": current.name if current else None,
        "CurrentAction": current.action if current else None,
        "Targets": [],
        "ResolvedTargets": {"ParameterValues": [], "Truncated": False},
    }


def _of_fleet(fleet: Fleet) -> Shown:
    return {
        "TargetParameterName": fleet.parameter,
        "Targets": [dict(target) for target in fleet.targets],
        "ResolvedTargets": {"ParameterValues": list(fleet.values), "Truncated": False},
        "MaxConcurrency": fleet.max_concurrency,
        "MaxErrors": fleet.max_errors,
    }


def _step(run: StepRun) -> Shown:
    step = run.step
    return _without_nothing(
        {
            "StepName": step.name,
            "Action": step.action,
            "StepExecutionId": run.id,
            "StepStatus": run.status,
            "TimeoutSeconds": step.timeout_seconds or ACTIONS[step.action].timeout,
            "OnFailure": step.on_failure,
            "MaxAttempts": step.max_attempts,
            "IsEnd": step.is_end,
            "IsCritical": step.critical,
            "NextStep": step.next_step,
            "ExecutionStartTime": _time(run.started),
            "ExecutionEndTime": _time(run.ended),
            "Inputs": {key: json.dumps(value) for key, value in run.inputs.items()},
            "Outputs": _texts(run.outputs),
            "OverriddenParameters": {},
            **_result(run),
        }
    )


def _result(run: StepRun) -> Shown:
    if run.status == SUCCESS:
        return {"ResponseCode": "0"}
    if run.failure is None:
        return {}
    kind = {"PostVerification": "Verification", TIMEOUT_STAGE: "Verification"}.get(run.stage or "", "Action")
    stage = "PostVerification" if run.stage == TIMEOUT_STAGE else run.stage
    return {
        "ResponseCode": "1",
        "Response": run.failure,
        "FailureMessage": run.failure,
        "FailureDetails": {"FailureStage": stage, "FailureType": kind, "Details": {"Reason": [run.failure]}},
    }


def _child(child: Execution) -> Shown:
    launch = child.launch
    return _without_nothing(
        {
            "StepName": launch.target,
            "Action": _CHILD,
            "StepExecutionId": launch.id,
            "StepStatus": child.status,
            "ExecutionStartTime": _time(launch.at),
            "ExecutionEndTime": _time(child.ended),
            "Inputs": {key: json.dumps(value) for key, value in launch.given.items()},
            "Outputs": _texts(child.outputs),
            "FailureMessage": child.failure,
        }
    )


def _counts(fleet: Fleet, children: Sequence[Execution]) -> dict[str, int]:
    ended = [child for child in children if child.over]
    good = sum(child.status == SUCCESS for child in ended)
    return {
        "TotalCount": len(fleet.values),
        "StartedCount": sum(child.status != PENDING for child in children),
        "CompletedCount": len(ended),
        "SuccessfulCount": good,
        "FailedCount": len(ended) - good,
    }


def _progress(children: Sequence[Execution]) -> dict[str, int]:
    statuses = [child.status for child in children if child.status in OVER]
    return {
        "TotalSteps": len(children),
        "SuccessSteps": statuses.count(SUCCESS),
        "FailedSteps": statuses.count(FAILED),
        "CancelledSteps": statuses.count(CANCELLED),
        "TimedOutSteps": statuses.count(TIMED_OUT),
    }


def _texts(outputs: Mapping[str, object]) -> dict[str, list[str]]:
    return {name: as_texts(value) for name, value in outputs.items()}


def _time(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


def _without_nothing(shown: Shown) -> Shown:
    return {key: value for key, value in shown.items() if value is not None}
