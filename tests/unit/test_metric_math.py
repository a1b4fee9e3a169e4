"""Metric math: the user guide's examples, worked out by hand. A series is a list here; None is a gap."""

from __future__ import annotations

import math

import pytest

from chaos_engine.rehearsal.cloudwatch_samples import Window
from chaos_engine.rehearsal.metric_math import NOT_HERE, Surroundings, check, evaluate
from chaos_engine.rehearsal.metric_math_values import Series

START = 1_700_000_040  # Tuesday 14 November 2023, 22:14 UTC
Gaps = list[float | None]


def series(values: Gaps, period: int = 60) -> Series:
    return Series({START + 60 * at: value for at, value in enumerate(values) if value is not None}, period)


def math_of(expression: str, periods: int = 5, **known: Gaps) -> list[Gaps]:
    window = Window(START, START + 60 * periods, START + 60 * periods)
    results = {name: series(values) for name, values in known.items()}
    value = evaluate(expression, Surroundings(results, tuple(known), window))
    found = value if isinstance(value, tuple) else (value,)
    assert all(isinstance(each, Series) for each in found)
    return [
        [each.values.get(START + 60 * at) for at in range(periods)]
        for each in found
        if isinstance(each, Series)
    ]


def one(expression: str, periods: int = 5, **known: Gaps) -> Gaps:
    (found,) = math_of(expression, periods, **known)
    return found


METRIC1: Gaps = [30, 20, 0, 0]
METRIC2: Gaps = [20, None, 20, None]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("(metric1 < metric2)", [0, 0, 1, 0]),
        ("(metric1 >= 30)", [1, 0, 0, 0]),
        ("(metric1 > 15 AND metric2 > 15)", [1, 0, 0, 0]),
        ("metric1 > 15 && metric2 > 15", [1, 0, 0, 0]),
        ("metric1 > 15 OR metric2 > 15", [1, 1, 1, 0]),
        ("metric1 > 15 || metric2 > 15", [1, 1, 1, 0]),
        ("metric1 == metric2", [0, 0, 0, 1]),
        ("metric1 != 0", [1, 1, 0, 0]),
        ("metric2 <= 20", [1, None, 1, None]),
    ],
)
def test_the_guides_table_of_operators(expression: str, expected: Gaps) -> None:
    assert one(expression, 4, metric1=METRIC1, metric2=METRIC2) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("IF(metric1, metric2, metric3)", [30, 0, 20, None, None]),
        ("IF(metric1, 5, metric3)", [5, 5, 20, None, None]),
        ("IF(metric1, metric2, 5)", [30, 0, 5, 5, None]),
        ("IF(metric1, metric2)", [30, 0, None, None, None]),
        ("IF(metric1, 7)", [7, 7, None, None, None]),
        ("IF(metric2 < 20, 10, 2)", [2, None, 10, 10, 2]),
        ("IF(1 > 0, metric2, metric3)", [30, None, 0, 0, 30]),
        ("IF(1 < 0, metric2, metric3)", [0, 0, 20, None, 20]),
        ("IF(1 < 0, metric2)", [None] * 5),
        ("IF(-metric1, 1, 2)", [1, 1, 2, 2, None]),
    ],
)
def test_the_guides_tables_of_if(expression: str, expected: Gaps) -> None:
    found = one(
        expression, metric1=[1, 1, 0, 0, None], metric2=[30, None, 0, 0, 30], metric3=[0, 0, 20, None, 20]
    )
    assert found == expected


