"""Durations as people write them, and as they are shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_engine.durations import LONGEST, parse, parse_range, show


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("180s", 180), ("1.5m", 90), ("250ms", 0.25), (".5 s", 0.5), ("2 hours", 7200), ("1d", 86400),
        ("90", 90), (90, 90), (0.5, 0.5), (" 3 min ", 180), ("5 Seconds", 5), (0, 0),
    ],
)  # fmt: skip
def test_what_is_taken(text: Any, seconds: float) -> None:
    assert parse(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "", "s", "10 minuts", "-5s", "1h30m", "5M", "1e3", "∞", "nan", "inf", True, None, [5], -1,
        float("nan"), float("inf"), 10**400, "9" * 400, "4000d", "5 s s",
    ],
)  # fmt: skip
def test_what_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="is not a duration; allowed: a number with ms, s, m, h or d"):
        parse(text)


def test_a_slip_of_the_pen_gets_a_hint() -> None:
    with pytest.raises(ValueError, match="did you mean '10 minutes'"):
        parse("10 minuts")
    with pytest.raises(ValueError, match="did you mean '3 seconds'"):
        parse("3 secnds")


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("10-30s", (10, 30)), ("500ms-2s", (0.5, 2)), ("1-2m", (60, 120)), ("10 - 30 s", (10, 30)),
        ("5s", (5, 5)), (5, (5, 5)), ("3-3s", (3, 3)), ("10-30", (10, 30)),
    ],
)  # fmt: skip
def test_ranges(text: Any, bounds: tuple[float, float]) -> None:
    assert parse_range(text) == pytest.approx(bounds)


@pytest.mark.parametrize("text", ["10-", "-5s", "30-10s", "1-2-3", "a-b", "1s-", [1, 2]])
def test_bad_ranges_name_what_was_written(text: Any) -> None:
    with pytest.raises(ValueError, match="allowed") as caught:
        parse_range(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "250ms"),
        (90, "90s"),
        (7200, "2h"),
        (180, "3m"),
        (3600, "60m"),
        (172800, "2d"),
        (0, "0s"),
        (91100700, "1518345m"),
    ],
)
def test_show(seconds: float, text: str) -> None:
    assert show(seconds) == text


@given(st.integers(min_value=1, max_value=int(LONGEST)))
def test_what_is_shown_is_read_as_the_same(seconds: int) -> None:
    assert parse(show(seconds)) == seconds
