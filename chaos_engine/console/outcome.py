"""Pure: exit codes."""

from __future__ import annotations

from collections.abc import Iterable

from chaos_engine.model import Cleanup, Verdict

BAD_INPUT = 2
NOT_CLEAN = 4
_CODES = {
    Verdict.SUPPORTED: 0,
    Verdict.UNJUDGED: 0,
    Verdict.NOT_SUPPORTED: 1,
    Verdict.STEADY_STATE_NOT_MET: 3,
    Verdict.FAILED: NOT_CLEAN,
    Verdict.ABORTED: NOT_CLEAN,
    Verdict.INTERRUPTED: NOT_CLEAN,
    Verdict.INCONCLUSIVE: 5,
    Verdict.NO_EFFECT: 5,
}
_WORST_FIRST = (BAD_INPUT, NOT_CLEAN, 5, 1, 3, 0)


def code_of(verdict: Verdict, cleanup: Cleanup) -> int:
    """The exit code of one experiment."""
    return NOT_CLEAN if cleanup is Cleanup.LEFT else _CODES[verdict]


def worst(codes: Iterable[int]) -> int:
    """The exit code of several: the worst, in the order 2 4 5 1 3."""
    return min(codes, key=_WORST_FIRST.index, default=0)
