"""What a result says of its end: which word ended it, and the sentence that explains it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos_engine.life import Clear, Failed, Inject, Phase, Stop
from chaos_engine.model import (
    Hypothesis,
    Now,
    Observation,
    Outcome,
    Purpose,
    Ran,
    Recovered,
    Witness,
)
from chaos_engine.moves import begin_clearing
from tests.unit.life_story import ERRORS, SHOP, START, UP, Life, plan

STEADY = plan(steady=(ERRORS,), lookback=10.0)
JUDGED = plan(hypothesis=Hypothesis((ERRORS,)))


def ended(life: Life) -> tuple[Ran, str, str]:
    return life.result.run, life.result.ended_by, life.result.reason


# --- nothing was injected -------------------------------------------------------------------


def test_a_gate_that_is_not_passed_names_the_probe_and_what_was_wrong() -> None:
    life = Life(STEADY).answer(Purpose.GATE, Outcome.BROKEN)
    assert ended(life) == (Ran.SKIPPED, "", "errors: is broken")
    life = Life(replace(STEADY, lookback=0.0)).answer(Purpose.GATE, Outcome.NO_DATA)
    assert ended(life) == (Ran.SKIPPED, "", "errors: no_data: is no_data")


def test_a_gate_that_nobody_answers_says_so() -> None:
    life = Life(replace(STEADY, lookback=5.0)).go(5.5)
    assert ended(life) == (Ran.SKIPPED, "", "no answer to gate in time")
    life = Life(replace(STEADY, lookback=0.0))
    life.tell(Failed(life.ask(Purpose.GATE).id, "no route to prometheus"))
    assert life.result.reason == "no route to prometheus"


# --- it went wrong --------------------------------------------------------------------------


def test_an_injection_that_fails_names_the_scenario_and_the_error() -> None:
    life = Life(plan()).prepared().armed().fails(Inject, "disk full").cleared()
    assert ended(life) == (Ran.FAILED, "error", "crash could not be injected: disk full")


def test_an_injection_that_is_not_in_by_its_deadline_is_too_late() -> None:
    life = Life(plan(hold=1.0, judge_timeout=2.0)).prepared().armed()
    assert life.go(2.9).phase is Phase.INJECT
    assert life.go(0.1).phase is Phase.CLEAR
    life.cleared()
    assert ended(life.go(60.0)) == (Ran.FAILED, "deadline", "injected too late")


# --- it was aborted -------------------------------------------------------------------------


def test_three_misses_abort_and_say_what_was_missing() -> None:
    life = Life(plan(abort_when=(UP,))).step_in()
    for _ in range(3):
        life.answer(Purpose.ABORT, Outcome.NO_DATA).go(2.0)
    sentence = "abort conditions had no answer 3 times running: up: is no_data"
    assert ended(life.cleared()) == (Ran.ABORTED, "abort", sentence)


def test_three_failures_abort_and_name_the_error() -> None:
    life = Life(plan(abort_when=(UP,))).step_in()
    for _ in range(3):
        life.tell(Failed(life.ask(Purpose.ABORT).id, "no route")).go(2.0)
    assert life.cleared().result.reason == "abort conditions had no answer 3 times running: no route"


def test_what_ended_it_first_stays_the_reason() -> None:
    state = begin_clearing(
        Life(plan()).step_in().state, START, ended_by="error", run=Ran.FAILED, reason="disk"
    )
    again = begin_clearing(state, START.plus(9.0), ended_by="operator", run=Ran.ABORTED, reason="by hand")
    assert (again.run, again.reason, again.hold_ended) == (Ran.FAILED, "disk", START)


def test_a_clearing_that_fails_says_why_and_does_not_hide_what_came_before() -> None:
    assert Life(plan()).step_in().go(30.0).fails(Clear, "no engine").state.reason == (
        "could not be cleared yet: no engine"
    )
    life = Life(plan()).step_in().tell(Stop("operator", "by hand")).fails(Clear, "no engine")
    assert ended(life.go(0.2).cleared()) == (Ran.ABORTED, "operator", "by hand")


# --- it was repaired ------------------------------------------------------------------------


def test_a_fault_that_is_gone_is_judged_until_then() -> None:
    life = Life(JUDGED).step_in().go(0.5).observed(Observation.GONE)
    window = life.ask(Purpose.HYPOTHESIS).questions[0].window
    assert (window.start, window.end) == (START.wall, START.wall + 0.5)
    assert life.answer(Purpose.HYPOTHESIS, Outcome.PASS).cleared().result.ended_by == "repair"
    assert life.result.repaired_after == 0.5


@pytest.mark.parametrize(("seen_at", "after"), [(0.25, 0.25), (None, 2.0), (-1.0, 0.0)])
def test_a_repair_dates_from_when_it_was_seen(seen_at: float | None, after: float) -> None:
    life = Life(replace(STEADY, until_repaired=True)).answer(Purpose.GATE, Outcome.PASS).step_in()
    life.answer(Purpose.RECOVERY, Outcome.BROKEN).go(2.0)
    seen = None if seen_at is None else START.wall + seen_at
    life.answer(Purpose.RECOVERY, Outcome.PASS, recovered_at=seen)
    assert life.state.repaired_after == after


# --- it was held and judged -----------------------------------------------------------------


def test_a_hold_that_is_over_ended_by_time_while_it_is_judged_already() -> None:
    assert Life(JUDGED).step_in().go(30.0).state.ended_by == "time"


def test_a_hold_that_the_wall_clock_cuts_short_ends_then() -> None:
    life = Life(plan(hypothesis=Hypothesis((ERRORS,)))).step_in()
    life.now = Now(START.wall + 51.0, START.mono + 1.0)
    life.decide()
    assert life.state.hold_ended == life.now


@pytest.mark.parametrize(
    ("seen", "client", "witness"),
    [
        (Observation.FELT, Outcome.BROKEN, Witness.FELT),
        (Observation.FELT, Outcome.NO_DATA, Witness.FELT),
        (Observation.NOT_FELT, Outcome.NO_DATA, Witness.NOT_FELT),
        (Observation.BLIND, Outcome.NO_DATA, Witness.UNWITNESSED),
        (Observation.BLIND, Outcome.BROKEN, Witness.NOT_FELT),
        (Observation.NOT_FELT, Outcome.PASS, Witness.FELT),
    ],
)
def test_a_client_adds_to_what_the_scenario_saw(seen: Observation, client: Outcome, witness: Witness) -> None:
    life = Life(plan(hypothesis=Hypothesis((SHOP,)))).step_in().observed(seen).go(30.0)
    life.answers(life.ask(Purpose.HYPOTHESIS), [Outcome.PASS, client])
    assert life.state.witness is witness


def test_a_hypothesis_that_holds_is_no_witness() -> None:
    life = Life(JUDGED).step_in().go(30.0).answer(Purpose.HYPOTHESIS, Outcome.PASS)
    assert life.cleared().result.witness is Witness.UNWITNESSED


def test_what_is_left_has_no_time_of_clearing() -> None:
    life = Life(STEADY).answer(Purpose.GATE, Outcome.PASS).step_in().go(30.0)
    for _ in range(20):
        life = life.fails(Clear) if life.wants(Clear) else life
        life.go(5.0)
    assert (life.result.cleared_at, life.result.recovery) == (None, Recovered.UNKNOWN)
