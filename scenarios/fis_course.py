"""Pure: what a FIS experiment's state means.

FIS's word that an action runs, or has run, on resources that it names counts as felt: it is AWS's control
plane that speaks of the resources. Waiting and looking at alarms acts on nothing.
States: https://docs.aws.amazon.com/fis/latest/APIReference/API_ExperimentState.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chaos_engine.model import Observation, Seen
from scenarios.aws import wall

ENDED = frozenset({"completed", "stopped", "failed", "cancelled"})
ENDING = frozenset({"stopping"})
IDLE = frozenset({"aws:fis:wait", "aws:cloudwatch:assert-alarm-state"})
NOTE = "a preview: every action was skipped, which proves nothing; its targets are in the details"
MOST_TARGETS = 100  # that are kept by name


def seen(experiment: Mapping[str, Any], targets: Sequence[Mapping[str, Any]] | None, why: str = "") -> Seen:
    """What the run is up to. `targets`: those it resolved; None: unknown. `why`: more on how it ended."""
    status = status_of(experiment)
    details = _details(experiment, targets)
    if status == "completed":
        return _completed(experiment, targets, details)
    if status in ENDED:
        return Seen(Observation.FAILED, _ending(experiment, why), details, wall(experiment.get("endTime")))
    acts = status == "running" and _acted(experiment, targets, ("running", "completed"))
    return Seen(Observation.FELT if acts else Observation.BLIND, details=details)


def status_of(experiment: Mapping[str, Any]) -> str:
    """FIS's word for its state."""
    return str(experiment.get("state", {}).get("status", "pending"))


def is_preview(experiment: Mapping[str, Any]) -> bool:
    """Whether it was started with every action skipped."""
    return bool(experiment.get("experimentOptions", {}).get("actionsMode") == "skip-all")


def _completed(
    experiment: Mapping[str, Any], targets: Sequence[Mapping[str, Any]] | None, details: Mapping[str, Any]
) -> Seen:
    at = wall(experiment.get("endTime"))
    untargeted = _untargeted(experiment, targets)
    if untargeted:
        return Seen(Observation.FAILED, f"FIS experiment {experiment['id']}: {untargeted}", details, at)
    if is_preview(experiment):
        return Seen(Observation.ENDED, details={**details, "note": NOTE}, at=at)
    return Seen(Observation.ENDED, details=details, at=at, felt=_acted(experiment, targets, ("completed",)))


def _untargeted(experiment: Mapping[str, Any], targets: Sequence[Mapping[str, Any]] | None) -> str:
    """Why it acted on nothing; empty: it did, or was not meant to."""
    acting = _acting(experiment)
    if experiment.get("targets") and targets is not None and not targets:
        return "nothing was targeted: no resource was found for its targets"
    skipped = acting and all(_state(action) == "skipped" for action in acting.values())
    if skipped and not is_preview(experiment):
        return "nothing was targeted: every action was skipped"
    return ""


def _acted(
    experiment: Mapping[str, Any], targets: Sequence[Mapping[str, Any]] | None, states: tuple[str, ...]
) -> bool:
    if is_preview(experiment) or (experiment.get("targets") and not targets):
        return False
    return any(_state(action) in states for action in _acting(experiment).values())


def _acting(experiment: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    actions: Mapping[str, Mapping[str, Any]] = experiment.get("actions", {})
    return {name: action for name, action in actions.items() if action.get("actionId") not in IDLE}


def _state(action: Mapping[str, Any]) -> str:
    return str(action.get("state", {}).get("status", "pending"))


def _ending(experiment: Mapping[str, Any], why: str) -> str:
    """How it ended, in FIS's own words: the experiment's, its error's, those of the actions that failed."""
    state = experiment["state"]
    error = state.get("error", {})
    told = [why, state.get("reason", ""), " ".join(str(error[k]) for k in ("code", "location") if k in error)]
    told += [
        f"action {name}: {action['state'].get('reason', 'failed')}"
        for name, action in experiment.get("actions", {}).items()
        if _state(action) == "failed"
    ]
    said = "; ".join(dict.fromkeys(text for text in told if text))
    return f"FIS experiment {experiment['id']} {state['status']}{said and ': ' + said}"


def _details(experiment: Mapping[str, Any], targets: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    state = experiment.get("state", {})
    found: dict[str, Any] = {
        "run": experiment["id"],
        "template": experiment.get("experimentTemplateId", ""),
        "account": account_of(str(experiment.get("arn", ""))),
        "status": status_of(experiment),
        "reason": state.get("reason", ""),
        "preview": is_preview(experiment),
        "actions": {name: _action(action) for name, action in experiment.get("actions", {}).items()},
    }
    if targets is not None:
        found |= {"targets": [_target(t) for t in targets[:MOST_TARGETS]], "targeted": len(targets)}
    return found


def _action(action: Mapping[str, Any]) -> dict[str, str]:
    reason = str(action.get("state", {}).get("reason", ""))
    return {"action": str(action.get("actionId", "")), "status": _state(action), "reason": reason}


def _target(target: Mapping[str, Any]) -> dict[str, str]:
    return {
        "target": str(target.get("targetName", "")),
        "type": str(target.get("resourceType", "")),
        **{str(k): str(v) for k, v in target.get("targetInformation", {}).items()},
    }


def account_of(arn: str) -> str:
    """The account in an ARN; empty where there is none."""
    parts = arn.split(":")
    return parts[4] if len(parts) > 4 else ""  # noqa: PLR2004 - arn:partition:service:region:account
