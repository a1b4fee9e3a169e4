"""Durations as AWS writes them."""

from __future__ import annotations

import pytest

from chaos_engine.rehearsal.iso_duration import seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [("PT2S", 2), ("PT5M", 300), ("PT1H30M", 5400), ("P1DT1S", 86401), ("PT0.5S", 0.5), ("PT0S", 0)],
)
def test_what_is_taken(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "5M", "P5M", "P1Y", "-PT5M", "PT-5M", "300", "1:00:00", "PT5", "pt5m", "P1DT"]
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="allowed: ISO 8601"):
        seconds(text)
