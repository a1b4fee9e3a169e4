"""A report's numbers: rates with their intervals, times to recover, causes, changes; nothing from nothing."""

from __future__ import annotations

import math
import statistics
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_engine import summaries
from chaos_engine.report import figures
from chaos_engine.report.numbers import Rate, difference, spread
from chaos_engine.report.trials import Trial
from tests.unit.report_story import span, trial, trials, with_spans

RATES = st.integers(0, 500).flatmap(lambda of: st.builds(Rate, st.integers(0, of), st.just(of)))


# --- rates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)  # the last is Newcombe's own example, Statistics in Medicine 17, p. 857
def test_wilsons_interval_of_known_cases(hits: int, of: int, low: float, high: float) -> None:
    assert Rate(hits, of).interval == pytest.approx((low, high), abs=5e-5)


def test_newcombes_interval_of_a_known_case() -> None:
    """56/70 and 48/80: 0.0524 to 0.3339, table II of the paper."""
    assert difference(Rate(56, 70), Rate(48, 80)) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


@given(RATES)
def test_an_interval_holds_its_rate_and_lies_in_0_to_1(rate: Rate) -> None:
    low, high = rate.interval
    assert 0 <= low <= high <= 1
    assert rate.share is None or (low <= rate.share + 1e-12 and rate.share <= high + 1e-12)
    mirrored = Rate(rate.of - rate.hits, rate.of).interval
    assert mirrored == pytest.approx((1 - high, 1 - low))


@given(RATES, RATES)
def test_a_difference_turns_around(now: Rate, before: Rate) -> None:
    there, back = difference(now, before), difference(before, now)
    if there is None or back is None:
        assert there is back is None
        assert not (now.of and before.of)
        return
    assert (there[0], there[1], there[2]) == pytest.approx((-back[0], -back[2], -back[1]))
    assert there[1] - 1e-12 <= there[0] <= there[2] + 1e-12


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_a_spread_is_of_values_that_were_measured(values: list[float]) -> None:
    found = spread(values)
    assert found.count == len(values)
    assert found.median == statistics.median(values)
    assert found.p90 in values
    assert sum(value <= (found.p90 or 0) for value in values) >= math.ceil(0.9 * len(values))
    assert found.most == max(values)


# --- groups -------------------------------------------------------------------------------------


def test_a_trial_has_the_columns_of_a_summary_in_their_order() -> None:
    assert tuple(field.name for field in fields(Trial)) == summaries.COLUMNS


@given(trials())
def test_groups_add_up_to_the_whole(found: list[Trial]) -> None:
    whole = figures.group(found)
    parts = [figures.group(part) for part in figures.by(figures.scenario_of, found).values()]
    for name in ("begun", "injected", "refused", "missing", "not_recovered"):
        assert getattr(whole, name) == sum(getattr(part, name) for part in parts)
    for name in ("support", "success"):
        assert getattr(whole, name).of == sum(getattr(part, name).of for part in parts)
        assert getattr(whole, name).hits == sum(getattr(part, name).hits for part in parts)
    assert sum(row["count"] for row in figures.verdicts(found)) == len(found)


def test_only_what_was_judged_counts_for_the_support() -> None:
    verdicts = ["supported"] * 3 + ["not_supported"] + ["inconclusive", "no_effect", "failed", "unjudged"]
    found = figures.group(
        [trial(n, verdict) for n, verdict in enumerate([*verdicts, "steady_state_not_met"])]
    )
    assert (found.support.hits, found.support.of) == (3, 4)
    assert (found.success.hits, found.success.of) == (7, 8)  # the one at the gate was not tried, one failed
    assert (found.refused, found.missing) == (1, 2)


def test_what_left_something_did_not_go_as_planned() -> None:
    assert figures.group([trial(cleanup="left")]).success == Rate(0, 1)


@pytest.mark.parametrize("judged", range(8))
def test_a_score_needs_five(judged: int) -> None:
    found = figures.score(figures.group([trial(n) for n in range(judged)] + [trial(9, "failed")]))
    assert (found["enough"], found["judged"]) == (judged >= 5, judged)
    assert (found["score"] == 100) is (judged >= 5)
    assert (found["low"] is None) is (judged < 5)


def test_the_share_asked_for_beside_the_one_that_came() -> None:
    groups = {"crash": figures.group([trial(1), trial(2), trial(3, "steady_state_not_met")]),
              "slow": figures.group([trial(4)])}  # fmt: skip
    found = figures.shares(groups, {"crash": 1.0, "never": 3.0, "off": 0.0})
    assert found == {
        "crash": {"asked": 0.25, "seen": pytest.approx(2 / 3)},
        "never": {"asked": 0.75, "seen": 0.0},
        "slow": {"asked": 0.0, "seen": pytest.approx(1 / 3)},
    }
    assert figures.shares({}, {}) == {}


# --- metrics, causes, changes -------------------------------------------------------------------


def test_metrics_before_in_and_after() -> None:
    found = figures.metrics(
        with_spans(
            trial(n),
            span("before", "http a", "pass", 0, 1, success=1.0, p95=0.1),
            span("during", "http a", "broken", 1, 2, success=share, p95=5.0 * n),
            span("after", "http a", "pass", 2, 3, success=1.0),
        )
        for n, share in ((1, 0.2), (2, 0.4), (3, 0.9))
    )
    latency, success = found
    assert (success["statistic"], success["probe"], success["scenario"]) == ("success", "http a", "crash")
    assert [success[stage]["median"] for stage in ("before", "during", "after")] == [1.0, 0.4, 1.0]
    assert (success["worst"], success["during"]["count"]) == (0.2, 3)
    assert (latency["worst"], latency["after"]["count"], latency["after"]["median"]) == (15.0, 0, None)


def test_causes_differ_in_more_than_numbers() -> None:
    reasons = ["success 40% at 10:00:01", "success 7.5% at 11:59:59", "latency 2 s", "success 1% at 9:9:9"]
    found = figures.causes(trial(n, "not_supported", reason=why) for n, why in enumerate(reasons))
    assert [(row["count"], row["of"], row["cause"]) for row in found] == [
        (3, 4, "success 1% at 9:9:9"), (1, 4, "latency 2 s"),
    ]  # fmt: skip
    assert found[0]["experiments"] == ["e0", "e1", "e3"]
    assert figures.causes([trial(1), trial(2, "unjudged")]) == []


@given(trials(), trials())
def test_a_change_is_clear_only_where_zero_is_out(now: list[Trial], before: list[Trial]) -> None:
    found = figures.trend(figures.group(now), figures.group(before))
    for name in ("support", "success"):
        change = found[name]
        if change is not None:
            assert change["is_clear"] is not (change["low"] <= 0 <= change["high"])


def test_slower_needs_enough_of_both() -> None:
    fast, slow = spread([4.0] * 5), spread([5.0] * 5)
    assert figures.slowdown(slow, fast) == {"times": 1.25, "slower": True, "faster": False}
    assert figures.slowdown(spread([4.9] * 5), fast) == {"times": 1.225, "slower": False, "faster": False}
    assert figures.slowdown(fast, spread([8.0] * 5)) == {"times": 0.5, "slower": False, "faster": True}
    assert figures.slowdown(spread([9.0] * 4), fast) is None
    assert figures.slowdown(slow, spread([4.0] * 4)) is None
