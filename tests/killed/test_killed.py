"""A small part of `make soak`: every step once, scenarios and endings in turn; and that it can say "left"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.docker import small
from tests.integration.engine_process import Place
from tests.killed import containers, course, machines
from tests.killed.at_once import play
from tests.killed.machines import Containers, Processes
from tests.killed.matrix import PLUGINS, Case, Ending, everything, in_turn, scenarios
from tests.killed.outcome import Outcome

pytestmark = pytest.mark.timeout(600)
AT_ONCE = 32  # they mostly wait for their deadline, 22 s after the injection
WITHOUT_END = """
from scenarios.state_file import StateFileScenario

class Lasting(StateFileScenario):
    name = mode = "lasting"

    def state(self, fault, at):
        return {k: v for k, v in super().state(fault, at).items() if k != "expires_at"}
"""


class NoJanitor(Processes):
    def begin(self) -> None:
        self.again()


class NotAgain(Processes):
    def __init__(self, case: Case, place: Place, undo: ExitStack) -> None:
        super().__init__(case, place, undo)
        self.starts = 0

    def again(self) -> None:
        self.starts += 1
        if self.starts == 1:
            super().again()


class Harmless(Processes):
    """Its step is never reached."""

    def again(self) -> None:
        self._engine = self._place.start("plan")
        self._undo.callback(self._engine.close)


BROKEN = {
    "a state without an end": (Case("lasting", "after-inject", Ending.ALONE), Processes),
    "a janitor that does not run": (Case("maintenance", "after-applied", Ending.JANITOR), NoJanitor),
    "an engine that is not started again": (Case("slowdown", "hold", Ending.RESTARTED), NotAgain),
    "a step that is not reached": (Case("crash", "hold", Ending.ALONE), Harmless),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """All at once, since they mostly wait; what is broken on purpose by name, the others by their case."""
    plugins = tmp_path_factory.mktemp("plugins")
    (plugins / "lasting_scenarios.py").write_text(WITHOUT_END)
    jobs = {str(case): partial(course.run, case, make=Processes) for case in in_turn()}
    for name, (case, make) in BROKEN.items():
        own = plugins if case.scenario == "lasting" else PLUGINS
        jobs[name] = partial(course.run, case, make=make, plugins=own)
    folders = {name: tmp_path_factory.mktemp("run") for name in jobs}
    return dict(_played(jobs, folders))


def _played(jobs: dict[str, partial[Outcome]], folders: dict[str, Path]) -> Iterator[tuple[str, Outcome]]:
    found = {}

    def one(name: str) -> Outcome:
        found[name] = jobs[name](folders[name])
        return found[name]

    play("killed", jobs, one, AT_ONCE)
    yield from found.items()


@pytest.mark.parametrize("case", list(in_turn()), ids=str)
def test_nothing_is_left(case: Case, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[str(case)]
    assert outcome.good, outcome


def test_a_state_without_an_end_is_called_left(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["a state without an end"]
    assert outcome.left == ("an application still sees e1-0",)
    assert outcome.late > 0


def test_a_fault_that_only_the_missing_janitor_could_clear_is_called_left(
    outcomes: dict[str, Outcome],
) -> None:
    outcome = outcomes["a janitor that does not run"]
    assert outcome.left == ("an application still sees e1-0", "e1-0 is open in the ledger (applied)")


def test_what_the_missing_next_engine_would_have_cleared_is_called_left(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["an engine that is not started again"]
    assert outcome.left == ("e1-0 is open in the ledger (applied)", "the file still says slow")
    assert "the engine has ended" in outcome.trouble


def test_a_step_that_is_not_reached_is_no_pass(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["a step that is not reached"]
    assert not outcome.hit
    assert not outcome.good


def test_the_matrix_holds_every_scenario_and_knows_what_cannot_be() -> None:
    cases = list(everything())
    assert {case.scenario for case in cases} == set(scenarios()) >= {"crash", "slowdown", "config_error"}
    assert len(set(cases)) == len(cases)
    # What is no state file does not end by itself, and is not written like one.
    assert not [c for c in cases if c.scenario == "maintenance" and c.ending is Ending.ALONE]


@pytest.mark.docker
def test_nothing_is_left_by_a_container_that_was_killed(tmp_path: Path) -> None:
    machines.build()
    try:
        tmp_path.chmod(0o755)
        outcome = course.run(Case("slowdown", "after-inject", Ending.RESTARTED), tmp_path, Containers)
    finally:
        machines.forget()
    assert outcome.good, outcome
    assert outcome.faults == 1


@pytest.mark.docker
def test_nothing_is_left_in_containers(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A helper that is alone, a janitor, a next engine, and one that thaws: each once."""
    cases = [
        Case("partition", containers.STEP, Ending.ALONE),
        Case("partition", containers.STEP, Ending.LONG),
        Case("pause", containers.STEP, Ending.JANITOR),
        Case("pause", containers.STEP, Ending.RESTARTED),
    ]
    small.image()
    outcomes = play(
        "containers", cases, lambda case: containers.run(case, tmp_path_factory.mktemp("run")), len(cases)
    )
    assert all(outcome.good and outcome.faults == 1 for outcome in outcomes), outcomes


@pytest.mark.docker
def test_a_paused_container_that_nobody_clears_is_called_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "Processes", NoJanitor)
    outcome = containers.run(Case("pause", containers.STEP, Ending.JANITOR), tmp_path)
    assert "web is not as it was" in outcome.left
