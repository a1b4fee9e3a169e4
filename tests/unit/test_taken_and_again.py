"""What is being hurt by somebody else already, and faults that are injected again after a restart."""

from __future__ import annotations

import pytest

from chaos_engine.life import Clear, Failed, Observe, Observed, Phase, Prepare, Prepared, Stop, Taken
from chaos_engine.model import Hypothesis, Judged, Observation, Outcome, Purpose, Ran, Seen, Step, Verdict
from tests.unit.life_story import ERRORS, Life, plan, target

TWO = plan(steps=(Step("crash", target("a")), Step("partition", target("b"))))
OTHERS = "network of b is being hurt by e7-0"
AGAIN = Seen(Observation.BLIND, again=True)
SIGNAL = Stop("signal", "stopped by SIGTERM", hurry=True)


def taken(life: Life, action: type[Prepare | Observe]) -> Life:
    return life.tell(Taken(life.open(action).id, OTHERS))


# --- taken --------------------------------------------------------------------------------------


def test_what_is_being_hurt_already_is_not_hurt_again() -> None:
    result = taken(Life(plan()), Prepare).result
    assert (result.run, result.reason, result.injected_at) == (Ran.SKIPPED, OTHERS, None)


def test_what_earlier_steps_did_is_taken_out_where_a_later_one_is_refused() -> None:
    life = taken(Life(TWO).step_in(), Prepare)
    assert [action.fault.id for action in life.asked if isinstance(action, Clear)] == ["e1-0"]
    result = life.cleared().result
    assert (result.run, result.ended_by, result.reason) == (Ran.FAILED, "error", OTHERS)


def test_what_was_injected_again_and_is_another_remover_s_by_now_is_cleared() -> None:
    assert taken(held(), Observe).wants(Clear)


# --- injected again where its target was restarted ------------------------------------------------


def held(on_restart: str = "again") -> Life:
    """A fault that is in, and is being looked at for the first time."""
    life = Life(plan(hypothesis=Hypothesis((ERRORS,))))
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


def test_a_look_that_injects_it_again_while_it_is_cleared_has_it_cleared_once_more() -> None:
    life, look = clearing()
    assert clears(life) == 1
    assert clears(life.tell(Observed(look, AGAIN))) == 2


@pytest.mark.parametrize("seen", [Observation.FELT, Observation.GONE])
def test_one_that_did_not_changes_nothing(seen: Observation) -> None:
    life, look = clearing()
    assert clears(life.observe(look, seen)) == 1
    assert life.state.overdue == {}


def test_one_that_failed_may_have_injected_it() -> None:
    life, look = clearing()
    assert clears(life.tell(Failed(look, "no route to the Engine"))) == 2


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


def test_a_look_that_hung_ends_the_hold_where_the_fault_is_another_remover_s_by_now() -> None:
    life = held()
    look = life.open(Observe).id
    result = life.go(10.0).tell(Taken(look, OTHERS)).cleared().result
    assert (result.run, result.ended_by, result.reason) == (Ran.FAILED, "error", OTHERS)


def test_nor_does_it_end_the_judging() -> None:
    life = held()
    look = life.open(Observe).id
    life.go(10.0).go(20.0).tell(Observed(look, AGAIN))
    assert life.phase is Phase.JUDGE
    assert life.answer(Purpose.HYPOTHESIS, Outcome.PASS).cleared().result.verdict is Verdict.SUPPORTED