M1: Gaps = [1, None, 4, 8, None]
M2: Gaps = [2, 3, None, 0, None]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("m1 + m2", [3, 3, 4, 8, None]),
        ("m1 - m2", [-1, -3, 4, 8, None]),
        ("m1 / m2", [0.5, 0, None, None, None]),  # 4 / missing and 8 / 0 are dropped
        ("100 / (m1 - 4)", [-100 / 3, None, None, 25, None]),
        ("m1 ^ 2", [1, None, 16, 64, None]),
        ("-m1", [-1, None, -4, -8, None]),
        ("-m1 ^ 2", [-1, None, -16, -64, None]),
        ("2 + 3 * m1", [5, None, 14, 26, None]),
        ("(2 + 3) * m1", [5, None, 20, 40, None]),
        ("8 - 4 - 2 + m1 * 0", [2, None, 2, 2, None]),
        ("m1-1e0", [0, None, 3, 7, None]),
        ("(m1 - 2) ^ 0.5", [None, None, math.sqrt(2), math.sqrt(6), None]),  # no root of -1
        ("(-1) ^ m2 * 1", [1, -1, None, 1, None]),
        ("m1 - AVG(m1)", [1 - 13 / 3, None, 4 - 13 / 3, 8 - 13 / 3, None]),
        ("MAX(m1) / m1", [8, None, 2, 1, None]),
        ("m1 / SUM(m1)", [1 / 13, None, 4 / 13, 8 / 13, None]),
        ("m1 - MIN(m1)", [0, None, 3, 7, None]),
        (
            "m1 * STDDEV(m2)",
            [1 * math.sqrt(14 / 9), None, 4 * math.sqrt(14 / 9), 8 * math.sqrt(14 / 9), None],
        ),
        ("m1 * DATAPOINT_COUNT(m1)", [3, None, 12, 24, None]),
        ("m1 / PERIOD(m1)", [1 / 60, None, 4 / 60, 8 / 60, None]),
        ("m1 / METRIC_COUNT(METRICS())", [0.5, None, 2, 4, None]),
        ("ABS(m2 - 2)", [0, 1, None, 2, None]),
        ("CEIL(m1 / 3)", [1, None, 2, 3, None]),
        ("FLOOR(m1 / 3)", [0, None, 1, 2, None]),
        ("LOG(m2)", [math.log(2), math.log(3), None, None, None]),
        ("LOG10(m1 * 100)", [2, None, math.log10(400), math.log10(800), None]),
        ("DIFF(m1)", [None, None, 3, 4, None]),
        ("DIFF_TIME(m1)", [None, None, 120, 60, None]),
        ("RATE(m1)", [None, None, 3 / 120, 4 / 60, None]),
        ("RUNNING_SUM(m1)", [1, None, 5, 13, None]),
        ("FILL(m1, 10)", [1, 10, 4, 8, 10]),
        ("FILL(m1, REPEAT)", [1, 1, 4, 8, 8]),
        ("FILL(m1, LINEAR)", [1, 2.5, 4, 8, None]),
        ("FILL(DIFF(m1), LINEAR)", [None, None, 3, 4, None]),
        ("FILL(DIFF(m1), REPEAT)", [None, None, 3, 4, 4]),
        ("FILL(m1, m2)", [1, 3, 4, 8, None]),
        ("FILL(m1, MIN(m1))", [1, 1, 4, 8, 1]),
        ("FILL(m1, AVG(DIFF(m1 * 0 / 0)))", M1),  # a scalar of no data fills nothing
        ("TIME_SERIES(MAX(m1))", [8] * 5),
        ("TIME_SERIES(10)", [10] * 5),
        ("SUM(METRICS())", [3, 3, 4, 8, None]),
        ("SUM([m1, m2])", [3, 3, 4, 8, None]),
        ("AVG([m1, m2])", [1.5, 1.5, 2, 4, None]),  # missing values are 0
        ("MAX([m1, m2])", [2, 3, 4, 8, None]),
        ("MIN(METRICS())", [1, 3, 4, 0, None]),
        ("STDDEV([m1, m2])", [0.5, 0, 0, 4, None]),
        ("DATAPOINT_COUNT(METRICS())", [2, 1, 1, 2, None]),
        ('SUM(METRICS("2"))', [2, 3, None, 0, None]),
        ('SUM([METRICS("1"), METRICS("2")])', [3, 3, 4, 8, None]),
        ("SUM(100 / [m1, m2])", [150, 100 / 3, 25, 12.5, None]),
        ("FIRST(SORT(METRICS(), AVG, DESC))", M1),
        ("LAST(SORT(METRICS(), AVG, DESC))", M2),
        ("FIRST(METRICS())", M1),
        ("MINUTE(m1)", [14, 15, 16, 17, 18]),
        ("HOUR(m1)", [22] * 5),
        ("DAY(m1)", [2] * 5),
        ("DATE(m1)", [14] * 5),
        ("MONTH(m1)", [11] * 5),
        ("YEAR(m1)", [2023] * 5),
        ("EPOCH(m1)", [START, START + 60, START + 120, START + 180, START + 240]),
        ("IF(DAY(m1)<6,m1)", [1, 0, 4, 8, 0]),
    ],
)
def test_one_series(expression: str, expected: Gaps) -> None:
    found = one(expression, m1=M1, m2=M2)
    assert found == [value if value is None else pytest.approx(value) for value in expected]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("METRICS()", [M1, M2]),
        ("METRICS() * 10", [[10, None, 40, 80, None], [20, 30, None, 0, None]]),
        ("10 - METRICS()", [[9, None, 6, 2, None], [8, 7, None, 10, None]]),
        ("METRICS() - m1", [[0, None, 0, 0, None], [1, 3, -4, -8, None]]),
        ("m1 - METRICS()", [[0, None, 0, 0, None], [-1, -3, 4, 8, None]]),
        ("-[m1, m2]", [[-1, None, -4, -8, None], [-2, -3, None, 0, None]]),
        ("FILL(METRICS(), 0)", [[1, 0, 4, 8, 0], [2, 3, 0, 0, 0]]),
        ("ABS([m1, m2])", [M1, M2]),
        ("RATE(METRICS() * 60)", [[None, None, 1.5, 4, None], [None, 1, None, -1.5, None]]),
        ("SORT(METRICS(), MIN, ASC)", [M2, M1]),
        ("SORT(METRICS(), MAX, DESC)", [M1, M2]),
        ("SORT(METRICS(), SUM, ASC, 1)", [M2]),
        ("SLICE(SORT(METRICS(), SUM, DESC), 0, 1)", [M1]),
        ("SLICE(METRICS(), 1)", [M2]),
        ("REMOVE_EMPTY([m1 / 0, m2])", [M2]),
        ('METRICS("nothing")', []),
    ],
)
def test_several_series(expression: str, expected: list[Gaps]) -> None:
    assert math_of(expression, m1=M1, m2=M2) == expected


