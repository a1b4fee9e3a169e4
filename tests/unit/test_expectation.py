"""Expectations: what the texts mean, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.expectation import holds, parse

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("< 0.01", [0.0099, -5, -math.inf], [0.01, 1, math.inf]),
        ("<= 5", [5, 4], [5.01]),
        ("> 0", [0.001, math.inf], [0, -1]),
        (">= 99%", [0.99, 1], [0.9899]),
        ("== 1", [1], [0.999, 1.001]),
        ("!= 0", [1, -1, math.inf], [0, 0.0, -0.0, math.nan]),
        ("in 0.9..1.1", [0.9, 1, 1.1], [0.89, 1.11]),
        ("in 90..99%", [0.9, 0.99], [0.89, 0.995, 90]),
        ("in 100ms .. 2s", [0.1, 2], [0.09, 2.1]),
        ("<500ms", [0.499], [0.5]),
        ("< 2s", [1.9], [2]),
        ("<= 1.5m", [90], [90.1]),
        ("> -1e-3", [0], [-0.001]),
        ("  >= .5  ", [0.5], [0.4]),
    ],
)
def test_absolute(text: str, inside: list[float], outside: list[float]) -> None:
    expected = parse(text)
    assert not expected.relative
    assert [value for value in inside if not holds(expected, value, None)] == []
    assert [value for value in outside if holds(expected, value, None) is not False] == []


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("<= 2x baseline", [20, 0], [20.1]),
        (">= 0.5x baseline", [5, 100], [4.9]),
        ("in 0.9..1.1x baseline", [9, 11], [8.9, 11.1]),
        ("< 2 x  baseline", [19], [20]),
    ],
)
def test_relative(text: str, inside: list[float], outside: list[float]) -> None:
    expected = parse(text)
    assert expected.relative
    assert all(holds(expected, value, 10) for value in inside)
    assert all(holds(expected, value, 10) is False for value in outside)
    assert holds(expected, 10, None) is None
    assert holds(expected, 10, math.nan) is None


def test_a_negative_baseline_turns_the_range_round() -> None:
    expected = parse("in 0.9..1.1x baseline")
    assert holds(expected, -10, -10) is True
    assert holds(expected, -12, -10) is False


@pytest.mark.parametrize(
    "text",
    [
        "", "0.01", "<", "< NaN", "<= nan", "> inf", "== -Infinity", "!= 1x baseline", "!=", "=< 5",
        "< 5 apples", "< 1e999",
        "in 1..", "in 1", "in 2..1", "in 5s..1ms", "in 1s..2x baseline", "<= 2x", "<= 2x base", "< 1 2",
        "about 5", "< 1\n< 2", "in 1..2..3", "<= 50%x baseline",
    ],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expectation|empty|unit|large"):
        parse(text)


def test_the_refusal_says_what_is_allowed() -> None:
    with pytest.raises(ValueError, match=r"'approx 5' is not an expectation: allowed are \"<\""):
        parse("approx 5")


@given(FINITE, st.sampled_from(["<", "<=", ">", ">=", "=="]))
def test_nan_never_holds(bound: float, operator: str) -> None:
    expected = parse(f"{operator} {bound!r}")
    assert holds(expected, math.nan, None) is False
    assert holds(expected, math.nan, 1.0) is False


@given(FINITE, FINITE, st.sampled_from(["<", "<=", ">", ">=", "=="]))
def test_means_what_python_means(bound: float, value: float, operator: str) -> None:
    meaning = {"<": value < bound, "<=": value <= bound, ">": value > bound, ">=": value >= bound}
    assert holds(parse(f"{operator} {bound!r}"), value, None) is meaning.get(operator, value == bound)


@given(FINITE, FINITE, FINITE)
def test_a_range_is_closed(one: float, other: float, value: float) -> None:
    low, high = sorted((one, other))
    assert holds(parse(f"in {low!r}..{high!r}"), value, None) is (low <= value <= high)


@given(st.integers(0, 100))
def test_a_share_written_in_percent_is_that_share(percent: int) -> None:
    assert holds(parse(f"== {percent}%"), percent / 100, None)


@given(st.text(max_size=20))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        expected = parse(text)
    except ValueError:
        return
    assert expected.low is not None or expected.high is not None
