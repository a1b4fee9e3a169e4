"""Engines that hurt containers, killed or frozen; what is left is looked for in the Docker Engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from chaos_engine.adapters.docker_engine import DockerEngine
from chaos_engine.containers import VICTIM, ContainerError
from chaos_engine.fault_points import VARIABLE
from tests.docker import catalogue
from tests.docker.small import Project, comparable, image, project, rules_of
from tests.integration.engine_process import Place
from tests.killed import course
from tests.killed.course import Run
from tests.killed.machines import Processes
from tests.killed.matrix import Case, Ending
from tests.killed.outcome import Outcome, lateness
from tests.killed.sight import Ledger, Watch

SERVICES = ("web", "client")
STEP = "hold"
LOOK = 0.2  # seconds between two looks
# A helper is stopped, or another one is started that undoes what it left: some seconds on a busy machine.
MORE = 12.0


def everything() -> Iterator[Case]:
    """Every scenario with every ending, in its hold; nobody is left only where a helper takes it out."""
    for name in catalogue.names():
        for ending in Ending:
            if ending is not Ending.ALONE or catalogue.ends_by_itself(name):
                yield Case(name, STEP, ending)


def run(case: Case, folder: Path) -> Outcome:
    """Do it in an empty folder, to a Compose project of its own."""
    with ExitStack() as undo:
        small = undo.enter_context(project(catalogue.PROJECT, folder))
        environment = {VARIABLE: f"{case.step}:{case.ending.signal}", "CHAOS_HELPER_IMAGE": image()}
        place = Place(folder, environment)
        place.configure(yaml.safe_dump(_settings(case, small)))
        before = seen(small)
        watch = undo.enter_context(Watch(_sight(small)))
        doing = Run(case, place, Processes(case, place, undo), watch, Ledger(place.data))
        try:
            return course.played(doing, lambda run: _judged(run, small, before))
        except (AssertionError, OSError) as error:
            return Outcome(case, trouble=f"{type(error).__name__}: {error}")


def _settings(case: Case, small: Project) -> dict[str, Any]:
    resume = case.ending is Ending.RESUMED
    return {
        "schedule": {"startup_wait": "200ms", "every": "1h", "recovery": "2s", "seed": 1, "resume": resume},
        "targets": {"web": {"compose_service": "web", "compose_project": small.name, "role": "database"}},
        "scenarios": {case.scenario: catalogue.parameters(case.scenario)},
    }


def seen(small: Project) -> dict[str, Any]:
    """The project, less ids, times and given addresses; and what the kernel filters there."""
    found: dict[str, Any] = {name: comparable(small.inspect(name)) for name in SERVICES}
    return found | {f"rules of {name}": rules_of(small.container(name)) for name in SERVICES}


def _sight(small: Project) -> Callable[[], str]:
    """Whether a helper is at work, or the Engine shows a container that is not as it was."""
    engine = DockerEngine()
    victims = {name: engine.inspect(small.container(name)) for name in SERVICES}
    before = {name: _shape(found) for name, found in victims.items()}
    ids = [found["Id"] for found in victims.values() if found]

    def look() -> str:
        time.sleep(LOOK)
        try:
            hurt = any(_shape(engine.inspect(small.container(name))) != before[name] for name in SERVICES)
            helped = any(
                each.state == "running" for id_ in ids for each in engine.listing([f"{VICTIM}={id_}"])
            )
        except ContainerError:  # a container that vanishes while it is looked at
            return "e1-0"
        return "e1-0" if hurt or helped else ""

    return look


def _shape(found: Mapping[str, Any] | None) -> object:
    if found is None:
        return None
    state, networks = found["State"], found["NetworkSettings"]["Networks"]
    return state["Running"], state["Paused"], sorted(networks), sorted(found["Config"]["Env"])


def _is_under_way(doing: Run) -> bool:
    """Whether a clearing may still come to its end."""
    open_ = doing.case.ending is not Ending.ALONE and any(row.open for row in doing.ledger.rows())
    return open_ or bool(doing.watch.seen)


def _judged(doing: Run, small: Project, before: Mapping[str, Any]) -> Outcome:
    patience = time.monotonic() + MORE
    while _is_under_way(doing) and time.monotonic() < patience:
        time.sleep(LOOK)
    rows, spells, after = doing.ledger.rows(), list(doing.watch.spells), seen(small)
    late, back = lateness(rows, spells)
    left = [f"{name} is not as it was" for name in before if after[name] != before[name]]
    left += ["a helper still runs"] if doing.watch.seen else []
    if doing.case.ending is not Ending.ALONE:
        left += [f"{row.fault.id} is open in the ledger ({row.status})" for row in rows if row.open]
    turned = doing.turned
    again = [spell.ended - turned for spell in spells if spell.begun < turned < spell.ended]
    return Outcome(
        doing.case, left=tuple(left), faults=len(rows), late=late, back=back,
        after=max(again, default=0.0), gap=doing.watch.gap, trouble=course.wrong_way(doing),
    )  # fmt: skip
