"""Looks that hang, where what they find is injected again: they count as injections that may take hold."""

from __future__ import annotations

from typing import Any

import pytest

from chaos_engine.life import Clear, Failed, Observe, Observed, Phase, Prepare, Prepared, Stop, Taken
from chaos_engine.model import Hypothesis, Judged, Observation, Outcome, Purpose, Ran, Seen, Verdict
from tests.unit.life_story import ERRORS, SHOP, Life, plan

AGAIN = Seen(Observation.BLIND, again=True)
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
