"""Exit codes: one for each verdict, the worst of several."""

from __future__ import annotations

from itertools import permutations

import pytest

from chaos_engine.console.outcome import code_of, worst
from chaos_engine.model import Cleanup, Verdict

CODES = {
    "supported": 0, "unjudged": 0, "not_supported": 1, "steady_state_not_met": 3, "failed": 4,
    "aborted": 4, "interrupted": 4, "inconclusive": 5, "no_effect": 5,
}  # fmt: skip


@pytest.mark.parametrize("verdict", Verdict)
def test_each_verdict_has_a_code(verdict: Verdict) -> None:
    assert code_of(verdict, Cleanup.CLEAN) == CODES[verdict.value]
    assert code_of(verdict, Cleanup.LEFT) == 4


def test_the_worst_counts() -> None:
    order = (2, 4, 5, 1, 3, 0)
    for some in permutations(order, 3):
        assert worst(some) == min(some, key=order.index)
    assert worst([]) == 0
