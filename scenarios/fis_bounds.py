"""Pure: whether a FIS experiment template ends by itself, or may be ended by an alarm.

https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html says which actions there are. Most
have a `duration`, after which FIS undoes them. A few are done in a moment and leave nothing that FIS would
undo: a reboot, a failover, a terminated instance. They are bounded, since there is no run that could outlast
its engine. `aws:ec2:stop-instances` is done in a moment too, but leaves instances stopped unless it is told
when to start them: without that it is not bounded. Nor is an action without a duration if it is unknown here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DURATIONS = ("duration", "maxDuration", "startInstancesAfterDuration", "durationBeforeInterruption")
MOMENTARY = frozenset(
    {
        "aws:cloudwatch:assert-alarm-state",
        "aws:ec2:reboot-instances",
        "aws:ec2:terminate-instances",
        "aws:ecs:stop-task",
        "aws:eks:pod-delete",
        "aws:eks:terminate-nodegroup-instances",
        "aws:rds:failover-db-cluster",
        "aws:rds:reboot-db-instances",
    }
)


def refusal(template: Mapping[str, Any]) -> str | None:
    """Why it must not be started: nothing would end it. None: something does."""
    endless = [name for name, action in template.get("actions", {}).items() if not _bounded(action)]
    if not endless or _has_stop_condition(template):
        return None
    named = ", ".join(f"{name} ({template['actions'][name].get('actionId', '?')})" for name in endless)
    return (
        f"template {template.get('id', '?')} has neither a bounded duration nor a stop condition: "
        f"{named} has no duration; allowed: one in the template, an alarm as stop condition, "
        "or allow_unbounded: true"
    )


def _bounded(action: Mapping[str, Any]) -> bool:
    given = action.get("parameters") or {}
    return action.get("actionId") in MOMENTARY or any(given.get(name) for name in DURATIONS)


def _has_stop_condition(template: Mapping[str, Any]) -> bool:
    return any(c.get("source", "none") != "none" for c in template.get("stopConditions", ()))
