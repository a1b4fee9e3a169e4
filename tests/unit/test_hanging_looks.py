"""Looks that hang, where what they find is injected again: they count as injections that may take hold."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from chaos_engine.course import Course
from chaos_engine.life import Clear, Cleared, Failed, Observe, Observed, Phase, Prepare, Prepared, Stop, Taken
from chaos_engine.model import Hypothesis, Judged, Observation, Outcome, Purpose, Ran, Seen, Verdict
from chaos_engine.moves import is_out
from chaos_engine.performing import Report
from tests.unit.life_story import ERRORS, SHOP, Life, plan

AGAIN, SEEN = Seen(Observation.BLIND, again=True), Seen(Observation.BLIND)
SIGNAL = Stop("signal", "stopped by SIGTERM", hurry=True)


def held(on_restart: str = "again", **changes: Any) -> Life:
    """A fault that is in, and is being looked at for the first time."""
    life = Life(plan(**{"hypothesis": Hypothesis((ERRORS,)), **changes}))
    life.tell(
        Prepared(life.open(Prepare).id, {"on_restart": on_restart}, {"helpers": "h"}, ("network of a",))
    )
    return life.armed().injected()


def clearing(on_restart: str = "again") -> tuple[Life, int]:
    """It is being cleared, and that look hangs."""
    life = held(on_restart)
    look = life.open(Observe).id
    return life.tell(Stop("operator", "cleared by hand")), look


def clears(life: Life) -> int:
    return sum(isinstance(action, Clear) for action in life.asked)


def test_a_look_that_failed_may_have_injected_it() -> None:
    life, look = clearing()
    assert clears(life.tell(Failed(look, "no route to the Engine"))) == 2


# --- what the ledger is told ----------------------------------------------------------------


def test_it_is_out_when_the_look_that_was_under_way_has_only_looked() -> None:
    life, look = clearing()
    clear = Cleared(life.open(Clear).id)
    assert not is_out(life.state, clear)
    life.tell(clear)
    assert is_out(life.state, Observed(look, SEEN))
    assert not is_out(life.state, Observed(look, AGAIN))


def test_it_is_not_out_where_the_look_comes_before_the_clearing_is_done() -> None:
    life, look = clearing()
    clear = Cleared(life.open(Clear).id)
    assert not is_out(life.state, Observed(look, SEEN))
    assert is_out(life.tell(Observed(look, SEEN)).state, clear)


def test_nor_is_it_by_a_look_at_a_fault_that_is_held() -> None:
    life = held()
    look = life.open(Observe).id
    assert not is_out(life.state, Observed(look, SEEN))
    assert not is_out(life.go(10.0).state, Observed(look, SEEN))


def test_nor_while_something_else_hangs_that_may_inject_it() -> None:
    life, look = clearing()
    life.cleared()
    both = replace(life.state, overdue={**life.state.overdue, 77: 0})
    assert not is_out(both, Observed(look, SEEN))
    assert is_out(replace(both, overdue={look: 0, 77: 1}), Observed(look, SEEN))


def test_a_clearing_that_nobody_waits_for_tells_nothing() -> None:
    life, _ = clearing(on_restart="cleared")
    assert is_out(life.state, Cleared(life.open(Clear).id))
    assert not is_out(life.state, Cleared(99))


def test_the_ledger_is_told_by_that_look() -> None:
    life, look = clearing()
    fault, told = life.state.steps[0].fault, []
    life.cleared()
    nobody: Any = None
    log: Any = SimpleNamespace(cleared=lambda fault, seconds: None)
    journal: Any = SimpleNamespace(cleared=lambda fault, at, gone: told.append((fault, at)))
    course = Course(journal, log, nobody, 0, runs={"e1": life.state})
    assert course.report(Report("e1", Observed(look, SEEN), fault), life.now) is None
    assert told == [(fault, life.now.wall)]


def test_a_system_that_was_well_before_it_is_asked_once_more() -> None:
    after = Hypothesis((ERRORS,), delay=60.0, duration=10.0)
    life = held(hypothesis=after, steady=(SHOP,), ungated=True)
    look = life.open(Observe).id
    life.go(9.0).go(21.0).answer(Purpose.WITNESS, Outcome.PASS).cleared()
    assert not life.answer(Purpose.RECOVERY, Outcome.PASS).go(5.0).asks(Purpose.RECOVERY)
    assert life.tell(Observed(look, AGAIN)).cleared().asks(Purpose.RECOVERY)


def test_what_is_not_injected_again_is_not_waited_for() -> None:
    life, _ = clearing(on_restart="cleared")
    assert life.state.overdue == {}


def test_a_hurried_end_waits_a_moment_for_the_look() -> None:
    life = held().tell(SIGNAL).cleared()
    assert life.phase is Phase.CLEAR
    assert life.go(1.0).phase is Phase.DONE


@pytest.mark.parametrize("hangs", [10.0, 29.0])
@pytest.mark.parametrize("late", [AGAIN, Seen(Observation.FELT), None])
def test_a_look_that_hung_does_not_end_the_hold(late: Seen | None, hangs: float) -> None:
    """The fault is in, as it should be: whatever the look did, it is judged and cleared at the hold's end."""
    life = held()
    look = life.open(Observe).id
    life.go(hangs)
    life.tell(Failed(look, "no route to the Engine") if late is None else Observed(look, late))
    assert life.phase is Phase.HOLD
    life.go(30.0 - hangs).answer(Purpose.HYPOTHESIS, Outcome.PASS).cleared()
    assert (life.result.hypothesis, life.result.verdict) == (Judged.SUPPORTED, Verdict.SUPPORTED)


def test_there_is_no_second_look_while_one_hangs_that_may_inject() -> None:
    """Else the ledger calls it cleared when the one is undone, and the other injects it after that."""
    life = held()
    look = life.open(Observe).id
    life.go(10.0).go(2.0)
    assert life.open(Observe).id == look
    assert life.tell(Observed(look, AGAIN)).go(2.0).open(Observe).id != look


def test_nor_does_it_end_the_judging() -> None:
    life = held()
    look = life.open(Observe).id
    life.go(10.0).go(20.0).tell(Observed(look, AGAIN))
    assert life.phase is Phase.JUDGE
    assert life.answer(Purpose.HYPOTHESIS, Outcome.PASS).cleared().result.verdict is Verdict.SUPPORTED


def test_a_look_that_hung_ends_the_hold_where_the_fault_is_another_remover_s_by_now() -> None:
    life = held()
    look = life.open(Observe).id
    result = life.go(10.0).tell(Taken(look, "another remover took it over")).cleared().result
    assert (result.run, result.ended_by) == (Ran.FAILED, "error")
    assert result.reason == "another remover took it over"
