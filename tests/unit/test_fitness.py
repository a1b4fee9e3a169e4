"""Windows that are too short for what is asked are refused, with a length that would do."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos_engine.config import load_settings
from chaos_engine.fitness import misfits, needed, unwitnessed
from chaos_engine.model import Expectation, Experiment, HttpProbe, Hypothesis, PrometheusProbe, Step, Target
from chaos_engine.written import ConfigError

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


def test_without_a_client_nothing_can_witness() -> None:
    assert unwitnessed(experiment(90.0, 90.0))
    assert not unwitnessed(Experiment("t", "crash", (STEP,), 9.0, (HTTP,), 9.0))


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
