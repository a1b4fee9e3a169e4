"""What a query looks back on is read out of the query itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.prometheus import check, reach
from evaluators.selectors import selectors


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("up", 0),
        ("rate(x[2m])", 120),
        ("rate(x[90s])", 90),
        ("rate(x[1500ms])", 1.5),
        ("x offset 5m", 300),
        ("rate(x[2m] offset 1m)", 180),
        ("max_over_time(rate(x[2m])[1h:])", 3720),
        ("max_over_time(rate(x[2m])[1h:30s] offset 5m)", 4020),
        ("max_over_time(rate(x[2m] offset 10s)[1h:30s] offset 5m)", 4030),
        ("avg_over_time(max_over_time(rate(x[1m])[5m:])[10m:])", 960),
        ("sum(rate(x[15s])) / sum(rate(y[1m]))", 60),
        ("(sum(rate(x[15s])) or vector(0)) / sum(rate(y[15s]))", 15),
        ("-rate(x[1m])", 60),
        ("topk(scalar(count(rate(x[3m]))), y)", 180),
        ('label_replace(rate(x[1m]), "a", "b", "c", "d")', 60),
        ("histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))", 300),
        ("x > bool 3 and rate(x[1d])", 86400),
    ],
)
def test_reach_is_the_largest_path(query: str, seconds: float) -> None:
    check(query)
    assert reach(query) == pytest.approx(seconds)


@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 500))
def test_nested_ranges_add_up(inner: int, outer: int, offset: int) -> None:
    query = f"max_over_time(rate(x[{inner}s])[{outer}s:1s] offset {offset}s)"
    assert reach(query) == inner + outer + offset


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("sum((", "parenthesis"),
        ("rate(x)", "type"),
        ("x{", "."),
        ("", "."),
        ("x @ 1700000000", "'@' pins"),
        ("rate(x[5m] @ end())", "'@' pins"),
        ("max_over_time(x[5m:] @ start())", "'@' pins"),
        ("x offset -5m", "negative offset"),
        ("max_over_time(x[5m:] offset -1m)", "negative offset"),
        ("vector(1)", "asks nothing of the targets"),
        ("1", "asks nothing of the targets"),
        ("time() + 5", "asks nothing of the targets"),
        ("x[5m]", "no single value"),
        ("x[5m:1m]", "no single value"),
        ('"text"', "no single value"),
    ],
)
def test_refused_with_a_reason(query: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(query)


@pytest.mark.parametrize(
    ("query", "text", "relaxed"),
    [
        ('x{status=~"5.."}', 'x{status=~"5.."}', "x"),
        ('x{job="a",z="1",instance="i"}', 'x{job="a",z="1",instance="i"}', 'x{job="a",instance="i"}'),
        ('x{job=~"a|b"}', 'x{job=~"a|b"}', "x"),
        ('x{job!="a"}', 'x{job!="a"}', "x"),
        ('x{job=""}', 'x{job=""}', "x"),
        ('{__name__=~"http_.*",code="500"}', '{__name__=~"http_.*",code="500"}', '{__name__=~"http_.*"}'),
        ('{code="500"}', '{code="500"}', '{code="500"}'),
        (r'x{a="q\"b\\c\nd"}', r'x{a="q\"b\\c\nd"}', "x"),
    ],
)  # fmt: skip
def test_text_and_relaxed_text(query: str, text: str, relaxed: str) -> None:
    (selector,) = selectors(query)
    assert (selector.text, selector.relaxed) == (text, relaxed)
    assert selectors(selector.text) == (selector,)  # it can be asked again as it is


def test_every_selector_once() -> None:
    found = selectors("rate(x[1m]) / rate(x[1m]) + rate(x[2m]) + y offset 1m")
    assert [(s.text, s.span, s.shift) for s in found] == [("x", 60, 0), ("x", 120, 0), ("y", 0, 60)]
