"""A fault that is in for as long as somebody wants: its end is no abort, and clears as any end does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos_engine.experiment import begin, evolve
from chaos_engine.life import Phase, Stop
from chaos_engine.model import Ran
from tests.unit.life_story import START, plan

LATER = START.plus(3.0)


@pytest.mark.parametrize(("planned", "run"), [(True, Ran.COMPLETED), (False, Ran.ABORTED)])
@pytest.mark.parametrize("phase", [Phase.INJECT, Phase.HOLD, Phase.JUDGE])
def test_only_an_end_that_was_not_planned_is_an_abort(phase: Phase, planned: bool, run: Ran) -> None:
    state = replace(begin("e1", plan(), "me", 0, START), phase=phase, injected_at=START)
    ended = evolve(state, Stop("test", "the test ended it", planned=planned), LATER)
    assert (ended.phase, ended.run, ended.ended_by) == (Phase.CLEAR, run, "test")
    assert ended.hold_ended == LATER


def test_what_was_never_in_was_aborted_all_the_same() -> None:
    state = begin("e1", plan(), "me", 0, START)
    assert state.phase is Phase.GATE
    assert evolve(state, Stop("test", "over", planned=True), LATER).run is Ran.ABORTED


def test_a_stop_is_not_planned_unless_it_says_so() -> None:
    assert Stop("operator", "by hand").planned is False
