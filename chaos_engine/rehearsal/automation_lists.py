"""DescribeAutomationExecutions and DescribeAutomationStepExecutions: filters, order and pages. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from chaos_engine.rehearsal.automation_model import Execution
from chaos_engine.rehearsal.automation_view import Automation, Shown, steps, summary
from chaos_engine.rehearsal.ssm_pages import filtered, moment, page

Asked = Mapping[str, Any]


def _current_action(one: Automation) -> object:
    return summary(one).get("CurrentAction")


AUTOMATION_FILTERS: dict[str, Callable[[Automation, str], bool]] = {
    "DocumentNamePrefix": lambda one, value: one.launch.document.startswith(value),
    "ExecutionStatus": lambda one, value: one.status == value,
    "ExecutionId": lambda one, value: one.launch.id == value,
    "ParentExecutionId": lambda one, value: one.launch.parent == value,
    "CurrentAction": lambda one, value: _current_action(one) == value,
    "StartTimeBefore": lambda one, value: one.launch.at <= moment(value),
    "StartTimeAfter": lambda one, value: one.launch.at >= moment(value),
    "AutomationType": lambda _, value: value == "Local",
    "TagKey": lambda one, value: value in {key for key, _ in one.launch.tags},
}


def _start(step: Shown) -> float:
    at = step.get("ExecutionStartTime")
    return at.timestamp() if isinstance(at, datetime) else float("inf")


STEP_FILTERS: dict[str, Callable[[Shown, str], bool]] = {
    "StepExecutionStatus": lambda step, value: step["StepStatus"] == value,
    "StepExecutionId": lambda step, value: step["StepExecutionId"] == value,
    "StepName": lambda step, value: step["StepName"] == value,
    "Action": lambda step, value: step["Action"] == value,
    "StartTimeBefore": lambda step, value: _start(step) <= moment(value),
    "StartTimeAfter": lambda step, value: moment(value) <= _start(step) < float("inf"),
}


def page_of_automations(automations: Sequence[Automation], asked: Asked) -> Shown:
    """One page. UnknownKeyError or RefusedError say what is wrong with a filter, or with the token."""
    found = filtered(automations, asked.get("Filters", []), AUTOMATION_FILTERS)
    shown, token = page(found, lambda one: one.launch.id, asked.get("MaxResults"), asked.get("NextToken"))
    return _with_token({"AutomationExecutionMetadataList": [summary(one) for one in shown]}, token)


def page_of_steps(automation: Automation, children: Sequence[Execution], asked: Asked) -> Shown:
    """One page, in the order of starts, or the reverse of it."""
    ordered = sorted(steps(automation, children), key=_start)
    if asked.get("ReverseOrder"):
        ordered.reverse()
    found = filtered(ordered, asked.get("Filters", []), STEP_FILTERS)
    shown, token = page(
        found, lambda step: str(step["StepExecutionId"]), asked.get("MaxResults"), asked.get("NextToken")
    )
    return _with_token({"StepExecutions": shown}, token)


def _with_token(shown: Shown, token: str) -> Shown:
    return {**shown, "NextToken": token} if token else shown
