"""The life of an experiment: each row of the table of phases, one rule a test."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos_engine.experiment import wake_at
from chaos_engine.life import Arm, Clear, Failed, Inject, Observe, Phase, Prepare
from chaos_engine.model import Hypothesis, Observation, Outcome, Purpose, Ran, Step, Window, Witness
from tests.unit.life_story import ERRORS, SHOP, START, UP, Life, plan, target

GATED = plan(steady=(SHOP,), lookback=10.0)
TWO = plan(steps=(Step("crash", target("a")), Step("slowdown", target("b"), after=10.0)))

# --- gate -----------------------------------------------------------------------------------


def test_the_gate_asks_the_steady_state_over_one_lookback() -> None:
    blackouts = (Window(1.0, 2.0),)
    (question,) = Life(GATED, blackouts=blackouts).ask(Purpose.GATE).questions
    assert question.window == Window(START.wall - 10.0, START.wall)
    assert question.blackouts == blackouts


def test_a_gate_that_passes_is_followed_by_the_injection() -> None:
    life = Life(GATED).answer(Purpose.GATE, Outcome.PASS)
    assert life.phase is Phase.INJECT
    assert life.wants(Prepare)


def test_a_broken_steady_state_injects_nothing() -> None:
    life = Life(GATED).answer(Purpose.GATE, Outcome.BROKEN)
    assert (life.result.run, life.result.injected_at) == (Ran.SKIPPED, None)
    assert "shop" in life.result.reason


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome.missing])
def test_a_gate_without_data_waits_one_lookback_and_no_longer(outcome: Outcome) -> None:
    life, asked = Life(GATED), 0
    while life.phase is Phase.GATE and life.now.mono <= START.mono + 30.0 and asked < 100:
        if life.asks(Purpose.GATE):
            life.answer(Purpose.GATE, outcome)
            asked += 1
        else:
            life.go(0.25)
    assert life.result.run is Ran.SKIPPED
    assert life.now.mono - START.mono == pytest.approx(10.0, abs=0.3)
    assert asked > 5


def test_a_gate_whose_source_hangs_is_not_passed() -> None:
    life = Life(GATED).go(5.5)  # 5 s budget, half a second of grace, then it asks again
    assert life.phase is Phase.GATE
    life.go(1.0).go(5.5)
    assert life.result.run is Ran.SKIPPED


def test_a_gate_waits_while_anothers_fault_is_in() -> None:
    life = Life(GATED, others_in=True).go(60.0)
    assert not life.asks(Purpose.GATE)
    life.context = Life(GATED).context
    assert life.go(1.0).asks(Purpose.GATE)


def test_an_answer_from_before_anothers_fault_does_not_open_the_gate() -> None:
    life = Life(GATED)
    life.context = Life(GATED, others_in=True).context
    life.answer(Purpose.GATE, Outcome.PASS)
    assert life.phase is Phase.GATE
    life.context = Life(GATED).context
    assert life.go(1.0).phase is Phase.GATE


def test_an_overlapping_gate_does_not_wait_for_others() -> None:
    overlapping = plan(steady=(SHOP,), lookback=10.0, overlapping_gate=True)
    assert Life(overlapping, others_in=True).asks(Purpose.GATE)


def test_nothing_new_goes_in_while_what_was_left_is_being_cleared() -> None:
    overlapping = plan(steady=(SHOP,), lookback=10.0, overlapping_gate=True)
    assert not Life(overlapping, clearing=True).go(60.0).asks(Purpose.GATE)

    held = Life(TWO)
    held.step_in()
    held.context = replace(held.context, clearing=True)
    assert not held.go(15.0).wants(Prepare), "its second step is due"
    held.context = replace(held.context, clearing=False)
    assert held.go(1.0).open(Prepare).step == 1


def test_the_gate_keeps_the_distance_to_the_last_injection() -> None:
    life = Life(plan(), inject_after=START.plus(20.0))
    assert wake_at(life.state, life.now, life.context) == START.plus(20.0)
    assert life.go(19.9).phase is Phase.GATE
    assert life.go(0.1).phase is Phase.INJECT


def test_by_hand_the_gate_can_be_left_out() -> None:
    assert Life(plan(steady=(SHOP,), lookback=10.0, ungated=True)).phase is Phase.INJECT


# --- arm and inject -------------------------------------------------------------------------


def test_nothing_is_injected_before_the_intent_is_on_disk() -> None:
    life = Life(plan()).prepared()
    fault = life.open(Arm).fault
    assert not life.wants(Inject)
    assert (fault.undo, fault.owner, fault.target.name) == ({"mode": "healthy"}, "me", "a")
    assert life.armed().open(Inject).fault == fault


def test_the_deadline_is_hold_and_judging_after_the_injection() -> None:
    assert Life(plan(judge_timeout=7.0)).prepared().open(Arm).fault.deadline == START.plus(37.0)
    assert Life(TWO).prepared().open(Arm).fault.deadline == START.plus(10.0 + 30.0 + 20.0)


@pytest.mark.parametrize("kind", [Prepare, Arm])
def test_what_cannot_be_prepared_or_armed_fails_and_leaves_nothing(kind: type[Prepare | Arm]) -> None:
    life = Life(plan())
    life = (life if kind is Prepare else life.prepared()).fails(kind, "disk full")
    assert (life.result.run, life.result.reason, life.result.ended_by) == (Ran.FAILED, "disk full", "error")
    assert not life.wants(Clear)


def test_an_injection_that_fails_is_cleared_all_the_same() -> None:
    life = Life(plan()).prepared().armed().fails(Inject)
    assert life.phase is Phase.CLEAR
    assert life.cleared().result.run is Ran.FAILED


def test_an_injection_that_hangs_fails_and_is_cleared() -> None:
    life = Life(plan()).prepared().armed().go(10.0)
    assert life.phase is Phase.CLEAR
    assert "inject" in life.cleared().result.reason


def test_steps_go_in_at_their_offsets_one_after_another() -> None:
    life = Life(TWO).step_in()
    assert not life.go(9.9).wants(Prepare)
    assert life.go(0.1).open(Prepare).step == 1
    life.prepared().armed()
    assert life.open(Inject).fault.id == "e1-1"


def test_a_later_step_that_fails_clears_the_earlier_ones() -> None:
    life = Life(TWO).step_in().go(10.0).fails(Prepare)
    assert life.open(Clear).fault.id == "e1-0"
    assert life.cleared().result.run is Ran.FAILED


# --- observe --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "witness"),
    [
        ((Observation.BLIND,), Witness.UNWITNESSED),
        ((Observation.NOT_FELT,), Witness.NOT_FELT),
        ((Observation.FELT,), Witness.FELT),
        ((Observation.NOT_FELT, Observation.FELT), Witness.FELT),
        ((Observation.FELT, Observation.NOT_FELT), Witness.FELT),
        ((Observation.NOT_FELT, Observation.BLIND), Witness.NOT_FELT),
    ],
)
def test_the_scenario_looks_at_its_fault(seen: tuple[Observation, ...], witness: Witness) -> None:
    life = Life(plan()).step_in()
    for observation in seen:
        life.observed(observation).go(2.0)
    assert life.state.witness is witness
    assert life.wants(Observe)


def test_a_fault_that_somebody_took_away_is_repaired() -> None:
    life = Life(plan()).step_in().go(8.0).observed(Observation.GONE)
    assert life.cleared().result.ended_by == "repair"
    assert life.result.repaired_after == 8.0
    assert life.result.run is Ran.COMPLETED


def test_two_faults_are_repaired_when_both_are_gone() -> None:
    life = Life(TWO).step_in().observed(Observation.GONE)
    assert life.phase is Phase.HOLD
    life.go(10.0).step_in().go(2.0)
    assert life.open(Observe).fault.id == "e1-1"
    assert life.observed(Observation.GONE).phase is Phase.CLEAR


# --- hold -----------------------------------------------------------------------------------


def test_the_hold_ends_by_time_counted_from_the_injection() -> None:
    life = Life(plan()).prepared().armed().go(3.0).injected()
    assert life.go(29.9).phase is Phase.HOLD
    assert life.go(0.1).phase is Phase.CLEAR
    assert life.cleared().result.ended_by == "time"


def test_the_hold_of_two_steps_counts_from_the_last_offset() -> None:
    life = Life(TWO).step_in().go(10.0).step_in()
    assert life.go(29.9).phase is Phase.HOLD
    assert life.go(0.1).phase is Phase.CLEAR


def test_a_step_that_is_not_in_by_the_end_of_the_hold_fails_the_experiment() -> None:
    slow = plan(steps=TWO.steps, hold=5.0, hypothesis=Hypothesis((SHOP,)))
    life = Life(slow).step_in().go(10.0).prepared().armed().go(5.0)
    assert life.phase is Phase.CLEAR
    life.cleared().cleared()
    life.go(300.0)
    assert (life.result.run, "slowdown" in life.result.reason) == (Ran.FAILED, True)


@pytest.mark.parametrize("clock", ["wall", "mono"])
def test_the_deadline_holds_on_the_clock_that_reaches_it_first(clock: str) -> None:
    life = Life(plan(hold=30.0, judge_timeout=5.0)).step_in()
    life.now = type(life.now)(**{"wall": START.wall, "mono": START.mono, clock: getattr(START, clock) + 35.0})
    assert life.go(0.0).phase is Phase.CLEAR
    assert life.cleared().result.ended_by == ("deadline" if clock == "wall" else "time")


def test_each_steps_deadline_holds_where_the_wall_clock_was_set_between_them() -> None:
    life = Life(TWO).step_in()
    life.now = replace(START.plus(10.0), wall=START.wall - 30.0)
    life.go(0.0).step_in()
    life.now = START.plus(19.9)  # the clock is put right: the second ends first
    assert life.go(0.0).phase is Phase.HOLD
    assert life.go(0.1).phase is Phase.CLEAR


def test_until_repaired_ends_when_it_was_broken_and_is_well_again() -> None:
    life = Life(plan(steady=(SHOP,), lookback=0.0, until_repaired=True)).answer(Purpose.GATE, Outcome.PASS)
    life.step_in()
    assert life.answer(Purpose.RECOVERY, Outcome.PASS).phase is Phase.HOLD  # it has not begun to hurt
    assert life.go(1.0).answer(Purpose.RECOVERY, Outcome.BROKEN).phase is Phase.HOLD
    life.go(1.0).answer(Purpose.RECOVERY, Outcome.PASS, recovered_at=START.wall + 1.5)
    assert life.phase is Phase.JUDGE
    assert (life.state.repaired_after, life.state.ended_by) == (1.5, "repair")


def test_until_repaired_waits_for_every_step() -> None:
    two = plan(steps=TWO.steps, steady=(SHOP,), lookback=0.0, until_repaired=True)
    life = Life(two).answer(Purpose.GATE, Outcome.PASS).step_in().go(5.0)
    assert not life.asks(Purpose.RECOVERY)
    assert life.go(5.0).step_in().go(1.0).asks(Purpose.RECOVERY)


# --- abort conditions -----------------------------------------------------------------------


def watched() -> Life:
    return Life(plan(abort_when=(UP,), abort_poll=2.0)).step_in()


def test_abort_conditions_are_asked_at_once_and_at_every_poll() -> None:
    life = watched().answer(Purpose.ABORT, Outcome.PASS)
    assert not life.go(1.9).asks(Purpose.ABORT)
    assert life.go(0.1).asks(Purpose.ABORT)


def test_an_abort_condition_that_is_broken_clears_at_once() -> None:
    life = watched().answer(Purpose.ABORT, Outcome.BROKEN)
    assert life.wants(Clear)
    assert (life.cleared().result.run, life.result.ended_by) == (Ran.ABORTED, "abort")
    assert "up" in life.result.reason


@pytest.mark.parametrize("outcome", [Outcome.NO_DATA, Outcome.ERROR, Outcome.NAN, Outcome.LATE])
def test_three_polls_without_data_abort(outcome: Outcome) -> None:
    life = watched()
    for _ in range(2):
        assert life.answer(Purpose.ABORT, outcome).go(2.0).phase is Phase.HOLD
    assert life.answer(Purpose.ABORT, outcome).phase is Phase.CLEAR
    assert life.cleared().result.run is Ran.ABORTED


def test_polls_that_fail_or_hang_count_as_without_data() -> None:
    life = watched()
    life.tell(Failed(life.ask(Purpose.ABORT).id, "no route")).go(2.0)
    assert life.go(2.5).phase is Phase.HOLD
    assert life.go(2.5).phase is Phase.CLEAR


def test_one_answer_forgives_two_misses() -> None:
    life = watched()
    for outcome in (Outcome.NO_DATA, Outcome.NO_DATA, Outcome.PASS, Outcome.NO_DATA, Outcome.NO_DATA):
        assert life.answer(Purpose.ABORT, outcome).go(2.0).phase is Phase.HOLD


def test_abort_conditions_are_asked_while_it_is_judged_too() -> None:
    life = Life(plan(abort_when=(UP,), hypothesis=Hypothesis((ERRORS,)))).step_in()
    life.answer(Purpose.ABORT, Outcome.PASS).go(30.0)
    assert life.phase is Phase.JUDGE
    assert life.go(1.0).answer(Purpose.ABORT, Outcome.BROKEN).phase is Phase.CLEAR
    assert (life.cleared().result.run, life.result.ended_by) == (Ran.ABORTED, "abort")
