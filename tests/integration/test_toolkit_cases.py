"""What an experiment may be made of: strictly as the command `chaos` has it; and ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.test_toolkit_matrix import compare, rolled_back
from tests.integration.toolkit_cases import (
    ACTIVITIES,
    DRY,
    OUTCOMES,
    ROLLBACK_TROUBLE,
    TOLERANCES,
    UNEXPECTED,
)
from tests.integration.toolkit_side_by_side import Case, all_three


@pytest.mark.parametrize("cases", [ACTIVITIES, DRY, TOLERANCES], ids=["activities", "dry", "tolerances"])
def test_what_it_is_made_of(tmp_path: Path, cases: list[Case]) -> None:
    for three in all_three(tmp_path, cases):
        compare(three)


def test_by_the_command_itself(tmp_path: Path) -> None:
    for three in all_three(tmp_path, OUTCOMES, forked=False):
        compare(three)
        rolled_back(three)


def test_trouble_in_the_rollbacks(tmp_path: Path) -> None:
    for three in all_three(tmp_path, ROLLBACK_TROUBLE):
        compare(three)


def test_what_it_does_not_expect_itself(tmp_path: Path) -> None:
    for three in all_three(tmp_path, UNEXPECTED):
        compare(three)
