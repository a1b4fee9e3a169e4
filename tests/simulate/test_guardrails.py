"""Guardrails in the real engine: what is refused, counted, approved, and rolled back. One story a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chaos_engine.guardrails import Guardrails, Radius, Reach
from chaos_engine.model import (
    AlarmProbe,
    Evidence,
    Experiment,
    Hypothesis,
    Judgement,
    Outcome,
    Question,
    QuietAlerts,
    Ramp,
    Ran,
    Step,
    Window,
)
from chaos_engine.sight import MissingError
from tests.simulate.accidents import DIES
from tests.simulate.configurations import PROBES
from tests.simulate.endings import nothing_left
from tests.simulate.test_operators import A, B, Daemon, experiment
from tests.simulate.twins import Nature

ALL = Radius(targets=1)  # everything is large


def guarded(daemon: Daemon, rails: Guardrails, **changes: Any) -> Daemon:
    daemon.settings = replace(daemon.settings, guardrails=rails, **changes)
    return daemon


def skips(daemon: Daemon) -> list[tuple[str, str, str]]:
    notes = (w for w in daemon.world.journal.history if w[0] == "note" and w[2] == "skip")
    return [(w[3]["rule"], w[3].get("scenario", ""), w[3].get("target", "")) for w in notes]


def begun(daemon: Daemon) -> list[str]:
    return [story.experiment.title for story in daemon.world.journal.stories.values()]


def test_what_a_guardrail_forbids_is_refused_and_counted_whoever_asks() -> None:
    daemon = guarded(Daemon(startup_wait=10.0), Guardrails(radius=Radius(containers=0)))
    daemon.at(2.0, "inject", scenario="crash", target="b")
    daemon.run(20.0)
    assert begun(daemon) == []
    assert skips(daemon) == [("blast_radius", "crash", "b"), ("blast_radius", "crash", "a")]
    assert daemon.answers == [{"error": "1 containers would be hurt at once; allowed: 0 (blast_radius)"}]


def test_a_queue_is_bound_too() -> None:
    daemon = guarded(Daemon(enabled=False), Guardrails(radius=Radius(containers=0)))
    daemon.run(50.0, queue=(experiment(A), experiment(B)))
    assert begun(daemon) == []
    assert [rule for rule, _, _ in skips(daemon)] == ["blast_radius"] * 2


def test_the_blast_radius_counts_what_is_open() -> None:
    daemon = guarded(Daemon(startup_wait=1000.0), Guardrails(radius=Radius(targets=1)))
    daemon.at(2.0, "inject", scenario="crash", target="a")
    daemon.at(5.0, "inject", scenario="crash", target="b")
    daemon.at(30.0, "inject", scenario="crash", target="b")
    daemon.run(60.0)
    assert begun(daemon) == ["crash on a", "crash on b"]
    assert skips(daemon) == [("blast_radius", "crash", "b")]


# --- approvals --------------------------------------------------------------------------------


def test_what_the_schedule_asks_for_begins_when_it_is_approved() -> None:
    daemon = guarded(Daemon(startup_wait=5.0), Guardrails(large=ALL))
    daemon.at(20.0, "approve", id="a1", who="ann", why="agreed")
    daemon.at(21.0, "approve", id="a1")
    daemon.at(22.0, "approve", id="a7")
    daemon.run(50.0)
    (story,) = daemon.world.journal.stories.values()
    assert story.began - 1_700_001_000.0 == pytest.approx(20.0, abs=1.0)
    assert skips(daemon) == [("approval", "crash", "a")]
    first, *errors = daemon.answers
    assert first["approval"]["who"] == "ann"
    assert ["a1 is used already" in errors[0]["error"], "no approval 'a7'" in errors[1]["error"]] == [
        True
    ] * 2
    (kept,) = daemon.world.journal.facts["approvals"]
    assert (kept["state"], kept["who"], kept["because"]) == ("used", "ann", "agreed")


def test_who_asked_by_hand_asks_again_within_the_time_and_once() -> None:
    daemon = guarded(Daemon(startup_wait=1000.0), Guardrails(large=ALL, approve_within=60.0))
    ask = {"scenario": "crash", "target": "b"}
    daemon.at(2.0, "inject", **ask)
    daemon.at(4.0, "approve", id="a1")
    daemon.at(6.0, "inject", scenario="crash", target="a")  # another one: it needs its own
    daemon.at(8.0, "inject", **ask)
    daemon.at(40.0, "inject", **ask)  # used up
    daemon.at(50.0, "approve", id="a3")
    daemon.at(150.0, "inject", **ask)  # too late
    daemon.run(160.0)
    assert begun(daemon) == ["crash on b"]
    assert [kept["state"] for kept in daemon.world.journal.facts["approvals"]] == [
        "used", "expired", "expired", "asked",
    ]  # fmt: skip


def test_approvals_outlive_a_restart_and_a_halt_outweighs_them() -> None:
    daemon = guarded(Daemon(startup_wait=1000.0), Guardrails(large=ALL))
    daemon.at(2.0, "inject", scenario="crash", target="b")
    daemon.at(4.0, "approve", id="a1")
    daemon.run(10.0)
    daemon.world.told_to_stop = None
    daemon.at(2.0, "halt")
    daemon.at(4.0, "inject", scenario="crash", target="b")
    daemon.at(6.0, "resume")
    daemon.at(8.0, "inject", scenario="crash", target="b")
    daemon.run(40.0)
    assert begun(daemon) == ["crash on b"]
    assert [rule for rule, _, _ in skips(daemon)] == ["approval", "halt"]


# --- a look at the world ------------------------------------------------------------------------


def answering(outcome: Outcome) -> Callable[[Any, float], tuple[Judgement, ...]]:
    def evaluate(questions: Any, budget: float) -> tuple[Judgement, ...]:
        return tuple(Judgement(q.probe.label, outcome, "so", Evidence("", q.window)) for q in questions)

    return evaluate


@pytest.mark.parametrize(("outcome", "begins"), [(o, o is Outcome.PASS) for o in Outcome])
def test_nothing_begins_while_an_alert_fires_or_nobody_can_tell(outcome: Outcome, begins: bool) -> None:
    daemon = guarded(Daemon(startup_wait=5.0), Guardrails(alerts=("any",), prometheus_url="http://p"))
    daemon.world.evaluate = answering(outcome)
    daemon.run(30.0)
    assert bool(begun(daemon)) is begins
    assert skips(daemon) == ([] if begins else [("alert_fires", "crash", "a")])


def test_alarms_are_asked_beside_alerts_at_the_moment() -> None:
    daemon = guarded(Daemon(startup_wait=5.0), Guardrails(alerts=("Down",), alarms=("Cpu",)))
    asked: list[Question] = []

    def evaluate(questions: Any, budget: float) -> tuple[Judgement, ...]:
        asked.extend(questions)
        found = answering(Outcome.PASS)(questions, budget)
        return (*found[:-1], replace(found[-1], outcome=Outcome.BROKEN))

    daemon.world.evaluate = evaluate
    daemon.run(30.0)
    assert [type(q.probe) for q in asked] == [QuietAlerts, AlarmProbe]
    assert asked[0].window == Window(1_700_001_005.0, 1_700_001_005.0)
    assert skips(daemon) == [("alarm_fires", "crash", "a")]


def test_a_target_that_is_not_there_is_a_refusal_and_no_failed_experiment() -> None:
    daemon = Daemon(startup_wait=5.0)

    def see(found: Experiment, _: Any) -> Reach:
        raise MissingError(f"{found.targets[0]}: the folder '/chaos' does not exist")

    daemon.world.see = see
    daemon.at(2.0, "inject", scenario="crash", target="b")
    daemon.run(30.0)
    assert begun(daemon) == []
    assert skips(daemon) == [("target_missing", "crash", "b"), ("target_missing", "crash", "a")]
    told = "b: the folder '/chaos' does not exist (target_missing)"
    assert daemon.answers == [{"error": told}]


def test_a_look_that_raises_or_hangs_is_a_refusal_and_the_engine_goes_on() -> None:
    daemon = Daemon(Nature(hang=1.0), startup_wait=5.0)
    daemon.world.see = lambda found, _: Reach(found.targets, 1)
    daemon.run(50.0)
    assert begun(daemon) == []
    assert skips(daemon) == [("target_missing", "crash", "a")]


def test_what_is_seen_counts_and_not_what_is_written() -> None:
    daemon = guarded(Daemon(startup_wait=5.0), Guardrails(radius=Radius(containers=2)))
    daemon.world.see = lambda found, _: Reach(found.targets, 3)
    daemon.run(30.0)
    assert skips(daemon) == [("blast_radius", "crash", "a")]


def test_a_halt_while_something_is_looked_into_forbids_it() -> None:
    daemon = Daemon(Nature(latency=0.0), startup_wait=5.0)

    def see(found: Experiment, _: Any) -> Reach:
        daemon.world.halt_file = "now"
        daemon.world.journal.post("halt", {}, daemon.world.clock.now().wall)
        return Reach(found.targets, 1)

    daemon.world.see = see
    daemon.run(60.0)
    nothing_left(daemon.world.watcher, daemon.world.states.files)
    assert all(s.result and s.result.run is not Ran.COMPLETED for s in daemon.world.journal.stories.values())


# --- recovery -----------------------------------------------------------------------------------


def test_nothing_begins_until_the_steady_state_holds_again_also_over_a_restart() -> None:
    steady = experiment(A, steady=PROBES[:1], lookback=2.0, recovery_timeout=3.0)
    rails = Guardrails(only_after_recovery=True)
    daemon = guarded(Daemon(every=30.0), rails, experiments={("crash", "a"): steady})
    daemon.world.truth.temper = replace(daemon.world.truth.temper, never=1.0)
    daemon.run(28.0)
    assert daemon.world.journal.facts["not_recovered"] == {"scenario": "crash", "target": "a"}
    real, daemon.world.evaluate = daemon.world.evaluate, answering(Outcome.BROKEN)
    daemon.world.told_to_stop = None
    daemon.run(40.0)
    assert begun(daemon) == ["crash on a"]
    assert [rule for rule, _, _ in skips(daemon)] == ["not_recovered"] * 2
    daemon.world.evaluate = answering(Outcome.PASS)
    daemon.world.told_to_stop = None
    daemon.world.agenda.after(3.0, lambda: setattr(daemon.world, "evaluate", real))
    daemon.run(20.0)
    assert begun(daemon) == ["crash on a"] * 2


def test_resume_lifts_it() -> None:
    daemon = guarded(Daemon(startup_wait=1000.0), Guardrails(only_after_recovery=True))
    daemon.world.journal.facts["not_recovered"] = {"scenario": "crash", "target": "a"}
    daemon.at(2.0, "inject", scenario="crash", target="b")
    daemon.at(4.0, "resume")
    daemon.at(6.0, "inject", scenario="crash", target="b")
    daemon.run(30.0)
    assert [rule for rule, _, _ in skips(daemon)] == ["not_recovered"]
    assert begun(daemon) == ["crash on b"]


# --- rollbacks ----------------------------------------------------------------------------------


def rolling(daemon: Daemon) -> Daemon:
    """A crash of `a` that a slowdown of `a` rolls back."""
    crash = experiment(A, rollback="undo")
    undo = replace(experiment(A), label="undo", title="undo on a", hold=2.0)
    return guarded(daemon, Guardrails(), experiments={("crash", "a"): crash, ("undo", "a"): undo})


def test_a_rollback_follows_at_once_whatever_the_rules_say() -> None:
    daemon = rolling(Daemon())
    rules = replace(daemon.rules, min_interval=50.0)  # between faults; who watches knows only of those
    daemon.settings = replace(daemon.settings, rules=rules)
    daemon.at(3.0, "halt")
    daemon.run(30.0)
    assert begun(daemon) == ["crash on a", "rollback of e1"]
    first, second = daemon.injections()
    assert second[1] - first[1] < 10.0
    assert daemon.world.journal.facts["rollbacks"] == []


def test_a_rollback_is_owed_over_a_death() -> None:
    daemon = rolling(Daemon(enabled=False))
    daemon.world.journal.post("inject", {"scenario": "crash", "target": "a"}, 1_700_001_000.0)
    daemon.world.plan.add("hold", DIES, 1)
    assert daemon.world.live(daemon.settings, 0.5) is None
    daemon.run(60.0)
    assert begun(daemon) == ["crash on a", "rollback of e1"]
    assert daemon.world.journal.facts["rollbacks"] == []
    nothing_left(daemon.world.watcher, daemon.world.states.files)


# --- ramps ----------------------------------------------------------------------------------------


def test_a_ramp_climbs_with_supported_runs_falls_with_others_and_outlives_a_restart() -> None:
    judged = experiment(
        A, steps=(Step("slowdown", A, {"delay": 1}),), hold=3.0, hypothesis=Hypothesis(PROBES[3:4]),
        ramp=Ramp("delay", (1, 2, 4), 2),
    )  # fmt: skip
    daemon = guarded(Daemon(every=30.0), Guardrails(), experiments={("crash", "a"): judged})
    daemon.run(115.0)  # four runs, all supported
    daemon.world.told_to_stop = None
    daemon.world.truth.temper = replace(daemon.world.truth.temper, breaks=1.0)
    daemon.run(35.0)  # two, and both are broken
    armed = [w[1].parameters["delay"] for w in daemon.world.journal.history if w[0] == "arm"]
    assert armed == [1, 1, 2, 2, 4, 2]
    assert daemon.world.journal.facts["ramps"]["crash on a"]["step"] == 0
    notes = [w[3] for w in daemon.world.journal.history if w[0] == "note" and w[2] == "ramp"]
    assert [(note["old"], note["new"]) for note in notes] == [(0, 1), (1, 2), (2, 1), (1, 0)]
