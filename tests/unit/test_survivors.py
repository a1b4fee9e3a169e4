"""The list of surviving mutants speaks of lines that are there, and gives a reason for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LISTED: dict[str, dict[str, list[dict[str, Any]]]] = yaml.safe_load(
    (ROOT / "tests/mutants/survivors.yml").read_text()
)


@pytest.mark.parametrize("module", LISTED)
def test_every_listed_line_is_there_and_has_a_reason(module: str) -> None:
    source = " ".join((ROOT / module).read_text().split())
    for function, entries in LISTED[module].items():
        assert f"def {function}(" in source
        for entry in entries:
            assert " ".join(entry["line"].split()) in source
            assert len(entry["why"]) > 20
            assert entry["line"] not in entry["becomes"]
