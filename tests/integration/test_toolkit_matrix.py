"""Every strategy by every outcome: strictly as the command `chaos` has it; and ours, with its rollbacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.toolkit_cases import OUTCOMES
from tests.integration.toolkit_side_by_side import Ran, Three, all_three

CONTINUOUS = ("during-method-only", "continuously")
HYPOTHESIS = ("default", "before-method-only", "after-method-only", *CONTINUOUS)
ROLLBACKS = ("always", "never", "deviated")


def compare(three: Three) -> None:
    """Strictly: the journal byte for byte, the exit code, what was done, what controls saw."""
    name, theirs, strict, ours = three.case.name, three.theirs, three.strict, three.ours
    if strict.told("refused"):
        assert (theirs.code, theirs.journalled) == (1, None), f"{name}\n{theirs.said}"
        assert strict.code == ours.code == 2, name
        return
    assert strict.journalled == theirs.journalled, name
    assert strict.told("ended"), f"{name}\n{theirs.said}\n{strict.said}"
    assert strict.verdict[2] == strict.code == theirs.code, f"{name}\n{theirs.said}\n{strict.said}"
    assert strict.notes == theirs.notes, name
    assert seen(strict, three) == seen(theirs, three), name
    if theirs.journalled is not None:
        there = (theirs.journal["status"], theirs.journal["deviated"])
        assert strict.verdict[:2] == there, name
        assert not three.case.same or ours.verdict == (*there, theirs.code), name
    assert not three.case.same or ours.code == theirs.code, name


def seen(ran: Ran, three: Three) -> list[str]:
    """By controls; how often a continuous hypothesis is asked depends on time."""
    continuous = three.strict.told("ended")[0]["strategies"]["hypothesis"] in CONTINUOUS
    return [line for line in ran.heard if not (continuous and "steady" in line)]


def rolled_back(three: Three) -> None:
    """By default both rollbacks wherever the method began, and nowhere else; otherwise as there."""
    strategy = three.case.options.get("rollback_strategy", "default")
    back = [note for note in three.ours.notes if note.endswith("back")]
    began = bool(three.ours.told("method-started"))
    if strategy == "default":
        assert back == (["first back", "second back"] if began else []), three.case.name
    elif three.theirs.journalled is not None:
        assert back == [note for note in three.theirs.notes if note.endswith("back")], three.case.name


def often(strategy: str) -> dict[str, float]:
    return {"hypothesis_frequency": 0.05} if strategy in CONTINUOUS else {}


@pytest.mark.parametrize("strategy", HYPOTHESIS)
def test_hypothesis_strategies(tmp_path: Path, strategy: str) -> None:
    options = {"hypothesis_strategy": strategy, **often(strategy)}
    cases = [case.with_options(strategy, **options) for case in OUTCOMES]
    for three in all_three(tmp_path, cases):
        compare(three)
        rolled_back(three)


@pytest.mark.parametrize("hypothesis", ["default", "continuously"])
@pytest.mark.parametrize("strategy", ROLLBACKS)
def test_rollback_strategies(tmp_path: Path, strategy: str, hypothesis: str) -> None:
    options = {"rollback_strategy": strategy, "hypothesis_strategy": hypothesis, **often(hypothesis)}
    cases = [case.with_options(strategy, **options) for case in OUTCOMES]
    for three in all_three(tmp_path, cases):
        compare(three)
        rolled_back(three)
