"""What is done to the engine: every scenario, at every step, with every ending."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from chaos_engine.fault_points import STEPS, WRITING
from scenarios.base import Scenario
from scenarios.registry import load
from scenarios.state_file import StateFileScenario

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "examples" / "my_scenarios"


class Ending(StrEnum):
    """What happens to the engine at the step, and what then."""

    RESTARTED = "killed, started again"
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
        return self is Ending.RESTARTED

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
    """Every one there is: the built-in ones, and those of the examples."""
    return load(plugins)


def fits(case: Case, scenario: Scenario) -> bool:
    """Whether there is such a run: only a state file is written, and only its faults end by themselves."""
    is_state = isinstance(scenario, StateFileScenario)
    return is_state or (case.step not in WRITING and case.ending is not Ending.ALONE)


def everything() -> Iterator[Case]:
    """Every combination."""
    for name, scenario in scenarios().items():
        for step, ending in itertools.product(STEPS, Ending):
            if fits(case := Case(name, step, ending), scenario):
                yield case


def in_turn(endings: tuple[Ending, ...] = tuple(Ending), *, each: bool = False) -> Iterator[Case]:
    """Every step once (`each`: once an ending), scenarios and endings in turn."""
    known = scenarios()
    names = itertools.cycle(known)
    turns = itertools.cycle(endings)
    for step in STEPS:
        for _ in range(len(endings) if each else 1):
            ending = next(turns)
            cases = (Case(next(names), step, ending) for _ in known)
            yield next(case for case in cases if fits(case, known[case.scenario]))
