"""What is done to the engine: every scenario, at every step, with every ending."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TypeVar

from chaos_engine.fault_points import KEEPING, STEPS, WRITING
from chaos_engine.model import Target
from scenarios.base import Scenario
from scenarios.registry import load
from scenarios.state_file import StateFileScenario
from scenarios.toolkit_scenarios import Toolkit

ROOT = Path(__file__).parents[2]
W = TypeVar("W")
FLAGS = "flags.json"  # beside the state file
MARK = "mark"  # what a run leaves there while it hurts
PLUGINS = ROOT / "examples" / "my_scenarios"


class Ending(StrEnum):
    """What happens to the engine at the step, and what then."""

    RESTARTED = "killed, started again"
    RESUMED = "killed, started again to go on"
    JANITOR = "killed, the janitor lives"
    ALONE = "killed, nobody is left"
    TAKEN_OVER = "frozen, the janitor clears, thawed"
    SHORT = "frozen, thawed before the deadline"
    LONG = "frozen, thawed after the deadline"
    TOLD = "told to end (SIGTERM)"

    @property
    def signal(self) -> str:
        """As the fault point wants it."""
        return "TERM" if self is Ending.TOLD else "KILL" if self.value.startswith("killed") else "STOP"

    @property
    def has_janitor(self) -> bool:
        """Whether one runs beside the engine."""
        return self in (Ending.JANITOR, Ending.TAKEN_OVER)

    @property
    def is_started_again(self) -> bool:
        """Whether there is a next engine."""
        return self in (Ending.RESTARTED, Ending.RESUMED)

    @property
    def is_the_end(self) -> bool:
        """Whether no engine runs afterwards."""
        return self in (Ending.JANITOR, Ending.ALONE, Ending.TOLD)


@dataclass(frozen=True, slots=True)
class Case:
    """One run."""

    scenario: str
    step: str
    ending: Ending

    def __str__(self) -> str:
        return f"{self.scenario}, {self.step}, {self.ending.value}"


@cache
def scenarios(plugins: Path = PLUGINS) -> Mapping[str, Scenario]:
    """Every one that hurts this machine, built in or of the examples; those in AWS are killed elsewhere."""
    here = Target("shop", Path("state.json"), flagd_file=Path(FLAGS))
    return {name: found for name, found in load(plugins).items() if found.refusal(here) is None}


def fits(case: Case, scenario: Scenario) -> bool:
    """Whether there is such a run.

    Only a state file is written; only its faults, and runs, end by themselves; only who goes on keeps what it
    needs.
    """
    is_state = isinstance(scenario, StateFileScenario)
    ends_itself = is_state or isinstance(scenario, Toolkit)  # a run rolls back at its own end
    if case.step in KEEPING and case.ending is not Ending.RESUMED:
        return False
    if case.step in WRITING and not is_state:
        return False
    return ends_itself or case.ending is not Ending.ALONE


def everything() -> Iterator[Case]:
    """Every combination."""
    for name, scenario in scenarios().items():
        for step, ending in itertools.product(STEPS, Ending):
            if fits(case := Case(name, step, ending), scenario):
                yield case


def in_turn(*, each: bool = False, without: Collection[str] = ()) -> Iterator[Case]:
    """Every step once (`each`: once an ending), scenarios and endings in turn."""
    names, endings = [name for name in scenarios() if name not in without], list(Ending)
    for row, step in enumerate(STEPS):
        turned = (_first(_turned(names, row + n), step, e) for n, e in enumerate(_turned(endings, row)))
        cases = [case for case in turned if case is not None]
        yield from cases if each else cases[:1]


def _turned(words: list[W], by: int) -> list[W]:
    start = by % len(words)
    return words[start:] + words[:start]


def _first(names: Iterable[str], step: str, ending: Ending) -> Case | None:
    """With the first scenario that it fits."""
    cases = (Case(name, step, ending) for name in names)
    return next((case for case in cases if fits(case, scenarios()[case.scenario])), None)
