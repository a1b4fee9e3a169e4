"""Faults that end by themselves: when the hold is over, what is judged, and what proves nothing."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from chaos_engine.journal import Journal
from chaos_engine.life import Ask, Clear, Injected, Observe, Observed, Phase, Stop
from chaos_engine.model import (
    AwsAccess,
    Cleanup,
    Hypothesis,
    Judged,
    Observation,
    Outcome,
    Purpose,
    Ran,
    Seen,
    Step,
    Target,
    Verdict,
    Window,
    Witness,
)
from tests.unit.life_story import ERRORS, SHOP, START, Life, plan, target

SITE = Target("petsite", aws=AwsAccess("us-east-1"))
BROKEN_TEMPLATE = "experiment EXP1 was stopped: Experiment halted by stop condition"


def fis(after: float = 0.0, **parameters: Any) -> Step:
    return Step("fis", SITE, {"template": "EXT1", **parameters}, after, runs=True)


def crash(after: float = 0.0) -> Step:
    return Step("crash", target("shop"), after=after)


def running(*steps: Step, **changes: Any) -> Life:
    """One run in an experiment of an hour at most, whose first injection has just succeeded."""
    hypothesis = changes.pop("hypothesis", Hypothesis((ERRORS,)))
    return Life(plan(steps=steps or (fis(),), hold=3600.0, hypothesis=hypothesis, **changes)).step_in()


def ended(at: float | None = None, **more: Any) -> Seen:
    """It has ended `at` seconds after the start."""
    return Seen(Observation.ENDED, at=None if at is None else START.wall + at, **more)


def see(life: Life, step: int, seen: Seen) -> Life:
    """The answer to the look at one step's fault."""
    actions = [a for a in life.asked if isinstance(a, Observe) and a.step == step]
    return life.tell(Observed(actions[-1].id, seen))


def supported(life: Life) -> Life:
    return life.answer(Purpose.HYPOTHESIS, Outcome.PASS).cleared()


# --- how it ends ------------------------------------------------------------------------------


def test_the_hold_ends_when_the_run_does_and_is_judged_up_to_its_end() -> None:
    life = see(running().go(70.0), 0, ended(at=61.5, felt=True))
    assert life.phase is Phase.JUDGE
    window = life.ask(Purpose.HYPOTHESIS).questions[0].window
    assert window == Window(START.wall, START.wall + 61.5)
    result = supported(life).result
    assert (result.verdict, result.ended_by, result.witness) == (Verdict.SUPPORTED, "run", Witness.FELT)


@pytest.mark.parametrize(("began", "since"), [(20.0, 20.0), (-5.0, 0.0), (65.0, 65.0), (500.0, 70.0)])
def test_what_a_run_did_before_it_acted_is_not_judged(began: float, since: float) -> None:
    life = see(running().go(70.0), 0, ended(at=61.5, began=START.wall + began))
    window = life.ask(Purpose.HYPOTHESIS).questions[0].window
    assert window == Window(START.wall + since, START.wall + max(61.5, since))


def test_beside_other_faults_a_run_s_own_gate_counts_for_nothing() -> None:
    life = running(fis(), crash()).prepared().armed().injected().go(70.0)
    see(life, 0, ended(at=61.5, began=START.wall + 20.0))
    assert life.ask(Purpose.HYPOTHESIS).questions[0].window.start == START.wall


@pytest.mark.parametrize(("at", "until"), [(-5.0, 0.0), (500.0, 70.0), (None, 70.0)])
def test_another_clock_does_not_move_the_end_out_of_the_hold(at: float | None, until: float) -> None:
    life = see(running().go(70.0), 0, ended(at))
    assert life.ask(Purpose.HYPOTHESIS).questions[0].window.end == START.wall + until


def test_that_it_has_ended_does_not_say_that_it_was_felt() -> None:
    assert supported(see(running().go(70.0), 0, ended())).result.witness is Witness.UNWITNESSED


def test_a_run_that_failed_is_failed_not_unsupported_and_is_cleared() -> None:
    life = see(running().go(5.0), 0, Seen(Observation.FAILED, BROKEN_TEMPLATE))
    assert life.wants(Clear)
    assert not life.wants(Ask)
    result = life.cleared().result
    assert (result.verdict, result.hypothesis) == (Verdict.FAILED, Judged.UNJUDGED)
    assert (result.reason, result.ended_by) == (BROKEN_TEMPLATE, "error")


def test_a_run_that_does_not_end_in_time_is_failed_and_cleared() -> None:
    life = see(running(), 0, Seen(Observation.FELT)).go(3599.0)
    assert life.phase is Phase.HOLD
    life.go(1.0)
    assert life.wants(Clear)
    assert not life.wants(Ask)
    result = life.cleared().result
    assert (result.verdict, result.ended_by) == (Verdict.FAILED, "time")
    assert result.reason == "fis had not ended 3600 s after it began"


