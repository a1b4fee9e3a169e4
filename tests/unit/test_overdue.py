"""A fault is said to be overdue once, and not while it is only being cleared."""

from __future__ import annotations

from dataclasses import replace

from chaos_engine.model import Fault, Now
from chaos_engine.overdue import GRACE, Watch, look
from tests.unit.life_story import START, target

FAULT = Fault("e1-0", "e1", "crash", target("shop"), {}, {}, (), "me", 0, START, START.plus(50.0))
OTHER = replace(FAULT, id="e2-0", deadline=START.plus(90.0))


def said(*moments: float, watch: Watch = ()) -> list[float]:
    """The moments (seconds after START) at which FAULT is said to be overdue."""
    found = []
    for moment in moments:
        watch, late = look(watch, [FAULT], START.plus(moment))
        found += [moment for _ in late]
    return found


def test_it_is_said_a_second_after_the_deadline_and_once() -> None:
    assert said(0, 50, 50 + GRACE - 0.01) == []
    assert said(0, 50, 50 + GRACE, 60, 70) == [50 + GRACE]


def test_what_is_found_past_its_deadline_has_a_second_to_be_cleared() -> None:
    assert said(500, 500 + GRACE - 0.01) == []
    assert said(500, 500 + GRACE, 600) == [500 + GRACE]


def test_the_deadline_is_one_of_the_wall_clock() -> None:
    watch, _ = look((), [FAULT], START)
    rebooted = Now(START.wall + 10.0, START.mono + 1e6)
    assert look(watch, [FAULT], rebooted)[1] == ()


def test_each_has_its_own_deadline() -> None:
    watch, _ = look((), [FAULT, OTHER], START)
    watch, late = look(watch, [FAULT, OTHER], START.plus(60.0))
    assert late == (FAULT,)
    assert look(watch, [FAULT, OTHER], START.plus(91.0))[1] == (OTHER,)


def test_what_is_out_is_forgotten() -> None:
    watch, _ = look((), [FAULT], START.plus(60.0))
    assert look(watch, [], START.plus(61.0)) == ((), ())
