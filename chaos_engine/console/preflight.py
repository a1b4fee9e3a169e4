"""Whether the world allows what a file asks for, before anything happens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chaos_engine.adapters.real_world import world_of
from chaos_engine.config import Settings
from chaos_engine.containers import ContainerError
from chaos_engine.model import Experiment, Step
from chaos_engine.ports import World
from chaos_engine.written import ConfigError


def check(asked: Iterable[tuple[Settings, Iterable[Experiment]]], world: World | None = None) -> None:
    """ConfigError names every step that would be refused, of each experiment with its settings."""
    world = world or world_of()
    told = (text for settings, them in asked for each in them for text in refusals(each, settings, world))
    problems = list(dict.fromkeys(told))
    if problems:
        raise ConfigError(problems)


def refusals(experiment: Experiment, settings: Settings, world: World) -> Iterator[str]:
    """One for each step that the world forbids."""
    for step in experiment.steps:
        try:
            text = _refusal(step, settings, world)
        except ContainerError as error:
            text = str(error)
        if text:
            yield f"{settings.source}: {step.scenario} on {step.target.name}: {text}"


def _refusal(step: Step, settings: Settings, world: World) -> str | None:
    scenario = settings.scenarios[step.scenario]
    return scenario.preflight(step.target, scenario.parameters.model_validate(dict(step.parameters)), world)