def test_the_one_that_did_not_end_is_named() -> None:
    document = Step("ssm_automation", SITE, {"document": "Restart"}, runs=True)
    life = running(fis(), document).prepared().armed().injected().go(10.0)
    see(life, 0, ended(at=9.0)).go(3600.0)
    assert life.cleared().cleared().result.reason == "ssm_automation had not ended 3600 s after it began"


def test_what_cannot_be_looked_at_now_is_looked_at_again() -> None:
    life = running().fails(Observe, "CloudError: Rate exceeded").go(2.0)
    assert see(life, 0, ended()).phase is Phase.JUDGE


def test_a_run_that_stops_slowly_is_waited_for() -> None:
    life = running().tell(Stop("operator", "cleared by hand"))
    for _ in range(29):
        life.fails(Clear, "StillRunningError: EXP1 is still stopping").go(10.0)
    assert life.phase is Phase.CLEAR
    life.fails(Clear, "StillRunningError: EXP1 is still stopping").go(10.0)
    assert life.result.cleanup is Cleanup.LEFT


def test_a_stop_takes_it_out() -> None:
    life = running().tell(Stop("operator", "cleared by hand"))
    assert life.wants(Clear)
    assert life.cleared().result.run is Ran.ABORTED


# --- several ----------------------------------------------------------------------------------


def test_of_two_runs_the_last_one_to_end_ends_the_hold() -> None:
    life = running(fis(), fis()).prepared().armed().injected().go(2.0)
    see(life, 0, ended(at=1.5))
    assert life.phase is Phase.HOLD
    life.go(40.0)
    assert see(life, 1, ended(at=30.0)).ask(Purpose.HYPOTHESIS).questions[0].window.end == START.wall + 30.0


def test_the_last_end_counts_whichever_was_seen_first() -> None:
    life = running(fis(), fis()).prepared().armed().injected().go(40.0)
    see(life, 1, ended(at=35.0))
    see(life, 0, ended(at=20.0))
    assert life.ask(Purpose.HYPOTHESIS).questions[0].window.end == START.wall + 35.0


def test_one_that_does_not_say_when_it_ended_had_ended_when_that_was_seen() -> None:
    life = running(fis(), fis()).prepared().armed().injected().go(20.0)
    see(life, 0, ended())
    see(life.go(20.0), 1, ended(at=10.0))
    assert life.ask(Purpose.HYPOTHESIS).questions[0].window.end == START.wall + 20.0


def test_a_run_that_is_over_is_not_looked_at_again() -> None:
    life = running(fis(), fis()).prepared().armed().injected().go(2.0)
    see(life, 0, ended(at=1.5))
    life.asked = [a for a in life.asked if not isinstance(a, Observe)]
    life.go(60.0)
    assert {a.step for a in life.asked if isinstance(a, Observe)} <= {1}


def test_one_that_fails_fails_the_whole_and_takes_the_other_out() -> None:
    life = running(fis(), fis()).prepared().armed().injected().go(2.0)
    see(life, 1, Seen(Observation.FAILED, "EXP2 was cancelled"))
    assert {a.step for a in life.asked if isinstance(a, Clear)} == {0, 1}


def test_a_state_file_fault_stays_in_for_as_long_as_the_run_lasts() -> None:
    life = running(fis(), crash()).prepared().armed().injected().go(2.0)
    life.observed(Observation.BLIND).go(60.0)
    assert life.phase is Phase.HOLD
    assert see(life, 0, ended(at=61.0)).phase is Phase.JUDGE


def test_the_hold_ends_with_the_run_also_where_the_other_fault_was_taken_away() -> None:
    life = running(fis(), crash()).prepared().armed().injected().go(2.0)
    see(life, 1, Seen(Observation.GONE))
    assert life.phase is Phase.HOLD
    assert see(life, 0, ended(at=1.0)).phase is Phase.JUDGE


def test_a_run_that_is_gone_after_the_other_is_over_ends_the_hold() -> None:
    life = running(fis(), fis()).prepared().armed().injected().go(2.0)
    see(life, 0, ended(at=1.0))
    assert see(life, 1, Seen(Observation.GONE)).phase is Phase.JUDGE


def test_a_run_that_somebody_took_away_ended_when_that_was_seen() -> None:
    life = running(fis(), crash()).prepared().armed().injected().go(20.0)
    see(life, 0, Seen(Observation.GONE))
    assert life.ask(Purpose.HYPOTHESIS).questions[0].window.end == START.wall + 20.0


