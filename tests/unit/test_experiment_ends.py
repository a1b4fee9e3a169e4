"""How an experiment is judged, cleared, stopped, and seen to recover."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from chaos_engine.experiment import CLEAR_PATIENCE, wake_at
from chaos_engine.life import Ask, Clear, Cleared, Failed, Inject, Injected, Observe, Phase, Prepare, Stop
from chaos_engine.model import (
    AlertFires,
    Cleanup,
    CloudWatchProbe,
    Expectation,
    Experiment,
    HttpProbe,
    Hypothesis,
    Judged,
    Observation,
    Outcome,
    Purpose,
    Ran,
    Recovered,
    Step,
    Verdict,
    Window,
    Witness,
)
from tests.unit.life_story import ERRORS, SHOP, START, Life, plan, target

JUDGED = plan(hypothesis=Hypothesis((ERRORS,)))
TWO = plan(steps=(Step("crash", target("a")), Step("slowdown", target("b"))))
OPERATOR = Stop("operator", "cleared by hand")
SIGNAL = Stop("signal", "stopped by SIGTERM", hurry=True)


def held(experiment: Experiment) -> Life:
    """Injected, and held to the end."""
    life = Life(experiment).step_in()
    return life.go(30.0)


# --- judge ----------------------------------------------------------------------------------


def test_it_is_judged_before_it_is_cleared_over_the_frozen_window() -> None:
    life = held(JUDGED)
    assert life.phase is Phase.JUDGE
    assert not life.wants(Clear)
    (question,) = life.ask(Purpose.HYPOTHESIS).questions
    assert question.window == Window(START.wall, START.wall + 30.0)
    life.go(3.0).answer(Purpose.HYPOTHESIS, Outcome.PASS)
    assert life.wants(Clear)
    assert life.cleared().result.hypothesis is Judged.SUPPORTED


def test_an_engine_that_stood_still_past_the_deadline_judges_the_hold_alone() -> None:
    life = Life(plan(hypothesis=Hypothesis(probes=(SHOP,)))).prepared().armed().injected()
    life.go(500).tell(Cleared(life.open(Clear).id))
    window = life.ask(Purpose.HYPOTHESIS).questions[0].window
    assert window.end - window.start == 30.0


def test_judging_takes_at_most_its_timeout_and_ends_before_the_deadline() -> None:
    life = held(replace(JUDGED, judge_timeout=5.0))
    assert life.ask(Purpose.HYPOTHESIS).budget == 4.0
    assert life.go(4.4).phase is Phase.JUDGE
    assert life.go(0.2).phase is Phase.CLEAR


@pytest.mark.parametrize("late", [Outcome.PASS, Outcome.BROKEN])
def test_what_was_not_answered_in_time_is_asked_again_for_the_same_window(late: Outcome) -> None:
    life = held(JUDGED).go(20.0).cleared()
    assert life.phase is Phase.RECOVER
    (question,) = life.ask(Purpose.HYPOTHESIS).questions
    assert question.window == Window(START.wall, START.wall + 30.0)
    life.answer(Purpose.HYPOTHESIS, late)
    assert life.result.hypothesis is (Judged.SUPPORTED if late is Outcome.PASS else Judged.NOT_SUPPORTED)


def test_late_answers_are_waited_for_as_long_as_for_judging() -> None:
    life = held(JUDGED).answer(Purpose.HYPOTHESIS, Outcome.NO_DATA).cleared()
    asked = 0
    while life.phase is Phase.RECOVER and life.now.mono < START.mono + 100:
        if life.asks(Purpose.HYPOTHESIS):
            life.answer(Purpose.HYPOTHESIS, Outcome.NO_DATA)
            asked += 1
        life.go(1.0)
    assert life.result.hypothesis is Judged.INCONCLUSIVE
    assert life.now.mono - START.mono == pytest.approx(50.0, abs=2.0)
    assert asked > 5


def test_a_source_that_never_answers_is_no_support() -> None:
    life = held(JUDGED).go(20.0).cleared()
    while life.phase is Phase.RECOVER and life.now.mono < START.mono + 300.0:
        life.tell(Failed(life.ask(Purpose.HYPOTHESIS).id, "no route")).go(3.0)
    assert life.result.verdict is Verdict.INCONCLUSIVE


def test_two_probes_of_one_url_keep_their_own_answers() -> None:
    loose = HttpProbe("http://shop/products")
    strict = replace(loose, success=Expectation(">= 99%", low=0.99))
    life = held(plan(hypothesis=Hypothesis((strict, loose))))
    ask = life.ask(Purpose.HYPOTHESIS)
    broken_first = [Outcome.BROKEN if q.probe == strict else Outcome.PASS for q in ask.questions]
    life.answers(ask, broken_first).cleared()
    assert life.result.hypothesis is Judged.NOT_SUPPORTED
    assert [judgement.outcome for judgement in life.result.judgements] == [Outcome.BROKEN, Outcome.PASS]


def test_a_client_that_saw_no_change_means_no_effect() -> None:
    life = held(plan(hypothesis=Hypothesis((SHOP,))))
    ask = life.ask(Purpose.HYPOTHESIS)
    assert [q.purpose for q in ask.questions] == [Purpose.HYPOTHESIS, Purpose.WITNESS]
    life.answers(ask, [Outcome.PASS, Outcome.BROKEN]).cleared()
    assert (life.result.witness, life.result.verdict) == (Witness.NOT_FELT, Verdict.NO_EFFECT)


def test_a_hypothesis_after_the_clearing_waits_for_its_window() -> None:
    life = held(plan(hypothesis=Hypothesis((ERRORS,), delay=60.0, duration=180.0)))
    assert life.phase is Phase.CLEAR  # nothing to ask before
    cleared = life.go(1.0).now
    life.cleared()
    assert wake_at(life.state, life.now, life.context) is not None
    assert not life.go(239.0).asks(Purpose.HYPOTHESIS)
    life.go(1.0)
    (question,) = life.ask(Purpose.HYPOTHESIS).questions
    assert question.window == Window(cleared.wall + 60.0, cleared.wall + 240.0)
    assert life.answer(Purpose.HYPOTHESIS, Outcome.PASS).result.hypothesis is Judged.SUPPORTED


def test_it_wakes_for_a_window_that_is_still_to_come() -> None:
    life = held(plan(hypothesis=Hypothesis((ERRORS,), delay=60.0, duration=180.0), recovery_timeout=500.0))
    life.cleared()
    assert wake_at(life.state, life.now, life.context) == life.now.plus(240.0)


def test_late_datapoints_hold_no_fault_and_are_waited_for_so_long() -> None:
    """The window stays as it was; the last question is put when `wait` is over."""
    counted = CloudWatchProbe("[]", ("m1",), Expectation("< 5", high=5.0), wait=45.0)
    life = held(plan(hypothesis=Hypothesis((counted,))))
    (frozen,) = (question.window for question in life.ask(Purpose.HYPOTHESIS).questions)
    cleared = life.answer(Purpose.HYPOTHESIS, Outcome.LATE).go(1.0).now
    life.cleared()
    while life.now.wall < cleared.wall + 45.0:
        (question,) = life.ask(Purpose.HYPOTHESIS).questions
        assert question.window == frozen
        life.answer(Purpose.HYPOTHESIS, Outcome.LATE).go(2.0)
    assert life.ask(Purpose.HYPOTHESIS).questions
    assert life.answer(Purpose.HYPOTHESIS, Outcome.PASS).result.hypothesis is Judged.SUPPORTED


def test_a_window_up_to_the_full_minute_is_waited_for_from_its_end_on() -> None:
    counted = CloudWatchProbe("[]", ("m1",), Expectation("< 5", high=5.0), wait=30.0)
    life = held(plan(hypothesis=Hypothesis((counted,), whole_minutes=True)))
    end = math.ceil((START.wall + 30.0) / 60) * 60
    life.answer(Purpose.HYPOTHESIS, Outcome.LATE).go(0.1).cleared()
    (later,) = life.state.later
    assert later.question.window == Window(START.wall, end)
    assert (later.not_before, later.give_up) == (end, end + 40.0)


def test_an_alert_that_may_still_fire_is_asked_after_the_clearing() -> None:
    alert = AlertFires("Down", 60.0, "http://prometheus")
    life = held(plan(hypothesis=Hypothesis(alert_fires=alert))).cleared()
    assert not life.go(29.0).asks(Purpose.HYPOTHESIS)
    life.go(1.0)
    (question,) = life.ask(Purpose.HYPOTHESIS).questions
    assert question.window == Window(START.wall, START.wall + 60.0)


def test_an_alert_that_is_due_is_asked_with_the_rest() -> None:
    alert = AlertFires("Down", 20.0, "http://prometheus")
    ask = held(plan(hypothesis=Hypothesis((ERRORS,), alert_fires=alert))).ask(Purpose.HYPOTHESIS)
    assert [q.probe for q in ask.questions] == [ERRORS, alert]


# --- clear ----------------------------------------------------------------------------------


def test_two_faults_are_cleared_in_reverse_order() -> None:
    life = Life(TWO).step_in().step_in().go(30.0)
    assert [a.fault.id for a in life.asked if isinstance(a, Clear)] == ["e1-1", "e1-0"]


def test_a_clearing_that_fails_is_tried_again_ever_more_slowly() -> None:
    life = held(plan())
    for pause in (0.2, 0.4, 0.8):
        assert not life.fails(Clear).go(pause - 0.01).wants(Clear)
        assert life.go(0.01 + 1e-6).wants(Clear)
    assert life.cleared().result.cleanup is Cleanup.CLEAN


def test_a_clearing_that_hangs_is_tried_beside_it() -> None:
    life = held(plan())
    first = life.open(Clear).id
    assert life.go(5.0).go(0.2).open(Clear).id != first


def test_after_a_minute_it_ends_with_something_left() -> None:
    life = held(plan())
    while life.phase is Phase.CLEAR and life.now.mono < START.mono + 300.0:
        life = life.fails(Clear) if life.wants(Clear) else life
        life.go(0.5)
    assert life.now.mono - START.mono - 30.0 == pytest.approx(CLEAR_PATIENCE, abs=1.0)
    assert life.result.cleanup is Cleanup.LEFT


def test_an_injection_that_takes_hold_after_the_clearing_is_cleared_again() -> None:
    life = Life(replace(TWO, steady=(SHOP,), lookback=0.0)).answer(Purpose.GATE, Outcome.PASS)
    life.step_in().prepared().armed()
    hanging = life.open(Inject).id
    life.go(10.0).cleared().cleared()
    assert life.state.phase is Phase.RECOVER
    assert life.tell(Injected(hanging)).phase is Phase.CLEAR
    assert life.open(Clear).fault.id == "e1-1"


def test_a_clearing_from_before_the_late_injection_does_not_count() -> None:
    life = Life(plan()).prepared().armed()
    hanging = life.open(Inject).id
    early = life.go(10.0).open(Clear).id
    life.tell(Injected(hanging))
    again = life.open(Clear).id
    assert again != early
    assert life.tell(Cleared(early)).phase is Phase.CLEAR
    assert life.tell(Cleared(again)).result.cleanup is Cleanup.CLEAN


# --- stop -----------------------------------------------------------------------------------


def in_phase(phase: Phase) -> Life:
    steady = plan(steady=(SHOP,), lookback=10.0, hypothesis=Hypothesis((ERRORS,)))
    life = Life(steady)
    if phase is not Phase.GATE:
        life.answer(Purpose.GATE, Outcome.PASS)
    if phase not in (Phase.GATE, Phase.INJECT):
        life.step_in()
    if phase in (Phase.JUDGE, Phase.CLEAR, Phase.RECOVER):
        life.go(30.0)
    if phase in (Phase.CLEAR, Phase.RECOVER):
        life.answer(Purpose.HYPOTHESIS, Outcome.PASS)
    return life.cleared() if phase is Phase.RECOVER else life


@pytest.mark.parametrize("phase", [Phase.GATE, Phase.INJECT, Phase.HOLD, Phase.JUDGE])
@pytest.mark.parametrize("stop", [OPERATOR, SIGNAL])
def test_a_stop_aborts_what_is_not_yet_judged(phase: Phase, stop: Stop) -> None:
    life = in_phase(phase)
    assert life.phase is phase
    life.tell(stop)
    assert not life.wants(Prepare) or phase is Phase.INJECT
    if phase in (Phase.HOLD, Phase.JUDGE):
        life.cleared()
    if life.phase is Phase.RECOVER:
        life.answer(Purpose.RECOVERY, Outcome.PASS)
    assert (life.result.run, life.result.ended_by) == (Ran.ABORTED, stop.by)
    assert life.result.reason == stop.reason


@pytest.mark.parametrize("phase", [Phase.CLEAR, Phase.RECOVER])
def test_a_stop_does_not_change_what_was_judged_already(phase: Phase) -> None:
    life = in_phase(phase).tell(OPERATOR)
    if phase is Phase.CLEAR:
        life.cleared()
    assert life.phase is Phase.RECOVER  # an operator has the time to see it recover
    assert life.answer(Purpose.RECOVERY, Outcome.PASS).result.verdict is Verdict.SUPPORTED


def test_a_hurried_stop_does_not_wait_for_the_recovery() -> None:
    assert in_phase(Phase.RECOVER).tell(SIGNAL).result.recovery is Recovered.UNKNOWN
    assert in_phase(Phase.HOLD).tell(SIGNAL).cleared().result.run is Ran.ABORTED


def test_a_hurried_stop_is_no_support_for_what_was_still_to_be_asked() -> None:
    life = held(plan(hypothesis=Hypothesis((ERRORS,), delay=60.0, duration=180.0))).cleared()
    assert life.tell(SIGNAL).result.verdict is Verdict.INCONCLUSIVE
    alert = AlertFires("Down", 60.0, "http://prometheus")
    life = held(plan(hypothesis=Hypothesis((ERRORS,), alert_fires=alert)))
    life.answer(Purpose.HYPOTHESIS, Outcome.PASS).tell(SIGNAL)
    assert life.cleared().result.verdict is Verdict.INCONCLUSIVE


def test_a_hurried_stop_waits_a_second_for_an_injection_under_way() -> None:
    life = Life(plan()).prepared().armed()
    hanging = life.open(Inject).id
    life.tell(SIGNAL).cleared()
    assert life.phase is Phase.CLEAR
    life.go(0.5).tell(Injected(hanging))
    assert life.cleared().result.run is Ran.ABORTED
    life = Life(plan()).prepared().armed().tell(SIGNAL).cleared()
    assert wake_at(life.state, life.now, life.context) == life.now.plus(1.0)
    assert life.go(1.0).result.run is Ran.ABORTED


def test_a_hurried_stop_waits_a_second_for_a_clearing_that_hangs() -> None:
    life = in_phase(Phase.HOLD).tell(SIGNAL)
    assert life.go(0.9).phase is Phase.CLEAR
    assert life.go(0.1).result.cleanup is Cleanup.LEFT


# --- recover --------------------------------------------------------------------------------


def test_it_waits_until_the_system_is_steady_again() -> None:
    life = in_phase(Phase.RECOVER)
    cleared = life.now
    for _ in range(3):
        (question,) = life.ask(Purpose.RECOVERY).questions
        assert question.window == Window(cleared.wall, life.now.wall)
        life.answer(Purpose.RECOVERY, Outcome.BROKEN).go(1.0)
    life.answer(Purpose.RECOVERY, Outcome.PASS, recovered_at=cleared.wall + 2.5)
    assert (life.result.recovery, life.result.time_to_recover) == (Recovered.RECOVERED, 2.5)


@pytest.mark.parametrize(
    ("last", "recovery", "verdict"),
    [
        (Outcome.BROKEN, Recovered.NOT_RECOVERED, Verdict.NOT_SUPPORTED),
        (Outcome.NO_DATA, Recovered.UNKNOWN, Verdict.INCONCLUSIVE),
    ],
)
def test_recovery_is_waited_for_only_so_long(last: Outcome, recovery: Recovered, verdict: Verdict) -> None:
    life = in_phase(Phase.RECOVER).answer(Purpose.RECOVERY, last)
    assert life.go(119.9).phase is Phase.RECOVER
    assert life.go(0.1).result.recovery is recovery
    assert life.result.verdict is verdict


def test_answers_to_what_is_no_longer_asked_change_nothing() -> None:
    life = in_phase(Phase.HOLD).go(2.0)
    late = life.open(Observe).id
    life.go(28.0).answer(Purpose.HYPOTHESIS, Outcome.PASS).cleared()
    before = life.state
    assert life.tell(Cleared(999)).state == before
    assert life.observe(late, Observation.NOT_FELT).state == before
    assert isinstance(life.open(Ask), Ask)


# --- what is kept of the steady state -----------------------------------------------------------


def test_the_steady_state_before_and_after_is_in_the_result() -> None:
    gated = plan(steady=(SHOP, ERRORS), lookback=10.0)
    life = Life(gated).answer(Purpose.GATE, Outcome.PASS).step_in().go(30.0)
    if life.asks(Purpose.WITNESS):
        life.answer(Purpose.WITNESS, Outcome.PASS)
    life.cleared().go(1.0).answer(Purpose.RECOVERY, Outcome.BROKEN).go(3.0)
    result = life.answer(Purpose.RECOVERY, Outcome.PASS).result
    assert [(j.probe, j.outcome) for j in result.before] == [("shop", Outcome.PASS), ("errors", Outcome.PASS)]
    assert [(j.probe, j.outcome) for j in result.after] == [("shop", Outcome.PASS), ("errors", Outcome.PASS)]


def test_what_was_wrong_at_the_gate_is_in_the_result() -> None:
    gated = plan(steady=(SHOP,), lookback=10.0)
    result = Life(gated).answer(Purpose.GATE, Outcome.BROKEN).result
    assert [(j.probe, j.outcome) for j in result.before] == [("shop", Outcome.BROKEN)]
    assert result.after == ()
