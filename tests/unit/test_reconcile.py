"""What becomes of that which an earlier engine left: it goes on, or it is cleared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from chaos_engine import reconcile, snapshot
from chaos_engine.life import Phase, Stage
from chaos_engine.model import Fault, Now
from chaos_engine.snapshot import Snapshot
from tests.unit.life_story import Life, plan

LIFE = Life(plan()).go(0).step_in()  # 30 s of hold and 20 s for judging are ahead
FAULTS = [step.fault for step in LIFE.state.steps if step.fault is not None]
KEPT = snapshot.take(LIFE.state, LIFE.now.wall, LIFE.now)
OTHER = replace(FAULTS[0], id="e0-0", experiment="e0")


def planned(
    kept: Snapshot | None = KEPT, left: Sequence[Fault] = FAULTS, now: Now | None = None
) -> reconcile.Plan:
    return reconcile.plan(left, ["e1"], {"e1": kept}, now or LIFE.now.plus(5))


def test_a_hold_whose_deadline_is_ahead_goes_on() -> None:
    assert planned() == reconcile.Plan(resume=(KEPT,), clear=(), interrupted=())


def test_where_nothing_is_kept_everything_is_cleared_and_interrupted() -> None:
    found = reconcile.plan([*FAULTS, OTHER], ["e0", "e1"], {}, LIFE.now)
    assert found == reconcile.Plan((), (*FAULTS, OTHER), ("e0", "e1"))


def test_one_goes_on_and_another_is_cleared() -> None:
    found = reconcile.plan([OTHER, *FAULTS], ["e0", "e1"], {"e1": KEPT, "e0": None}, LIFE.now)
    assert found == reconcile.Plan((KEPT,), (OTHER,), ("e0",))


@pytest.mark.parametrize(("seconds", "goes_on"), [(49.9, True), (50.0, False), (1e6, False)])
def test_not_past_the_deadline(seconds: float, goes_on: bool) -> None:
    assert bool(planned(now=LIFE.now.plus(seconds)).resume) is goes_on


@pytest.mark.parametrize("now", [
    LIFE.now.plus(5).__class__(LIFE.now.wall + 5, 3.0),  # a reboot: the monotonic clock began anew
    Now(LIFE.now.wall + 25, LIFE.now.mono + 5),  # a suspend, or the clock was put forward
    Now(LIFE.now.wall - 25, LIFE.now.mono + 5),  # ... or back
    Now(LIFE.now.wall - 1, LIFE.now.mono - 1),
])  # fmt: skip
def test_not_by_clocks_that_are_not_the_same_any_more(now: Now) -> None:
    found = planned(now=now)
    assert (found.resume, found.clear, found.interrupted) == ((), tuple(FAULTS), ("e1",))


def test_clocks_that_drift_are_still_the_same() -> None:
    assert planned(now=Now(LIFE.now.wall + 6.0, LIFE.now.mono + 5)).resume
    assert not planned(now=Now(LIFE.now.wall + 6.1, LIFE.now.mono + 5)).resume


def test_not_what_somebody_else_is_clearing() -> None:
    taken = [replace(FAULTS[0], epoch=1)]
    assert planned(left=taken).clear == tuple(taken)


def test_not_with_a_fault_that_may_or_may_not_be_in() -> None:
    """The next step's intent is in the ledger, and the snapshot does not know of it."""
    unsure = replace(FAULTS[0], id="e1-1")
    assert planned(left=[*FAULTS, unsure]).clear == (*FAULTS, unsure)


def test_not_with_a_step_whose_injection_was_under_way() -> None:
    steps = tuple(replace(step, stage=Stage.INJECTING) for step in KEPT.state.steps)
    assert planned(replace(KEPT, state=replace(KEPT.state, steps=steps))).clear == tuple(FAULTS)


def test_not_where_nothing_is_in() -> None:
    """Cleared, and not written that the experiment has ended."""
    found = planned(left=[])
    assert (found.resume, found.interrupted) == ((), ("e1",))


@pytest.mark.parametrize("phase", [Phase.GATE, Phase.INJECT, Phase.CLEAR, Phase.RECOVER])
def test_only_a_hold_and_its_judging_go_on(phase: Phase) -> None:
    kept = replace(KEPT, state=replace(KEPT.state, phase=phase))
    assert planned(kept).clear == tuple(FAULTS)
    assert planned(replace(KEPT, state=replace(KEPT.state, phase=Phase.JUDGE))).clear == ()
