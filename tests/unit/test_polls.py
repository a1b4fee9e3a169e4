"""How often an experiment asks, for how long it waits, and when it has to be woken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos_engine.experiment import EFFECT_TIMEOUT, decide, evolve, wake_at
from chaos_engine.life import Answered, Arm, Ask, Clear, Cleared, Failed, Inject, Observe, Phase, Prepare
from chaos_engine.model import AlertFires, Hypothesis, Now, Observation, Outcome, Purpose, Step, Window
from tests.unit.life_story import ERRORS, START, Life, plan, target

STEADY = plan(steady=(ERRORS,), lookback=10.0)
JUDGED = plan(hypothesis=Hypothesis((ERRORS,)))
TWO = plan(steps=(Step("crash", target("a")), Step("slowdown", target("b"), after=10.0)))


def woken(life: Life) -> float | None:
    """How many seconds from now there is something to decide, if no event comes."""
    moment = wake_at(life.state, life.now, life.context)
    return None if moment is None else round(moment.mono - life.now.mono, 6)


def recovering() -> Life:
    return Life(STEADY).answer(Purpose.GATE, Outcome.PASS).step_in().go(30.0).cleared()


# --- once, while it is under way ------------------------------------------------------------


def test_what_is_under_way_is_not_begun_again() -> None:
    life = Life(STEADY).go(1.0)
    assert [type(action) for action in life.asked] == [Ask]
    life.answer(Purpose.GATE, Outcome.PASS).go(1.0)
    assert [type(action) for action in life.asked] == [Prepare]
    life.prepared().go(1.0)
    assert [type(action) for action in life.asked] == [Arm]
    life.armed().go(1.0)
    assert [type(action) for action in life.asked] == [Inject]
    life.injected().go(1.0)
    assert [type(action) for action in life.asked] == [Observe]
    life.observed(Observation.FELT).go(29.0).go(1.0)
    assert [type(action) for action in life.asked] == [Clear]


def test_judging_and_what_is_asked_later_is_asked_once() -> None:
    life = Life(JUDGED).step_in().observed(Observation.BLIND).go(30.0).go(1.0)
    assert [type(action) for action in life.asked] == [Ask]
    life.answer(Purpose.HYPOTHESIS, Outcome.LATE).cleared().go(1.0)
    assert [type(action) for action in life.asked] == [Ask]


# --- the gate -------------------------------------------------------------------------------


@pytest.mark.parametrize(("lookback", "pause"), [(2.0, 0.5), (20.0, 2.0), (600.0, 5.0)])
def test_the_gate_asks_again_after_a_tenth_of_its_lookback(lookback: float, pause: float) -> None:
    life = Life(replace(STEADY, lookback=lookback)).answer(Purpose.GATE, Outcome.NO_DATA)
    assert woken(life) == pause
    assert not life.go(pause - 0.01).asks(Purpose.GATE)
    assert life.go(0.01).asks(Purpose.GATE)


def test_the_gate_asks_a_last_time_when_the_lookback_is_over() -> None:
    life = (
        Life(STEADY).go(5.2).answer(Purpose.GATE, Outcome.NO_DATA).go(4.2).answer(Purpose.GATE, Outcome.LATE)
    )
    assert not life.go(0.59).asks(Purpose.GATE)
    life.now = START.plus(10.0)
    life.decide()
    assert life.answer(Purpose.GATE, Outcome.NO_DATA).phase is Phase.DONE


def test_the_gate_waits_anew_after_anothers_fault() -> None:
    life = Life(STEADY).go(1.0).answer(Purpose.GATE, Outcome.NO_DATA)
    alone, life.context = life.context, replace(life.context, others_in=True)
    assert woken(life.go(30.0)) is None
    life.context = alone
    assert life.go(1.0).answer(Purpose.GATE, Outcome.NO_DATA).phase is Phase.GATE


def test_the_gates_mean_is_the_baseline_of_all_that_is_asked_after_it() -> None:
    life = Life(replace(STEADY, hypothesis=Hypothesis((ERRORS,)), abort_when=(ERRORS,)))
    life.answer(Purpose.GATE, Outcome.PASS, baseline={"": 0.25}).step_in()
    assert life.ask(Purpose.ABORT).questions[0].baseline == {"": 0.25}
    assert life.go(30.0).ask(Purpose.HYPOTHESIS).questions[0].baseline == {"": 0.25}


# --- the hold -------------------------------------------------------------------------------


def test_the_fault_is_looked_at_at_every_poll() -> None:
    life = Life(plan(abort_poll=3.0)).step_in().observed(Observation.FELT)
    assert woken(life) == 3.0
    assert not life.go(2.9).wants(Observe)
    assert life.go(0.1).wants(Observe)
    assert woken(life) == EFFECT_TIMEOUT


def test_only_faults_that_are_in_and_not_gone_are_looked_at() -> None:
    life = Life(TWO).step_in().observed(Observation.GONE).go(10.0)
    life.prepared().armed().go(5.0)
    assert not life.wants(Observe)
    assert [action.step for action in life.injected().go(5.0).asked if isinstance(action, Observe)] == [1]


def test_a_repair_is_asked_for_every_second_and_only_where_it_ends_the_hold() -> None:
    life = Life(replace(STEADY, until_repaired=True)).answer(Purpose.GATE, Outcome.PASS).step_in()
    life.go(0.5).answer(Purpose.RECOVERY, Outcome.BROKEN)
    assert not life.go(0.4).asks(Purpose.RECOVERY)
    assert life.go(0.1).asks(Purpose.RECOVERY)
    assert not Life(STEADY).answer(Purpose.GATE, Outcome.PASS).step_in().asks(Purpose.RECOVERY)


# --- judging --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("injecting", "timeout", "budget"), [(0, 20, 19), (3, 20, 16), (0, 1.5, 0.5), (0, 0.5, 0.1)]
)
def test_judging_has_the_time_that_is_left_until_the_deadline(
    injecting: float, timeout: float, budget: float
) -> None:
    life = Life(replace(JUDGED, judge_timeout=timeout)).prepared().armed().go(injecting).injected().go(30.0)
    assert life.ask(Purpose.HYPOTHESIS).budget == pytest.approx(budget)


def test_a_deadline_that_passes_on_the_wall_clock_ends_the_judging() -> None:
    life = Life(JUDGED).step_in().go(30.0)
    life.now = Now(START.wall + 50.0, life.now.mono + 1.0)
    life.decide()
    assert life.wants(Clear)
    assert life.cleared().answer(Purpose.HYPOTHESIS, Outcome.PASS).result.ended_by == "time"


def test_an_answer_for_other_questions_is_a_defect_and_not_a_judgement() -> None:
    life = Life(JUDGED).step_in().go(30.0)
    with pytest.raises(ValueError, match="shorter"):
        life.tell(Answered(life.ask(Purpose.HYPOTHESIS).id, ()))


# --- after the clearing ---------------------------------------------------------------------


def late() -> Life:
    """Cleared without an answer; it is given up 20 s from now."""
    return Life(JUDGED).step_in().go(30.0).answer(Purpose.HYPOTHESIS, Outcome.NO_DATA).cleared()


@pytest.mark.parametrize("fails", [True, False])
def test_what_is_still_missing_is_asked_again_after_two_seconds(fails: bool) -> None:
    life = late()
    ask = life.ask(Purpose.HYPOTHESIS)
    life = (
        life.tell(Failed(ask.id, "no route")) if fails else life.answer(Purpose.HYPOTHESIS, Outcome.NO_DATA)
    )
    assert woken(life) == 2.0
    assert not life.go(1.9).asks(Purpose.HYPOTHESIS)
    assert life.go(0.1).answer(Purpose.HYPOTHESIS, Outcome.PASS).phase is Phase.DONE


@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize(("seconds", "over"), [(19.9, False), (20.0, True)])
def test_it_is_given_up_when_its_time_is_over(fails: bool, seconds: float, over: bool) -> None:
    life = late()
    ask = life.ask(Purpose.HYPOTHESIS)
    life.now = life.now.plus(seconds)  # the answer was under way for so long
    life = life.tell(Failed(ask.id, "no route")) if fails else life.answers(ask, [Outcome.NO_DATA])
    assert (life.phase is Phase.DONE) is over


def test_recovery_is_asked_for_every_second() -> None:
    life = recovering().go(0.5).answer(Purpose.RECOVERY, Outcome.BROKEN)
    assert woken(life) == 0.5
    assert not life.go(0.4).asks(Purpose.RECOVERY)
    assert life.go(0.1).asks(Purpose.RECOVERY)


def test_recovery_counts_from_the_clearing_however_late_it_is_looked_at() -> None:
    life = Life(STEADY).answer(Purpose.GATE, Outcome.PASS).step_in().go(30.0)
    state = evolve(life.state, Cleared(life.open(Clear).id), life.now)
    state, (ask,) = decide(state, life.now.plus(0.5), life.context)
    assert isinstance(ask, Ask)
    assert ask.questions[0].window == Window(START.wall + 30.0, START.wall + 30.5)
    assert decide(state, START.plus(149.9), life.context)[0].phase is Phase.RECOVER
    assert decide(state, START.plus(150.0), life.context)[0].phase is Phase.DONE


# --- waking up ------------------------------------------------------------------------------


def test_it_wakes_when_what_is_under_way_takes_too_long() -> None:
    assert woken(Life(STEADY)) == 5.5
    assert woken(Life(plan())) == 10.0
    assert woken(Life(JUDGED).step_in().go(25.0)) == 5.0  # the end of the hold comes first


def test_it_wakes_for_the_next_step() -> None:
    assert woken(Life(TWO).step_in().go(9.0)) == 1.0


def test_it_wakes_for_the_recovery_before_a_window_that_is_to_come() -> None:
    alert = AlertFires("Down", 90.0, "http://prometheus")
    life = Life(replace(STEADY, hypothesis=Hypothesis(alert_fires=alert))).answer(Purpose.GATE, Outcome.PASS)
    life.step_in().go(30.0).cleared().answer(Purpose.RECOVERY, Outcome.BROKEN)
    assert woken(life) == 1.0


def test_it_wakes_by_the_monotonic_clock() -> None:
    life = Life(plan()).step_in().observed(Observation.FELT)
    life.now = Now(START.wall - 1000.0, START.mono + 25.0)  # the wall clock was set back
    life.decide()
    assert life.wants(Observe)
    assert woken(life) == 5.0


def test_it_does_not_wake_for_a_clearing_that_has_succeeded() -> None:
    life = Life(STEADY).answer(Purpose.GATE, Outcome.PASS).step_in().go(30.0).fails(Clear).go(0.3)
    assert life.cleared().state.steps[0].retry_at is None
