"""Ramps: a scenario's parameter, or how many replicas it hurts, grows with what the system has shown to bear.

A level belongs to one entry on one target. It is one step higher after so many supported runs in a row, and
one step lower after a run that was not supported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chaos_engine.container_fields import as_replicas
from chaos_engine.course import Course, Finished
from chaos_engine.model import Experiment, Now, Ramp, Result, Step, Verdict

FACT = "ramps"
REPLICAS = "replicas"
BY_HAND = ("operator", "signal")  # who ended a run says nothing about the system


@dataclass(frozen=True, slots=True)
class Level:
    """`step` is an index into the ramp's steps; `streak`: supported runs since it was reached."""

    step: int = 0
    streak: int = 0


def climbed(level: Level, ramp: Ramp, supported: bool | None) -> Level:
    """The level after a run; None: it shows nothing. Never outside of the steps, never two at once."""
    step = min(level.step, len(ramp.steps) - 1)  # the settings may have fewer by now
    if supported is None:
        return Level(step, level.streak)
    if not supported:
        return Level(max(0, step - 1))
    if level.streak + 1 < ramp.after:
        return Level(step, level.streak + 1)
    top = step == len(ramp.steps) - 1
    return Level(step, ramp.after) if top else Level(step + 1)


def shows(result: Result) -> bool | None:
    """Whether a run was supported; None where nothing was injected or judged, or somebody ended it."""
    if result.injected_at is None or result.verdict is Verdict.UNJUDGED or result.ended_by in BY_HAND:
        return None
    return result.verdict is Verdict.SUPPORTED


def at_step(experiment: Experiment, step: int) -> Experiment:
    """The experiment with the value of that step."""
    ramp = experiment.ramp
    if ramp is None:
        return experiment
    value = ramp.steps[min(step, len(ramp.steps) - 1)]
    return replace(experiment, steps=tuple(_with(each, ramp.parameter, value) for each in experiment.steps))


def _with(step: Step, parameter: str, value: Any) -> Step:
    if parameter != REPLICAS:
        return replace(step, parameters={**step.parameters, parameter: value})
    selector = step.target.containers
    if selector is None:
        return step
    hurt = replace(step.target, containers=replace(selector, replicas=as_replicas(value)))
    return replace(step, target=hurt)


def key_of(experiment: Experiment) -> str:
    """Under which its level is kept."""
    return f"{experiment.label} on {', '.join(experiment.targets)}"


def told(experiments: Mapping[Any, Experiment], fact: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Each ramp with its level, for people and programs."""
    ramped = [each for each in experiments.values() if each.ramp is not None]
    return {key_of(each): _told(each.ramp, level_of(fact, key_of(each))) for each in ramped if each.ramp}


def _told(ramp: Ramp, level: Level) -> dict[str, Any]:
    step = min(level.step, len(ramp.steps) - 1)
    return {
        "parameter": ramp.parameter, "value": ramp.steps[step], "step": step, "steps": len(ramp.steps),
        "streak": level.streak, "after": ramp.after,
    }  # fmt: skip


def level_of(fact: Mapping[str, Any] | None, key: str) -> Level:
    """The level that the journal has."""
    kept = (fact or {}).get(key) or {}
    return Level(int(kept.get("step", 0)), int(kept.get("streak", 0)))


def line(key: str, shown: Mapping[str, Any]) -> str:
    """`latency on web: delay 2s (step 2 of 4), 1 of 3 supported runs`."""
    runs = f"{shown['streak']} of {shown['after']} supported runs"
    at = f"step {shown['step'] + 1} of {shown['steps']}"
    return f"{key}: {shown['parameter']} {shown['value']} ({at}), {runs}"


@dataclass(slots=True)
class Ramps:
    """The levels of a running engine, kept in the journal."""

    course: Course
    fact: dict[str, Any] = field(default_factory=dict)

    def remember(self) -> None:
        """What earlier runs have shown."""
        self.fact = dict(self.course.journal.get(FACT) or {})

    def at_level(self, experiment: Experiment) -> Experiment:
        """The experiment as it may be now."""
        return at_step(experiment, level_of(self.fact, key_of(experiment)).step)

    def ended(self, finished: Finished, now: Now) -> None:
        """A run of a ramp has shown something."""
        experiment, ramp = finished.experiment, finished.experiment.ramp
        if ramp is None or experiment.urgent:
            return
        key = key_of(experiment)
        before = level_of(self.fact, key)
        level = climbed(before, ramp, shows(finished.result))
        if level == before and key in self.fact:
            return
        self.fact[key] = _told(ramp, level)
        self.course.record(lambda: self.course.journal.put(FACT, self.fact))
        if level.step != before.step:
            said = f"Ramp {line(key, self.fact[key])}"
            self.course.narrator.log.info(said, kind="ramp", ramp=key, step=level.step, before=before.step)
            self.course.record(
                lambda: self.course.journal.note(
                    now.wall, "ramp", ramp=key, old=before.step, new=level.step, experiment=finished.id
                )
            )
