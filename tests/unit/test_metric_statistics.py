"""CloudWatch's statistics: the definitions page's examples worked out by hand, and what must always hold."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_engine.rehearsal.metric_statistics import Sample, parse, percentile_of

TEN = [Sample.of(float(value)) for value in range(10, 101, 10)]  # 10, 20 … 100
values = st.lists(st.floats(0, 1e6), min_size=1, max_size=60)


def of(name: str, numbers: list[float]) -> float | None:
    return parse(name)([Sample.of(number) for number in numbers])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SampleCount", 10),
        ("Sum", 550),
        ("Average", 55),
        ("Minimum", 10),
        ("Maximum", 100),
        ("p50", 50),
        ("p95", 100),
        ("p90", 90),
        ("p99.9", 100),
        ("p0", 10),
        ("p100", 100),
        ("tm90", 50),  # without the highest one: (10 + … + 90) / 9
        ("TM(:90%)", 50),
        ("TM(10%:90%)", 55),  # without the lowest and the highest one
        ("TM(10%:)", 60),
        ("TM(20:50)", 40),  # above 20, up to 50: 30, 40, 50
        ("TM(95:)", 100),
        ("TM(:5)", None),
        ("IQM", 55),  # 2 of 10 are left out at each end: 30 … 80
        ("tc90", 9),
        ("TC(20:50)", 3),
        ("TC(:5)", 0),
        ("ts90", 450),
        ("TS(80%:)", 190),  # without the lowest 80 %: 90 + 100
        ("TS(:20)", 30),
        ("wm90", 54),  # 100 counts as 90
        ("WM(10%:90%)", 55),  # 10 as 20, 100 as 90
        ("WM(25:85)", 55.0),  # 25 25 30 … 80 85 85
        ("PR(:30)", 30),
        ("PR(20:50)", 30),
        ("PR(90:)", 10),
    ],
)
def test_ten_values(name: str, expected: float | None) -> None:
    assert parse(name)(TEN) == expected


@pytest.mark.parametrize(
    "name",
    ["p101", "p", "average", "tm101", "TM90", "TM(10%:90)", "TM(:)", "TM(90%:10%)", "PR(10%:20%)", "tm",
     "IQM(1)", "p99.12345678901", "pr90", "TM(5:5)", ""],
)  # fmt: skip
def test_what_is_not_a_statistic(name: str) -> None:
    with pytest.raises(ValueError, match=r"not a|no range"):
        parse(name)


def test_counts_weigh() -> None:
    samples = [Sample.of(1.0, 8), Sample.of(100.0, 2)]
    assert parse("Average")(samples) == pytest.approx(20.8)
    assert parse("p80")(samples) == 1
    assert parse("p81")(samples) == 100
    assert parse("TM(:90%)")(samples) == pytest.approx((8 * 1 + 100) / 9)
    assert parse("TC(:90%)")(samples) == 9


def test_a_statistic_set_counts_in_the_plain_ones_only() -> None:
    known, raw = Sample(count=4, total=20, minimum=1, maximum=10), Sample.of(40.0)
    assert parse("Average")([known, raw]) == 12
    assert parse("Maximum")([known, raw]) == 40
    assert parse("Minimum")([known, raw]) == 1
    for name in ("p50", "TM(:50%)", "PR(:5)", "IQM"):
        assert parse(name)([known, raw]) is None


def test_a_statistic_set_of_equal_values_is_as_good_as_raw() -> None:
    assert parse("p50")([Sample(count=3, total=6, minimum=2, maximum=2), Sample.of(9.0)]) == 2


def test_negative_values_have_no_percentiles() -> None:
    assert of("p50", [-1, 5]) is None
    assert of("TM(:50%)", [-1, 5]) is None
    assert of("Average", [-1, 5]) == 2


def test_the_share_of_a_percentile() -> None:
    share = percentile_of("p99.9")
    assert share is not None
    assert float(share) == 0.999
    assert percentile_of("tm99") is None


@given(values, st.integers(1, 1000))
def test_a_percentile_is_the_nearest_rank(numbers: list[float], per_mille: int) -> None:
    found = of(f"p{per_mille / 10}", numbers)
    rank = next(n for n in range(1, len(numbers) + 1) if 1000 * n >= per_mille * len(numbers))
    assert found == sorted(numbers)[rank - 1]


@given(values)
def test_the_median_lies_at_the_lower_middle(numbers: list[float]) -> None:
    assert of("p50", numbers) == statistics.median_low(numbers)


@given(values)
def test_nothing_trimmed_is_the_average(numbers: list[float]) -> None:
    average = of("Average", numbers)
    assert average is not None
    for name in ("TM(0%:100%)", "tm100", "WM(0%:100%)"):
        found = of(name, numbers)
        assert found is not None
        assert math.isclose(found, average, rel_tol=1e-9, abs_tol=1e-9)
    assert of("tc100", numbers) == len(numbers)


@given(values, st.integers(0, 49), st.integers(51, 100))
def test_sum_is_mean_times_count(numbers: list[float], low: int, high: int) -> None:
    bounds = f"({low}%:{high}%)"
    mean, count, total = (of(form + bounds, numbers) for form in ("TM", "TC", "TS"))
    assert count is not None
    assert total is not None
    assert mean is None if count == 0 else math.isclose(mean or 0.0, total / count, abs_tol=1e-9)


@given(values, st.integers(1, 100))
def test_tm_averages_what_p_is_the_highest_of(numbers: list[float], percent: int) -> None:
    """User guide: p99 is the maximum of the remaining 99 %, tm99 their average."""
    kept, highest = of(f"tc{percent}", numbers), of(f"p{percent}", numbers)
    assert kept == math.ceil(len(numbers) * percent / 100 - 1e-9)
    assert highest == sorted(numbers)[int(kept) - 1]


@given(values, st.floats(0, 1e6))
def test_the_ranks_of_two_halves_are_all(numbers: list[float], middle: float) -> None:
    below, above = of(f"PR(:{middle:.6f})", numbers), of(f"PR({middle:.6f}:)", numbers)
    assert below is not None
    assert above is not None
    assert math.isclose(below + above, 100)
