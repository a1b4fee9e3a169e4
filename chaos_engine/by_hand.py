"""Pure: the experiment that an operator asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chaos_engine.config import Settings
from chaos_engine.model import Experiment, Step
from chaos_engine.spelling import nearest
from scenarios.registry import clash


def by_hand(settings: Settings, arguments: Mapping[str, Any]) -> Experiment:
    """From `scenario`, `target`, `for` (seconds) and `now` (without a gate).

    KeyError, TypeError, ValueError: there is no such experiment.
    """
    label, target, hold = str(arguments["scenario"]), str(arguments["target"]), arguments.get("for")
    changed = replace(_found(settings, label, target), ungated=bool(arguments.get("now")))
    if hold is None:
        return changed
    if not 0 < float(hold) < math.inf:
        raise ValueError(f"{hold!r} is no time to hold a fault for")
    return replace(changed, hold=float(hold))


def _found(settings: Settings, label: str, target: str) -> Experiment:
    """As it is configured; a scenario that is not, with its own defaults."""
    configured = settings.experiments.get((label, target))
    if configured is not None:
        return configured
    for name, known in ((label, settings.scenarios), (target, settings.targets)):
        if name not in known:
            raise ValueError(f"the daemon knows no {name!r}{nearest(name, known)}")
    if text := clash(settings.scenarios, label):
        raise ValueError(text)
    scenario = settings.scenarios[label]
    if scenario.runs:
        raise ValueError(f"{label} must be configured: it needs parameters")
    step = Step(scenario.name, settings.targets[target])
    return Experiment(f"{label} on {target}", label, (step,), settings.hold)
