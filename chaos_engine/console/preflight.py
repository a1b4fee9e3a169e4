"""Whether the world allows what a file asks for, before anything happens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chaos_engine.config import Settings
from chaos_engine.containers import ContainerError
from chaos_engine.model import Experiment, Step
from chaos_engine.ports import World
from chaos_engine.written import ConfigError


def check(settings: Settings, world: World, experiments: Iterable[Experiment] | None = None) -> None:
    """ConfigError names every step that would be refused. `experiments` None: all of the settings."""
    asked = settings.experiments.values() if experiments is None else experiments
    problems = list(dict.fromkeys(text for each in asked for text in refusals(each, settings, world)))
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
