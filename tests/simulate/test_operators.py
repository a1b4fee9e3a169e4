"""What operators, signals and full disks do to a running engine: one story a test, in a calm world."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import scheduler
from chaos_engine.config import Settings
from chaos_engine.model import (
    Experiment,
    Hypothesis,
    Outcome,
    Purpose,
    Question,
    Ran,
    Step,
    Target,
    Verdict,
)
from chaos_engine.narration import Narrator
from tests.simulate.accidents import DIES
from tests.simulate.configurations import PROBES
from tests.simulate.endings import nothing_left
from tests.simulate.histories import REAL
from tests.simulate.truth import Temper
from tests.simulate.twins import Nature
from tests.simulate.world import World

A, B = (Target(name, Path(f"/chaos/{name}.json")) for name in ("a", "b"))
GENTLE = Temper(unsteady=0.0, breaks=0.0, unfelt=0.0, lag=0.0, never=0.0)


def experiment(target: Target = A, **changes: Any) -> Experiment:
    found = Experiment(f"crash on {target.name}", "crash", (Step("crash", target),), hold=10.0)
    return replace(found, **changes)


class Daemon:
    """A world with one engine in it: crashes of `a` and `b`, every 60 s."""

    def __init__(self, nature: Nature = Nature(), **rules: Any) -> None:  # noqa: B008
        choice = scheduler.Choice("crash", 1.0, ("a",))
        self.rules = replace(scheduler.Rules(60.0, 0.0, (choice,), max_concurrent=2), **rules)
        self.world = World(1, nature, GENTLE, self.rules)
        self.settings = Settings(
            "story", self.rules, None, 10.0, {"a": A, "b": B}, self.world.scenarios(REAL),
            {("crash", "a"): experiment(A), ("crash", "b"): experiment(B)},
        )  # fmt: skip

    def at(self, seconds: float, kind: str, **arguments: Any) -> None:
        self.world.agenda.after(seconds, lambda: self.world.command(kind, arguments))

    def run(self, seconds: float, **ends: Any) -> World:
        self.world.agenda.after(seconds, self.world.terminate)
        self.world.live(self.settings, 0.5, **ends)
        return self.world

    @property
    def answers(self) -> list[dict[str, Any]]:
        return [what[2] for what in self.world.journal.history if what[0] == "answer"]

    def injections(self) -> list[tuple[str, float]]:
        return [(w[1].target.name, w[1].armed_at.mono) for w in self.world.journal.history if w[0] == "arm"]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"scenario": "crash"},
        {"scenario": "nothing", "target": "a"},
        {"scenario": "crash", "target": "nowhere"},
        {"scenario": "crash", "target": "a", "for": "soon"},
        {"scenario": "crash", "target": "a", "for": -1},
        {"scenario": "crash", "target": "a", "for": float("nan")},
        {"scenario": "crash", "target": "a", "for": [1]},
    ],
)
def test_a_command_that_cannot_be_obeyed_is_refused_and_the_daemon_goes_on(arguments: dict[str, Any]) -> None:
    daemon = Daemon(startup_wait=20.0)
    daemon.at(1.0, "inject", **arguments)
    daemon.at(2.0, "dance")
    world = daemon.run(100.0)
    assert all("error" in answer for answer in daemon.answers)
    assert len(daemon.answers) == 2
    assert [story.experiment.title for story in world.journal.stories.values()] == ["crash on a"] * 2


def test_an_operator_injects_clears_pauses_and_resumes() -> None:
    daemon = Daemon(startup_wait=1000.0)
    daemon.at(1.0, "inject", scenario="crash", target="b", **{"for": 5, "now": True})
    daemon.at(30.0, "inject", scenario="crash", target="a")
    daemon.at(33.0, "clear")
    world = daemon.run(60.0)
    first, second = world.journal.stories.values()
    assert first.result is not None
    assert second.result is not None
    assert (first.result.run, first.result.ended_by) == (Ran.COMPLETED, "time")
    assert (second.result.run, second.result.ended_by) == (Ran.ABORTED, "operator")
    assert daemon.answers == [{"experiment": "e1"}, {"experiment": "e2"}, {"cleared": ["e2"]}]


def test_nothing_is_injected_while_the_engine_stops() -> None:
    daemon = Daemon(Nature(latency=0.9), startup_wait=0.0)
    daemon.at(5.3, "inject", scenario="crash", target="b", now=True)
    daemon.at(5.6, "inject", scenario="crash", target="b", now=True)
    daemon.run(5.2)
    assert [name for name, _ in daemon.injections()] == ["a"]
    assert {"error": "the engine is stopping"} in daemon.answers


def test_a_halt_that_cannot_be_written_clears_all_the_same() -> None:
    daemon = Daemon()
    daemon.at(4.0, "halt", why="incident")
    daemon.at(200.0, "resume")

    def full(name: str, *what: Any) -> None:
        if name == "put" and what[0] == "switches":
            raise OSError(28, "No space left on device")

    daemon.world.journal.before = full
    world = daemon.run(260.0)
    first, *others = (story.result for story in world.journal.stories.values())
    assert first is not None
    assert (first.run, first.reason) == (Ran.ABORTED, "halted: incident")
    assert first.cleared_at == pytest.approx(1_700_001_004.7, abs=1.0)
    assert len(others) == 1  # slots at 60, 120 and 180 s were passed over


def test_a_halt_file_clears_and_holds_over_a_restart_until_it_is_removed() -> None:
    daemon = Daemon()
    world = daemon.world
    world.agenda.after(4.0, lambda: setattr(world, "halt_file", "smoke in the hall"))
    daemon.at(70.0, "resume")  # it does not lift a halt that came from a file
    daemon.at(80.0, "inject", scenario="crash", target="b")
    daemon.run(100.0)
    (only,) = (story.result for story in world.journal.stories.values())
    assert only is not None
    assert (only.run, only.reason) == (Ran.ABORTED, "halted: smoke in the hall")
    assert only.cleared_at == pytest.approx(1_700_001_004.7, abs=1.0)
    told = "the engine is halted: smoke in the hall; remove the file HALT (halt)"
    assert daemon.answers[1:] == [{"error": told}]

    world.told_to_stop = None
    world.agenda.after(70.0, lambda: setattr(world, "halt_file", None))
    daemon.run(130.0)
    assert len(world.journal.stories) == 2
    nothing_left(world.watcher, world.states.files)


def test_a_removed_halt_file_does_not_lift_an_operators_halt() -> None:
    daemon = Daemon(startup_wait=20.0)
    daemon.world.halt_file = ""
    daemon.at(1.0, "halt", why="mine")
    daemon.world.agenda.after(5.0, lambda: setattr(daemon.world, "halt_file", None))
    assert not daemon.run(100.0).journal.stories
    assert daemon.world.journal.facts["switches"]["halted"]


def test_a_queue_is_refused_under_a_halt() -> None:
    daemon = Daemon(enabled=False)
    daemon.world.agenda.after(4.0, lambda: setattr(daemon.world, "halt_file", "enough"))
    world = daemon.run(100.0, queue=(experiment(A), experiment(B)))
    (only,) = world.journal.stories.values()
    assert only.result is not None
    assert only.result.run is Ran.ABORTED


def test_an_experiment_is_not_gone_on_with_under_a_halt() -> None:
    daemon = Daemon()
    settings = replace(daemon.settings, resume=True)
    daemon.world.plan.add("hold", DIES, 1)
    assert daemon.world.live(settings, 0.5) is None
    daemon.world.halt_file = "while it was dead"
    daemon.world.agenda.after(30.0, daemon.world.terminate)
    daemon.world.live(settings, 0.5)
    (story,) = daemon.world.journal.stories.values()
    assert story.result is not None
    assert story.result.run is Ran.INTERRUPTED
    nothing_left(daemon.world.watcher, daemon.world.states.files)


def test_a_reload_does_not_forget_how_to_clear_what_is_in() -> None:
    daemon = Daemon()
    fewer = replace(daemon.settings, scenarios={}, rules=replace(daemon.rules, enabled=False))
    daemon.world.configurations = [fewer]
    daemon.world.agenda.after(5.0, daemon.world.reload)
    world = daemon.run(60.0)
    nothing_left(world.watcher, world.states.files)
    assert len(daemon.injections()) == 1


def test_a_refused_configuration_changes_nothing() -> None:
    daemon = Daemon()
    daemon.world.agenda.after(5.0, daemon.world.reload)
    assert len(daemon.run(70.0).journal.stories) == 2


def test_a_queue_never_hurts_one_target_twice_at_once() -> None:
    daemon = Daemon(enabled=False)
    same = Target("another-name", A.state_file)
    queue = (experiment(A), experiment(same), experiment(B))
    world = daemon.run(100.0, queue=queue, abreast=3)
    assert [name for name, _ in daemon.injections()] == ["a", "another-name", "b"]
    nothing_left(world.watcher, world.states.files)


def test_min_interval_counts_over_a_restart() -> None:
    daemon = Daemon(min_interval=50.0, every=20.0)
    daemon.world.hooks.dies_at = 8
    assert daemon.world.live(daemon.settings, 0.5) is None
    daemon.world.hooks.dies_at = None
    daemon.run(150.0)
    (_, first), (_, second), *_ = daemon.injections()
    assert second - first >= 50.0


@pytest.mark.parametrize(("moment", "verdict"), [(0, Verdict.SUPPORTED), (1, Verdict.INTERRUPTED)])
def test_an_answer_counts_from_the_line_of_the_clearing_on(moment: int, verdict: Verdict) -> None:
    """Killed just before that line, nobody knows the answer: the next engine asks again."""
    daemon = Daemon()
    judged = experiment(A, hypothesis=Hypothesis(PROBES[3:4]))
    settings = replace(daemon.settings, experiments={("crash", "a"): judged}, resume=True)
    daemon.world.truth.temper = replace(GENTLE, breaks=1.0)
    daemon.world.plan.add("clear", DIES, moment)
    assert daemon.world.live(settings, 0.5) is None
    daemon.world.truth.temper = GENTLE
    daemon.world.settle(settings)
    (story,) = daemon.world.journal.stories.values()
    assert story.result is not None
    assert story.result.verdict is verdict
    outcomes = [s.outcome for s in daemon.world.truth.said if s.purpose is Purpose.HYPOTHESIS]
    assert outcomes == [Outcome.BROKEN if moment else Outcome.PASS]


def test_a_gate_does_not_count_samples_of_a_fault_that_was_just_cleared() -> None:
    """The other experiment is recovering: its fault is out, and still in the samples."""
    daemon = Daemon(enabled=False, max_concurrent=2)
    asked: list[Question] = []
    real = daemon.world.truth.evaluate

    def evaluate(questions: Any, budget: float) -> Any:
        asked.extend(q for q in questions if q.purpose is Purpose.GATE)
        return real(questions, budget)

    daemon.world.evaluate = evaluate
    daemon.world.truth.temper = replace(GENTLE, never=1.0)
    steady = {"steady": PROBES[2:3], "lookback": 5.0}
    slow = experiment(A, **steady, recovery_timeout=60.0)
    daemon.run(60.0, queue=(slow, experiment(B, **steady)), abreast=2)
    (_, first), (_, second) = daemon.injections()
    assert second > first + 10.0
    last = asked[-1]
    assert any(window.start <= first + 1_700_000_000.0 <= window.end for window in last.blackouts)


def test_a_defect_of_the_engine_leaves_nothing_in(monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = Daemon()

    def defect(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Narrator, "marked", defect)
    with pytest.raises(ZeroDivisionError):
        daemon.run(100.0)
    assert daemon.injections()
    assert {state["mode"] for state in daemon.world.states.files.values()} == {"healthy"}
