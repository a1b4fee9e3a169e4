"""Clearings that no experiment waits for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos_engine.duties import BACKOFF_MOST, TIMEOUT, Duties, add, decide, done, failed, wake_at
from chaos_engine.life import Arm
from chaos_engine.model import Fault, Now
from tests.unit.life_story import START, Life, plan

FAULT = Life(plan()).prepared().open(Arm).fault
OTHER = replace(FAULT, id="e2-0")


def due(duties: Duties, now: Now) -> tuple[Fault, ...]:
    return decide(duties, now)[1]


def test_a_duty_is_tried_at_once_and_not_again_while_it_may_still_succeed() -> None:
    duties, first = decide(add(Duties(), FAULT, START), START)
    assert first == (FAULT,)
    assert due(duties, START.plus(TIMEOUT - 0.1)) == ()
    assert due(duties, START.plus(TIMEOUT)) == (FAULT,)  # it hangs: beside it


def test_what_failed_is_tried_again_ever_more_slowly_and_for_ever() -> None:
    duties, now, pauses = add(Duties(), FAULT, START), START, []
    for _ in range(30):
        duties, (fault,) = decide(duties, now)
        duties = failed(duties, fault, now)
        soonest = wake_at(duties)
        assert soonest is not None
        pauses.append(soonest.mono - now.mono)
        now = soonest
    assert pauses[:4] == pytest.approx([0.5, 1.0, 2.0, 4.0])
    assert pauses[-1] == pytest.approx(BACKOFF_MOST)


def test_a_duty_that_is_done_is_over_and_the_others_stay() -> None:
    duties = add(add(Duties(), FAULT, START), OTHER, START)
    assert [duty.fault for duty in done(duties, FAULT).open.values()] == [OTHER]
    assert wake_at(done(done(duties, FAULT), OTHER)) is None


def test_the_failure_of_a_duty_that_is_done_takes_nothing_on() -> None:
    assert failed(Duties(), FAULT, START) == Duties()


def test_a_fault_that_takes_hold_again_is_tried_at_once_whatever_went_before() -> None:
    duties, _ = decide(add(Duties(), FAULT, START), START)
    duties = failed(duties, FAULT, START)
    assert due(add(duties, FAULT, START), START) == (FAULT,)


def test_it_wakes_by_the_monotonic_clock() -> None:
    set_back = Now(START.wall - 1000.0, START.mono + 9.0)
    assert wake_at(add(add(Duties(), FAULT, set_back), OTHER, START)) == START


def test_it_wakes_for_the_next_one() -> None:
    duties = add(add(Duties(), FAULT, START.plus(3.0)), OTHER, START.plus(2.0))
    assert wake_at(duties) == START.plus(2.0)
    assert due(duties, START.plus(2.0)) == (OTHER,)
    assert duties.targets == {"a"}


def test_what_another_engine_left_under_the_same_number_is_a_duty_of_its_own() -> None:
    strange = replace(FAULT, owner="another")
    duties = add(add(Duties(), FAULT, START), strange, START)
    assert due(duties, START) == (FAULT, strange)
    assert due(done(duties, strange), START) == (FAULT,)
