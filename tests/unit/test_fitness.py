"""Windows that are too short for what is asked are refused, with a length that would do."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evaluators
from chaos_engine import durations
from chaos_engine.config import load_settings
from chaos_engine.fitness import lag, misfits, needed, unwitnessed
from chaos_engine.model import (
    AlarmProbe,
    CloudWatchProbe,
    Expectation,
    Experiment,
    HttpProbe,
    Hypothesis,
    PrometheusProbe,
    Purpose,
    Question,
    Step,
    Target,
    Window,
)
from chaos_engine.written import ConfigError
from tests.unit.cloudwatch_twin import T, stat

BOUND = Expectation("> 0", low=0.0)
STEP = Step("crash", Target("a", Path("/tmp/a")))
HTTP = HttpProbe("http://a:1/", every=1.0)


def prometheus(query: str) -> PrometheusProbe:
    return PrometheusProbe(query, BOUND, "http://prometheus:9090")


@pytest.mark.parametrize(
    ("query", "scraped", "least"),
    [
        ("rate(x[2m])", 15.0, 150.0),  # its range and two scrapes
        ("rate(x[1m])", None, 90.0),  # nobody said how often: a quarter of the range
        ("up", 15.0, 30.0),
        ("rate(x[1m] offset 1m)", 15.0, 150.0),
        ("max_over_time(rate(x[1m])[5m:10s])", 15.0, 390.0),
    ],
)
def test_what_a_query_needs(query: str, scraped: float | None, least: float) -> None:
    assert needed(prometheus(query), scraped) == pytest.approx(least)


def test_an_http_probe_needs_three_requests() -> None:
    assert needed(HTTP, None) == 3.0


def experiment(hold: float, lookback: float, **hypothesis: float | None) -> Experiment:
    probe = prometheus("rate(x[1m])")
    return Experiment(
        "t",
        "crash",
        (STEP,),
        hold,
        (probe,),
        lookback,
        Hypothesis((probe,), **hypothesis),  # type: ignore[arg-type]
    )


def test_each_window_is_named_with_what_would_do() -> None:
    told = dict(misfits(experiment(30.0, 80.0), 15.0))
    assert set(told) == {"hold", "lookback"}
    assert "a hold of 30s is too short" in told["hold"]
    assert "90s would do" in told["hold"]
    assert not list(misfits(experiment(90.0, 90.0), 15.0))


def test_a_window_behind_the_clearing_is_measured_itself() -> None:
    assert [what for what, _ in misfits(experiment(1.0, 90.0, delay=5.0, duration=30.0), 15.0)] == [
        "duration"
    ]
    assert not list(misfits(experiment(1.0, 90.0, delay=5.0, duration=90.0), 15.0))


# --- CloudWatch -----------------------------------------------------------------------------


def cloudwatch(*periods: int, wait: float = 60.0) -> CloudWatchProbe:
    queries = json.dumps([stat(f"m{n}", period) for n, period in enumerate(periods)])
    return CloudWatchProbe(queries, ("m0",), BOUND, wait=wait)


@pytest.mark.parametrize(
    ("periods", "least"), [((60,), 120), ((10,), 20), ((60, 300), 600), ((120, 300), 1200)]
)
def test_one_whole_period_lies_in_any_two(periods: tuple[int, ...], least: float) -> None:
    assert needed(cloudwatch(*periods), None) == least


def test_an_alarm_says_something_about_any_window() -> None:
    assert needed(AlarmProbe(("A",)), None) == 0


def asks_cloudwatch(hold: float, lookback: float, *, runs: bool = False, **more: float | bool) -> Experiment:
    steps = (replace(STEP, runs=runs),)
    probes = (cloudwatch(60),)
    return Experiment("t", "x", steps, hold, probes, lookback, Hypothesis(probes, **more))  # type: ignore[arg-type]


def test_a_fault_that_ends_by_itself_is_held_for_as_long_as_it_takes() -> None:
    assert [what for what, _ in misfits(asks_cloudwatch(119, 120), None)] == ["hold"]
    assert not list(misfits(asks_cloudwatch(119, 120, runs=True), None))
    assert [what for what, _ in misfits(asks_cloudwatch(119, 119, runs=True), None)] == ["lookback"]


@pytest.mark.parametrize(
    ("duration", "whole", "fits"), [(119, False, False), (60, True, True), (59, True, False)]
)
def test_a_window_up_to_the_full_minute_may_be_shorter(duration: float, whole: bool, fits: bool) -> None:
    told = misfits(asks_cloudwatch(9, 120, delay=1.0, duration=duration, whole_minutes=whole), None)
    assert [what for what, _ in told] == ([] if fits else ["duration"])


@given(st.sampled_from([1, 10, 60, 120, 300]), st.integers(0, 3_600_000))
def test_where_enough_is_asked_for_a_whole_period_is_found(period: int, start_ms: int) -> None:
    """Also in a window that is shorter, and goes on to the full minute."""
    start = T + start_ms / 1000
    probe = cloudwatch(period)
    most = asks_cloudwatch(9, 9999, delay=1.0, duration=0.0, whole_minutes=True)
    (told,) = (
        text for _, text in misfits(replace(most, hypothesis=replace(most.hypothesis, probes=(probe,))), None)
    )
    least = durations.parse(told.split("; ")[1].removesuffix(" would do"))
    end = math.ceil((start + least) / 60) * 60.0
    plan = evaluators.plan(Question(probe, Purpose.HYPOTHESIS, Window(start, end)), end + 999)
    assert plan.asks
    end = start + needed(probe, None)
    plan = evaluators.plan(Question(probe, Purpose.HYPOTHESIS, Window(start, end)), end + 999)
    assert plan.asks


def test_a_recovery_is_known_later_where_cloudwatch_tells_of_it() -> None:
    assert lag(()) == lag((HTTP, prometheus("up"))) == 0
    assert lag((HTTP, cloudwatch(60), AlarmProbe(("A",), wait=30.0))) == 180
    assert lag((cloudwatch(60), AlarmProbe(("A",), wait=300.0))) == 300


# --- and what can see a fault ---------------------------------------------------------------


def test_without_a_client_nothing_can_witness() -> None:
    assert unwitnessed(experiment(90.0, 90.0))
    assert not unwitnessed(Experiment("t", "crash", (STEP,), 9.0, (HTTP,), 9.0))
    assert not unwitnessed(Experiment("t", "fis", (replace(STEP, runs=True),), 9.0))


CONFIG = """
prometheus_url: http://prometheus:9090
scrape_interval: 15s
schedule: {recovery: %s}
steady_state:
  lookback: %s
  probes: [{prometheus: "rate(x[1m])", expect: "> 0"}]
"""


@pytest.mark.parametrize(
    ("recovery", "lookback", "words"),
    [
        ("30s", "90s", "scenarios.crash: a hold of 30s is too short"),
        ("90s", "60s", "chaos.yml:6: steady_state.lookback: a lookback of 60s is too short"),
    ],
)
def test_settings_are_refused(tmp_path: Path, recovery: str, lookback: str, words: str) -> None:
    file = tmp_path / "chaos.yml"
    file.write_text(CONFIG % (recovery, lookback))
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {})
    assert any(words in problem and "90s would do" in problem for problem in caught.value.problems)
    file.write_text(CONFIG % ("90s", "90s"))
    load_settings(file, {})
