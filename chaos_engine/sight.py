"""A look at what an experiment would hurt, before it begins: whether it is there, and how much of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random

from chaos_engine.adapters import folder
from chaos_engine.containers import ContainerError, Containers
from chaos_engine.guardrails import Reach
from chaos_engine.model import Experiment, Step, Target, shows_only
from chaos_engine.ports import World
from scenarios.base import Scenario
from scenarios.container import ContainerScenario, found_for
from scenarios.selection import RefusedError, how_many

ONE, UNKNOWN = (1, 1), (None, 0)
Count = tuple[int | None, int]  # of a target: how many are hurt (None: nobody knows), of how many


class MissingError(Exception):
    """A target is not there; the message says which, and what is missing."""


def reach_seen(experiment: Experiment, scenarios: Mapping[str, Scenario], world: World) -> Reach:
    """What it would hurt now. MissingError: a target is not there."""
    return _summed(experiment, ((s, _seen(s, scenarios.get(s.scenario), world)) for s in experiment.steps))


def reach_written(experiment: Experiment, scenarios: Mapping[str, Scenario]) -> Reach:
    """What it would hurt as far as the configuration tells, without a look at the world."""
    return _summed(experiment, ((s, _written(s, scenarios.get(s.scenario))) for s in experiment.steps))


def lasting(experiment: Experiment, scenarios: Mapping[str, Scenario]) -> tuple[str, ...]:
    """Its scenarios whose effects nothing undoes. What only shows what it would do is none."""
    names = (
        step.scenario for step in experiment.steps
        if step.scenario in scenarios and scenarios[step.scenario].undoes == "none"
        and not shows_only(step.parameters)
    )  # fmt: skip
    return tuple(dict.fromkeys(names))


def _summed(experiment: Experiment, counts: Iterable[tuple[Step, Count]]) -> Reach:
    hurt, share, every = [], 0.0, False
    for step, (count, of) in counts:
        hurt.append(count)
        # The only one of its kind is no large part of many.
        share = max(share, count / of if count is not None and of > 1 else 0.0)
        selector = step.target.containers
        every = every or (selector is not None and selector.replicas.every and of != 1)
    known = [count for count in hurt if count is not None]
    return Reach(experiment.targets, sum(known) if len(known) == len(hurt) else None, share, every)


def _written(step: Step, scenario: Scenario | None) -> Count:
    if scenario is not None and scenario.runs:
        return UNKNOWN
    selector = step.target.containers
    if not isinstance(scenario, ContainerScenario) or selector is None or selector.container:
        return ONE
    return (selector.replicas.count, 0) if selector.replicas.count else UNKNOWN


def _seen(step: Step, scenario: Scenario | None, world: World) -> Count:
    if isinstance(scenario, ContainerScenario):
        return _containers(step.target, world.containers)
    if scenario is not None and scenario.runs:
        return UNKNOWN
    if step.target.state_file is not None and (text := folder.state_file_refusal(step.target.state_file)):
        raise MissingError(f"{step.target.name}: {text}")
    return ONE


def _containers(target: Target, containers: Containers) -> Count:
    try:
        found = found_for(target, containers)
    except (RefusedError, ContainerError) as error:
        raise MissingError(f"{target.name}: {error}") from error
    running = [each for each in found if each.state == "running"]
    if not running:
        raise MissingError(f"{target.name}: none of its {len(found)} containers runs")
    assert target.containers is not None  # noqa: S101 - found_for has seen to it
    replicas = target.containers.replicas
    if replicas.any_number:
        return len(running), len(found)
    return how_many(replicas, len(running), Random(0)), len(found)  # noqa: S311 - a bound, no choice
