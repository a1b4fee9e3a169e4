"""Faults as they are armed, and injections that take hold when nobody waits for them any more."""

from __future__ import annotations

from dataclasses import replace

from chaos_engine.life import Arm, Clear, Failed, Inject, Injected, Phase, Prepare, Prepared, Stop
from chaos_engine.model import (
    Cleanup,
    Fault,
    Outcome,
    Purpose,
    Recovered,
    Step,
)
from tests.unit.life_story import ERRORS, START, Life, plan, target

TWO = plan(steps=(Step("crash", target("a")), Step("slowdown", target("b"), after=10.0)))
AT_ONCE = plan(steps=(Step("crash", target("a")), Step("slowdown", target("b"))))
SIGNAL = Stop("signal", "stopped by SIGTERM", hurry=True)


def clears(life: Life) -> list[str]:
    return [action.fault.id for action in life.asked if isinstance(action, Clear)]


# --- the intent -----------------------------------------------------------------------------


def test_the_intent_says_all_that_is_needed_to_undo_it() -> None:
    life = Life(TWO).step_in().go(10.0).prepared()
    assert life.open(Arm).fault == Fault(
        id="e1-1", experiment="e1", scenario="slowdown", target=target("b"), parameters={"delay": 0},
        undo={"mode": "healthy"}, resources=("file-1",), owner="me", epoch=0, armed_at=START.plus(10.0),
        deadline=START.plus(10.0 + 30.0 + 20.0),
    )  # fmt: skip


def test_it_is_cleared_when_the_last_fault_is_out() -> None:
    life = Life(AT_ONCE).step_in().step_in().go(30.0).cleared()
    assert life.state.cleared_at is None
    assert life.go(1.0).cleared().result.cleared_at == START.wall + 31.0


# --- an injection that was given up ---------------------------------------------------------


def late(**changes: object) -> tuple[Life, int]:
    """Two steps, the second hangs and was given up; both are being cleared."""
    life = Life(replace(AT_ONCE, **changes))  # type: ignore[arg-type]
    if life.asks(Purpose.GATE):
        life.answer(Purpose.GATE, Outcome.PASS)
    life.step_in().prepared().armed()
    hanging = life.open(Inject).id
    return life.go(10.0), hanging


def test_only_what_took_hold_late_is_cleared_again() -> None:
    life, hanging = late()
    assert clears(life) == ["e1-1", "e1-0"]
    life.tell(Injected(hanging))
    assert clears(life) == ["e1-1", "e1-0", "e1-1"]


def test_so_it_is_where_the_late_injection_says_that_it_failed() -> None:
    life, hanging = late()
    life.tell(Failed(hanging, "broken pipe"))
    assert clears(life) == ["e1-1", "e1-0", "e1-1"]


def test_what_took_hold_late_is_cleared_at_once_whatever_failed_before() -> None:
    life = Life(plan()).prepared().armed()
    hanging = life.open(Inject).id
    assert not life.go(10.0).fails(Clear).wants(Clear)
    assert life.tell(Injected(hanging)).wants(Clear)


def test_a_stop_waits_no_longer_because_something_took_hold_late() -> None:
    life = Life(plan()).prepared().armed()
    hanging = life.open(Inject).id
    life.tell(SIGNAL).go(0.5).tell(Injected(hanging))
    assert life.go(0.4).phase is Phase.CLEAR
    assert life.go(0.1).result.cleanup is Cleanup.LEFT


def test_a_stop_waits_as_long_as_the_scenario_asks_for() -> None:
    life = Life(plan())
    life.tell(Prepared(life.open(Prepare).id, {}, {"mode": "healthy"}, ("container:1",), patience=8.0))
    life.armed().injected().tell(SIGNAL)
    assert life.go(7.9).phase is Phase.CLEAR
    assert life.go(0.1).result.cleanup is Cleanup.LEFT


def recovering() -> tuple[Life, int]:
    life, hanging = late(steady=(ERRORS,), lookback=0.0)
    life.cleared()
    return life.cleared(), hanging


def test_a_recovery_from_before_the_late_injection_is_forgotten() -> None:
    life, hanging = recovering()
    life.answer(Purpose.RECOVERY, Outcome.BROKEN).tell(Injected(hanging))
    assert life.tell(SIGNAL).cleared().result.recovery is Recovered.UNKNOWN


def test_an_answer_from_before_the_late_injection_is_no_recovery() -> None:
    life, hanging = recovering()
    before = life.ask(Purpose.RECOVERY)
    life.tell(Injected(hanging)).answers(before, [Outcome.PASS])
    assert life.cleared().phase is Phase.RECOVER
    assert (
        life.go(1.0).answer(Purpose.RECOVERY, Outcome.BROKEN).go(120.0).result.recovery
        is Recovered.NOT_RECOVERED
    )
