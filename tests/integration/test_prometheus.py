"""Judging by a real Prometheus: what it says, and what it only seems to say."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest

from chaos_engine.adapters.prometheus import PrometheusApi, ScrapeTarget
from chaos_engine.evaluation import evaluate
from chaos_engine.model import (
    AlertFires,
    HttpProbe,
    Judgement,
    Outcome,
    Probe,
    PrometheusProbe,
    Purpose,
    Question,
    Window,
)
from chaos_engine.ports import HttpSample, PrometheusAnswer, PrometheusQuery, SourceFailure, Sources
from evaluators.expectation import parse
from tests.integration.prometheus_server import Exporter, config, free_port, prometheus

RULES = """
groups:
  - name: test
    rules:
      - {alert: Hot, expr: temperature > 50}
      - {alert: Always, expr: up >= 0}
      - {alert: Never, expr: temperature > 1000}
"""
CALM = {
    'level{part="a"}': 1.0,
    'level{part="b"}': 1.0,
    "nothing": 0.0,
    "temperature": 20.0,
    'requests_total{status="200"}': 5.0,
}


class NoRequests:
    def watch(self, probes: object) -> None:
        raise AssertionError

    def samples(self, probe: HttpProbe, window: Window) -> tuple[HttpSample, ...]:
        raise AssertionError


@dataclass
class Stack:
    """A Prometheus, and the app that it scrapes twice a second."""

    url: str
    app: Exporter
    began: float

    def judge(
        self,
        query: str,
        expect: str,
        window: Window,
        purpose: Purpose = Purpose.HYPOTHESIS,
        *,
        blackouts: tuple[Window, ...] = (),
        baseline: Mapping[str, float] | None = None,
    ) -> Judgement:
        probe = PrometheusProbe(query, parse(expect), self.url)
        return self.ask(Question(probe, purpose, window, blackouts, baseline or {}))

    def ask(self, question: Question, budget: float = 5.0) -> Judgement:
        (judged,) = evaluate([question], Sources(NoRequests(), PrometheusApi()), time.time, budget)
        return judged

    def last(self, seconds: float) -> Window:
        now = time.time()
        return Window(now - seconds, now)

    def scraped(self, times: int = 2) -> None:
        """Wait for so many more scrapes, the last of them stored."""
        wanted = self.app.scrapes + times
        until(lambda: self.app.scrapes >= wanted)
        time.sleep(0.1)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def server() -> Iterator[Stack]:
    app = Exporter()
    app.metrics = dict(CALM)
    with prometheus(config({"app": app.port, "gone": free_port()}), RULES) as url:
        until(lambda: app.scrapes >= 1)
        began = time.time()
        until(lambda: app.scrapes >= 9)
        yield Stack(url, app, began)
    app.close()


@pytest.fixture
def stack(server: Stack) -> Iterator[Stack]:
    """The app is calm, and was so for the last three seconds."""
    yield server
    if server.app.down or server.app.metrics != CALM:
        server.app.metrics, server.app.down = dict(CALM), False
        server.scraped(7)


pytestmark = pytest.mark.docker


# --- a calm window, asked in many ways ------------------------------------------------------


def test_pass_of_every_series(stack: Stack) -> None:
    judged = stack.judge("level", "<= 1", stack.last(1.5))
    assert judged.outcome is Outcome.PASS, judged.reason
    assert (judged.evidence.low, judged.evidence.high) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("query", "expect", "outcome"),
    [
        ("nothing / nothing", "<= 1", Outcome.NAN),
        ("no_such_metric", "<= 1", Outcome.NO_DATA),
        ("no_such_metric or vector(0)", "<= 1", Outcome.TOO_FEW),
        ('some_metric{job="gone"} or vector(0)', "<= 1", Outcome.TOO_FEW),
        ("absent(no_such_metric)", "== 1", Outcome.TOO_FEW),
        ("rate(level[2m])", "<= 1", Outcome.REACHES_BACK),
        ("level", "<= 2x baseline", Outcome.NO_DATA),
        ("vector(1)", "<= 1", Outcome.ERROR),
        ("level @ 1700000000", "<= 1", Outcome.ERROR),
        ('(sum(level{status=~"5.."}) or vector(0)) / sum(level)', "< 0.01", Outcome.PASS),
        ("rate(level[1s])", "<= 1", Outcome.PASS),  # Prometheus notes that it is no counter
        ("scalar(sum(level))", "== 2", Outcome.PASS),
        ("level offset 500ms", "<= 1", Outcome.PASS),
        ("max_over_time(level[500ms:100ms])", "<= 1", Outcome.PASS),
        ("nothing / (nothing + 1) / 0 > 5 or level / 0", "> 1", Outcome.PASS),  # +Inf is a number
    ],
)
def test_a_calm_window(stack: Stack, query: str, expect: str, outcome: Outcome) -> None:
    judged = stack.judge(query, expect, stack.last(2.5))
    assert judged.outcome is outcome, judged.reason


def test_a_window_that_begins_before_the_first_scrape(stack: Stack) -> None:
    assert stack.judge("level", "<= 1", Window(stack.began - 60, time.time())).outcome is Outcome.NO_DATA
    judged = stack.judge("level", "<= 1", Window(stack.began - 60, time.time()), Purpose.GATE)
    assert judged.outcome is Outcome.TOO_FEW
    assert "not full" in judged.reason


def test_one_scrape_is_too_few(stack: Stack) -> None:
    windows = iter(lambda: Window(time.time() - 0.9, time.time() - 0.3), None)
    window = next(window for window in windows if _scrapes(stack, window) == 1)
    judged = stack.judge("level", "<= 1", window)
    assert judged.outcome is Outcome.TOO_FEW
    assert "1 raw scrapes of level" in judged.reason


def _scrapes(stack: Stack, window: Window) -> int:
    expr = f"max(count_over_time(level[{round(window.length * 1000)}ms]))"
    found = PrometheusApi().ask(PrometheusQuery(stack.url, expr, window.end, window.end, 0), 5)
    assert isinstance(found, PrometheusAnswer)
    return int(found.series[0].points[0][1]) if found.series else 0


def test_instant_and_abort(stack: Stack) -> None:
    probe = PrometheusProbe("level", parse("<= 1"), stack.url, instant=True)
    assert stack.ask(Question(probe, Purpose.HYPOTHESIS, stack.last(1.5))).outcome is Outcome.PASS
    assert (
        stack.judge("avg_over_time(level[2h])", "<= 1", stack.last(1), Purpose.ABORT).outcome is Outcome.PASS
    )
    assert stack.judge("level", "> 1", stack.last(1), Purpose.ABORT).outcome is Outcome.BROKEN


# --- trouble in the window ------------------------------------------------------------------


def test_one_series_breaks(stack: Stack) -> None:
    began = time.time()
    stack.app.metrics['level{part="b"}'] = 9.0
    stack.scraped(3)
    judged = stack.judge("level", "<= 1", Window(began, time.time()))
    assert judged.outcome is Outcome.BROKEN
    assert 'part="b"' in judged.evidence.broke_series
    assert judged.evidence.broke_value == 9.0
    assert judged.evidence.broke_at is not None
    assert began <= judged.evidence.broke_at <= time.time()


def test_a_target_that_dies_hides_behind_no_default(stack: Stack) -> None:
    began = time.time()
    stack.scraped(2)
    stack.app.down = True
    stack.scraped(3)
    judged = stack.judge("(level > 1) or vector(0)", "<= 1", Window(began, time.time()))
    assert judged.outcome is Outcome.NO_DATA, judged.reason
    down = stack.judge("level or vector(0)", "<= 1", stack.last(1.2))
    assert down.outcome in (Outcome.TOO_FEW, Outcome.NO_DATA), down.reason


def test_recovery_and_our_own_residue(stack: Stack) -> None:
    injected = time.time()
    stack.app.metrics['level{part="b"}'] = 9.0
    stack.scraped(3)
    cleared = time.time()
    assert stack.judge("level", "<= 1", Window(injected, cleared), Purpose.RECOVERY).outcome is Outcome.BROKEN
    stack.app.metrics['level{part="b"}'] = 1.0
    stack.scraped(6)
    fault, since = Window(injected, cleared), Window(cleared, time.time())
    for query in ("level", "max_over_time(level[1s])"):
        judged = stack.judge(query, "<= 1", since, Purpose.RECOVERY, blackouts=(fault,))
        assert judged.outcome is Outcome.PASS, judged.reason
        assert judged.recovered_at is not None
        assert cleared <= judged.recovered_at <= cleared + 2.5  # a scrape, a step, and slack
    ours = stack.judge("max_over_time(level[1s])", "<= 1", Window(cleared - 1, since.end), Purpose.GATE)
    assert ours.outcome is Outcome.BROKEN
    judged = stack.judge(
        "max_over_time(level[1s])", "<= 1", Window(cleared - 1, since.end), Purpose.GATE, blackouts=(fault,)
    )
    assert judged.outcome is Outcome.TOO_FEW
    assert "faults" in judged.reason


def test_gate_and_baseline(stack: Stack) -> None:
    stack.scraped(2)
    gate = stack.judge("level", "<= 1", stack.last(2), Purpose.GATE)
    assert gate.outcome is Outcome.PASS, gate.reason
    assert sorted(gate.baseline.values()) == [1.0, 1.0]
    judged = stack.judge("level", "in 0.9..1.1x baseline", stack.last(2), baseline=gate.baseline)
    assert judged.outcome is Outcome.PASS, judged.reason


# --- sources that fail ----------------------------------------------------------------------


def test_its_own_message_is_shown(stack: Stack) -> None:
    judged = stack.judge('level{a="1" or b="2"}', "<= 1", stack.last(2))  # our parser knows more than v2.53
    assert judged.outcome is Outcome.ERROR
    assert "HTTP 400" in judged.reason
    assert "parse error" in judged.reason


def test_the_parsers_message_is_shown(stack: Stack) -> None:
    judged = stack.judge("sum((level)", "<= 1", stack.last(2))
    assert judged.outcome is Outcome.ERROR
    assert "parenthesis" in judged.reason


# --- alerts ---------------------------------------------------------------------------------


def _fires(stack: Stack, alert: str, start: float, within: float) -> Judgement:
    probe: Probe = AlertFires(alert, within, stack.url)
    return stack.ask(Question(probe, Purpose.HYPOTHESIS, Window(start, start + within)))


def test_alerts(stack: Stack) -> None:
    injected = time.time()
    stack.app.metrics["temperature"] = 90.0
    assert _fires(stack, "Never", injected, 60).outcome is Outcome.LATE
    stack.scraped(5)
    hot = _fires(stack, "Hot", injected, 60)
    assert hot.outcome is Outcome.PASS, hot.reason
    within = time.time() - injected
    assert _fires(stack, "Never", injected, within).outcome is Outcome.BROKEN
    assert _fires(stack, "Unknown", injected, within).outcome is Outcome.NO_DATA
    always = _fires(stack, "Always", injected, within)
    assert always.outcome is Outcome.NO_DATA
    assert "before the injection" in always.reason


# --- what doctor asks -----------------------------------------------------------------------


def test_targets_and_version(stack: Stack) -> None:
    api = PrometheusApi()
    targets = api.targets(stack.url)
    assert not isinstance(targets, SourceFailure)
    by_job = {target.job: target for target in targets}
    assert by_job["app"].health == "up"
    assert by_job["gone"].health == "down"
    assert by_job["app"].interval == 0.5
    assert isinstance(by_job["app"], ScrapeTarget)
    assert 0 <= by_job["app"].age < 30
    version = api.buildinfo(stack.url)
    assert not isinstance(version, SourceFailure)
    assert version["version"].startswith("2.53")


def test_threads_share_it(stack: Stack) -> None:
    api = PrometheusApi()
    now = time.time()
    query = PrometheusQuery(stack.url, "level", now - 1, now, 0.25)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(api.ask(query, 10))) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {type(answer) for answer in found} == {PrometheusAnswer}
    assert len(set(found)) == 1
