"""The verdict table: every combination of the parts of a result."""

from __future__ import annotations

from itertools import product

import pytest

from chaos_engine.model import Judged, Ran, Recovered, Result, Verdict, Witness

OF_RUN = {
    Ran.SKIPPED: Verdict.STEADY_STATE_NOT_MET,
    Ran.FAILED: Verdict.FAILED,
    Ran.ABORTED: Verdict.ABORTED,
    Ran.INTERRUPTED: Verdict.INTERRUPTED,
}
ALL = tuple(product(Ran, Judged, Recovered, Witness, (True, False)))


def verdict(run: Ran, judged: Judged, recovery: Recovered, witness: Witness, asked: bool) -> Verdict:
    return Result(run, judged, recovery, witness=witness, recovery_asked=asked).verdict


@pytest.mark.parametrize("run", OF_RUN)
def test_a_run_that_was_not_completed_says_so_whatever_else_was_seen(run: Ran) -> None:
    assert {verdict(*parts) for parts in ALL if parts[0] is run} == {OF_RUN[run]}


@pytest.mark.parametrize("parts", [parts for parts in ALL if parts[0] is Ran.COMPLETED])
def test_of_a_completed_run_the_worst_part_counts(
    parts: tuple[Ran, Judged, Recovered, Witness, bool],
) -> None:
    _, judged, recovery, witness, asked = parts
    found = verdict(*parts)
    if judged is Judged.NOT_SUPPORTED or recovery is Recovered.NOT_RECOVERED:
        assert found is Verdict.NOT_SUPPORTED
    elif judged is Judged.INCONCLUSIVE or (asked and recovery is Recovered.UNKNOWN):
        assert found is Verdict.INCONCLUSIVE
    elif witness is Witness.NOT_FELT:
        assert found is Verdict.NO_EFFECT
    else:
        assert found is {Judged.SUPPORTED: Verdict.SUPPORTED, Judged.UNJUDGED: Verdict.UNJUDGED}[judged]


def test_support_needs_a_hypothesis_that_held_and_nobody_who_saw_no_effect() -> None:
    supported = {parts[1:] for parts in ALL if verdict(*parts) is Verdict.SUPPORTED}
    assert {judged for judged, *_ in supported} == {Judged.SUPPORTED}
    assert Witness.NOT_FELT not in {witness for _, _, witness, _ in supported}
    assert (Judged.SUPPORTED, Recovered.UNKNOWN, Witness.FELT, True) not in supported