def test_an_empty_series_is_filled_over_the_whole_window() -> None:
    assert one("FILL(m1, 0)", 3, m1=[]) == [0, 0, 0]
    assert one("FILL(m1, REPEAT)", 3, m1=[]) == [None] * 3


def test_an_aggregate_of_no_data_makes_no_data() -> None:
    assert one("m2 + AVG(m1)", 2, m1=[], m2=[1, 2]) == [None, None]
    assert one("TIME_SERIES(SUM(m1))", 2, m1=[]) == [None, None]
    assert one("FIRST(REMOVE_EMPTY(METRICS()))", 2, m1=[]) == [None, None]


def test_numbers_too_large_are_dropped() -> None:
    assert one("m1 * m1", 2, m1=[1e200, 2]) == [None, 4]
    assert one("m1 ^ 900", 2, m1=[1e200, 1]) == [None, 1]
    assert one("SUM([m1 * 1, m1 * 1])", 1, m1=[1.7e308]) == [None]


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("AVG(m1)", "scalar"),
        ("5", "scalar"),
        ("PERIOD(m1)", "scalar"),
        ("METRICS() + METRICS()", r"TS\[\] and TS\[\]"),
        ("METRICS() > 5", r"operator >"),
        ("m1 AND METRICS()", "operator AND"),
        ("ABS(5) * m1", "ABS takes a time series"),
        ("AVG(5) * m1", "AVG takes a time series"),
        ("FILL(5, 1)", "FILL takes a time series"),
        ("FILL(m1, METRICS())", "FILL fills with"),
        ("FILL(m1, DESC)", "FILL fills with"),
        ("FIRST(m1)", "FIRST takes an array"),
        ("METRIC_COUNT(m1) * m1", "METRIC_COUNT takes an array"),
        ("SORT(METRICS(), AVG)", "SORT takes"),
        ("SORT(METRICS(), STDDEV, DESC)", "SORT takes"),
        ("SORT(METRICS(), AVG, UP)", "SORT takes"),
        ("SLICE(METRICS(), -1)", "SLICE takes a whole number"),
        ("SLICE(METRICS(), 1e999)", "SLICE takes a whole number"),
        ("SLICE(METRICS(), 0.5)", "SLICE takes a whole number"),
        ("TIME_SERIES(m1)", "TIME_SERIES takes a scalar"),
        ("PERIOD(m1 + 1) * m1", "PERIOD takes the id"),
        ("DAY(METRICS())", "DAY takes a time series"),
        ("IF(METRICS(), 1, 0)", "IF does not take an array"),
        ("IF(1, 2, 3)", "IF of a scalar"),
        ("[m1, 5]", "an array is of time series"),
        ("METRICS(m1)", "METRICS takes"),
        ("m1 + DESC", "'DESC' is not a value"),
        ("RATE(m1, m1)", "RATE does not take 2"),
        ("IF(m1)", "IF does not take 1"),
        ("DATAPOINTS(m1)", "DATAPOINTS is not a function"),
        (" - " * 3000 + "m1", "nested too deeply"),
    ],
)
def test_what_is_refused(expression: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        one(expression, m1=M1, m2=M2)


@pytest.mark.parametrize("name", NOT_HERE)
def test_functions_that_are_not_here_are_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is not done by the rehearsal"):
        check(f'm1 + {name}("x")', {"m1"})


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("m1 +", "to its end"),
        ("m1 + * 2", "from character 6, at '\\* 2'"),
        ("avg(m1)", r"from character 4, at '\(m1\)'"),
        ("m1 = 2", "from character 4"),
        ("m1 + m3", "no query with the id m3"),
        ("", "to its end"),
        ("SUM(m1))", "from character 8"),
    ],
)
def test_what_cannot_be_read(expression: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check(expression, {"m1", "m2"})