def test_a_fault_that_was_not_yet_in_when_the_runs_were_over_proves_nothing() -> None:
    life = see(running(fis(), crash(after=60.0)).go(10.0), 0, ended(at=9.0))
    result = life.cleared().result
    assert (result.verdict, result.ended_by) == (Verdict.FAILED, "run")
    assert "crash was not in shop" in result.reason


# --- how often it is looked at ----------------------------------------------------------------


def test_a_run_is_looked_at_ever_less_often_and_at_most_a_tenth_late() -> None:
    life = see(running(), 0, Seen(Observation.FELT))
    looks = [0.0]
    while looks[-1] < 600.0:
        life.go(0.5)
        if life.wants(Observe):
            looks.append(life.now.mono - START.mono)
            see(life, 0, Seen(Observation.FELT))
    gaps = [(b - a, a) for a, b in pairwise(looks)]
    assert gaps[0][0] == 2.0
    assert gaps[-1][0] == 15.0
    assert all(gap <= max(2.0, at / 10) + 0.5 for gap, at in gaps)


@pytest.mark.parametrize(("steps", "pause"), [((fis(),), 10.0), ((crash(),), 2.0)])
def test_only_a_run_is_looked_at_less_often(steps: tuple[Step, ...], pause: float) -> None:
    life = see(running(*steps), 0, Seen(Observation.FELT)).go(100.0)
    see(life, 0, Seen(Observation.FELT))
    assert not life.go(pause - 0.1).wants(Observe)
    assert life.go(0.1).wants(Observe)


def test_what_is_being_looked_at_is_not_looked_at_again_meanwhile() -> None:
    life = running().go(4.0).go(4.0)
    assert len([a for a in life.asked if isinstance(a, Observe)]) == 1


# --- what is kept -----------------------------------------------------------------------------


def test_the_details_are_in_the_result_the_last_ones_last() -> None:
    life = see(running(), 0, Seen(Observation.FELT, details={"run": "EXP1", "status": "running"})).go(2.0)
    see(life, 0, ended(details={"status": "completed"}))
    (details,) = supported(life).result.details
    assert details == {"fault": "e1-0", "scenario": "fis", "run": "EXP1", "status": "completed"}


def test_what_the_injection_told_is_in_the_fault_that_is_cleared() -> None:
    life = Life(plan(steps=(fis(),), hold=3600.0)).prepared().armed()
    life.injected(run="EXP1").tell(Stop("operator", "halted"))
    assert life.open(Clear).fault.undo == {"mode": "healthy", "run": "EXP1"}


def test_so_it_is_where_the_injection_answers_after_it_was_given_up() -> None:
    life = Life(plan(steps=(fis(),), hold=3600.0)).prepared().armed()
    late = life.asked[-1].id
    life.go(10.0)
    assert life.phase is Phase.CLEAR
    life.tell(Injected(late, {"run": "EXP1"}))
    assert life.open(Clear).fault.undo["run"] == "EXP1"


def test_the_ledger_has_what_the_injection_told(tmp_path: Any) -> None:
    life = Life(plan(steps=(fis(),), hold=3600.0)).prepared()
    fault = life.state.steps[0].fault
    assert fault is not None
    journal = Journal(tmp_path)
    journal.arm(fault)
    known = life.armed().injected(run="EXP1").state.steps[0].fault
    assert known is not None
    journal.applied(known, START.wall)
    (kept,) = journal.open_faults()
    journal.close()
    assert kept.undo["run"] == "EXP1"
    assert kept.target == SITE


# --- a preview --------------------------------------------------------------------------------


def test_a_preview_proves_nothing_whatever_the_probes_would_say() -> None:
    note = "a preview: nothing was hurt, and nothing is proved"
    steady = {"steady": (SHOP,), "lookback": 1.0}
    life = Life(
        plan(
            steps=(fis(preview=True),),
            hold=60.0,
            hypothesis=Hypothesis((ERRORS,), recovers_within=5.0),
            **steady,
        )
    )
    life.go(1.0).answer(Purpose.GATE, Outcome.PASS).step_in()
    see(life, 0, ended(details={"note": note}))
    assert not life.asks(Purpose.HYPOTHESIS)
    assert not life.asks(Purpose.WITNESS)
    result = life.cleared().go(1.0).answer(Purpose.RECOVERY, Outcome.PASS).result
    assert (result.verdict, result.reason) == (Verdict.UNJUDGED, note)


def test_beside_a_real_fault_a_preview_takes_nothing_away() -> None:
    life = running(fis(preview=True), fis()).prepared().armed().injected()
    see(life, 0, ended())
    see(life.go(2.0), 1, ended())
    assert life.asks(Purpose.HYPOTHESIS)
