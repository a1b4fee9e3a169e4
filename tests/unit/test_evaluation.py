"""All questions are asked side by side, within one budget; nothing that goes wrong gets out."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from chaos_engine.cloud import Alarms, AlarmsQuery, AlarmState, MetricData, MetricDataQuery, MetricResult
from chaos_engine.evaluation import evaluate
from chaos_engine.model import (
    AlarmProbe,
    AlertFires,
    CloudWatchProbe,
    HttpProbe,
    Outcome,
    PrometheusProbe,
    Purpose,
    Question,
    Window,
)
from chaos_engine.ports import (
    AlertRule,
    HttpSample,
    PrometheusAnswer,
    PrometheusQuery,
    Series,
    SourceFailure,
    Sources,
)
from evaluators.expectation import parse

T = 1_700_000_000.0


def _one(query: PrometheusQuery) -> PrometheusAnswer:
    return PrometheusAnswer((Series("x", ((query.end, 1.0),)),))


class Prometheus:
    def __init__(self, ask: Callable[[PrometheusQuery], PrometheusAnswer | SourceFailure] = _one) -> None:
        self._ask = ask

    def ask(self, query: PrometheusQuery, budget: float) -> PrometheusAnswer | SourceFailure:
        assert budget > 0
        return self._ask(query)

    def alert_rules(self, url: str, budget: float) -> tuple[AlertRule, ...] | SourceFailure:
        return SourceFailure("error", f"no rules at {url}")


class Requests:
    def __init__(self, samples: Sequence[HttpSample] = ()) -> None:
        self._samples = tuple(samples)

    def watch(self, probes: Sequence[HttpProbe]) -> None:
        raise AssertionError

    def samples(self, probe: HttpProbe, window: Window) -> tuple[HttpSample, ...]:
        return self._samples


def _abort(query: str = "x", expect: str = "<= 1") -> Question:
    return Question(PrometheusProbe(query, parse(expect), "http://p"), Purpose.ABORT, Window(T, T + 10))


def _sources(prometheus: Prometheus | None = None, requests: Requests | None = None) -> Sources:
    return Sources(requests or Requests(), prometheus or Prometheus())


def _outcomes(questions: Sequence[Question], sources: Sources, budget: float = 5.0) -> list[Outcome]:
    return [j.outcome for j in evaluate(questions, sources, lambda: T + 10, budget)]


def test_one_judgement_each_in_order() -> None:
    http = Question(HttpProbe("http://s/"), Purpose.RECOVERY, Window(T, T + 10))
    alert = Question(AlertFires("A", 10, "http://p"), Purpose.HYPOTHESIS, Window(T, T + 10))
    good = [HttpSample(T + i, 0.01, status=200) for i in range(5)]
    questions = [_abort(expect="< 1"), http, _abort(), alert, _abort("vector(1)")]

    def ask(query: PrometheusQuery) -> PrometheusAnswer:
        return PrometheusAnswer(()) if query.expr.startswith("ALERTS") else _one(query)

    judged = evaluate(questions, _sources(Prometheus(ask), Requests(good)), lambda: T + 10, 5.0)
    assert [j.outcome for j in judged] == [
        Outcome.BROKEN, Outcome.PASS, Outcome.PASS, Outcome.ERROR, Outcome.ERROR,
    ]  # fmt: skip
    assert [j.probe for j in judged] == [q.probe.label for q in questions]
    assert judged[3].reason == "no rules at http://p"
    assert "asks nothing" in judged[4].reason


def test_nothing_to_ask() -> None:
    assert evaluate((), _sources(), lambda: T, 1.0) == ()


def test_they_are_asked_side_by_side() -> None:
    together = threading.Barrier(8, timeout=5)

    def ask(query: PrometheusQuery) -> PrometheusAnswer:
        together.wait()
        return _one(query)

    assert _outcomes([_abort()] * 8, _sources(Prometheus(ask))) == [Outcome.PASS] * 8


def test_at_most_32_at_a_time() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def ask(query: PrometheusQuery) -> PrometheusAnswer:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return _one(query)

    assert set(_outcomes([_abort()] * 100, _sources(Prometheus(ask)))) == {Outcome.PASS}
    assert most <= 32


def test_a_hung_source_is_late_and_holds_up_nobody() -> None:
    hung = threading.Event()

    def ask(query: PrometheusQuery) -> PrometheusAnswer:
        if query.expr == "hangs":
            hung.wait(30)
        return _one(query)

    began = time.monotonic()
    judged = evaluate([_abort("hangs"), _abort()], _sources(Prometheus(ask)), lambda: T, 0.3)
    took = time.monotonic() - began
    hung.set()
    assert [j.outcome for j in judged] == [Outcome.LATE, Outcome.PASS]
    assert "0.3 s" in judged[0].reason
    assert 0.3 <= took < 10  # it waited for the budget, not for the source


def test_what_is_still_queued_behind_hung_ones_is_late_and_never_asked() -> None:
    hung, asked = threading.Event(), []

    def ask(query: PrometheusQuery) -> PrometheusAnswer:
        asked.append(query)
        hung.wait(30)
        return _one(query)

    assert set(_outcomes([_abort()] * 40, _sources(Prometheus(ask)), 2.0)) == {
        Outcome.LATE
    }  # time for 32 threads to begin
    hung.set()
    deadline = time.monotonic() + 10
    while any(t.name == "evaluate" for t in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(asked) == 32


def test_no_budget_is_late() -> None:
    assert _outcomes([_abort()], _sources(), 0.0) == [Outcome.LATE]


def test_a_source_that_raises_is_an_error() -> None:
    def ask(query: PrometheusQuery) -> PrometheusAnswer:
        raise RuntimeError("socket on fire")

    judged = evaluate([_abort()], _sources(Prometheus(ask)), lambda: T, 1.0)
    assert judged[0].outcome is Outcome.ERROR
    assert "RuntimeError: socket on fire" in judged[0].reason


def test_a_bug_in_a_judge_is_an_error_of_its_question_alone() -> None:
    def ask(query: PrometheusQuery) -> PrometheusAnswer:
        return None if query.expr == "odd" else _one(query)  # type: ignore[return-value]

    assert _outcomes([_abort("odd"), _abort()], _sources(Prometheus(ask))) == [Outcome.ERROR, Outcome.PASS]


def test_a_clock_that_fails_is_an_error() -> None:
    def broken() -> float:
        raise OSError("no clock")

    assert evaluate([_abort()], _sources(), broken, 1.0)[0].outcome is Outcome.ERROR


def test_without_threads_it_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(*_: object, **__: object) -> threading.Thread:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("chaos_engine.evaluation.threading.Thread", no_thread)
    assert _outcomes([_abort()], _sources(), 0.1) == [Outcome.LATE]


class CloudWatch:
    """Every alarm is OK, and each answer takes a while."""

    def __init__(self, pause: float = 0.0) -> None:
        self._pause, self._lock, self._running, self.most = pause, threading.Lock(), 0, 0

    def metric_data(self, query: MetricDataQuery, budget: float) -> MetricData | SourceFailure:
        assert budget > 0
        times = range(int(query.start), int(query.end), 60)
        return MetricData((MetricResult("m1", "m1", tuple((float(t), 1.0) for t in times)),))

    def alarms(self, query: AlarmsQuery, budget: float) -> Alarms | SourceFailure:
        assert budget > 0
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
        time.sleep(self._pause)
        with self._lock:
            self._running -= 1
        return Alarms(tuple(AlarmState(name, "OK", T - 999) for name in query.names))


def test_cloudwatch_is_asked_too() -> None:
    queries = '[{"Id": "m1", "MetricStat": {"Period": 60}}]'
    metric = CloudWatchProbe(queries, ("m1",), parse("< 5"), wait=0)
    questions = [
        Question(metric, Purpose.HYPOTHESIS, Window(T - 300, T)),
        Question(AlarmProbe(("A",)), Purpose.GATE, Window(T - 300, T)),
    ]
    sources = Sources(Requests(), Prometheus(), CloudWatch())
    assert _outcomes(questions, sources) == [Outcome.PASS] * 2
    assert _outcomes(questions, _sources()) == [Outcome.UNREACHABLE] * 2


@pytest.mark.parametrize("probes", [1, 200])
def test_200_alarms_are_asked_side_by_side(probes: int) -> None:
    """In one probe or in 200."""
    names = [f"A{n}" for n in range(200)]
    each = 200 // probes
    asked = [
        Question(AlarmProbe(tuple(names[i : i + each])), Purpose.HYPOTHESIS, Window(T - 300, T - 200))
        for i in range(0, 200, each)
    ]
    cloudwatch = CloudWatch(pause=0.05)
    outcomes = _outcomes(asked, Sources(Requests(), Prometheus(), cloudwatch), 30.0)
    assert outcomes == [Outcome.PASS] * probes
    assert 5 <= cloudwatch.most <= 32


def test_a_hung_source_does_not_hold_up_the_exit() -> None:
    program = """
import time
from tests.unit.test_evaluation import Prometheus, _abort, _outcomes, _sources
def ask(query):
    time.sleep(600)
print(_outcomes([_abort()], _sources(Prometheus(ask)), 0.1))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert "LATE" in done.stdout


# --- who counts -----------------------------------------------------------------------------


def test_each_answer_is_told_with_its_source_and_its_time() -> None:
    told: list[tuple[str, float, str]] = []

    def slow(query: PrometheusQuery) -> PrometheusAnswer | SourceFailure:
        time.sleep(0.2)
        return _one(query)

    http = Question(HttpProbe("http://s/"), Purpose.RECOVERY, Window(T, T + 10))
    sources = _sources(Prometheus(slow))
    evaluate([http, _abort()], sources, lambda: T + 10, 5.0, lambda *line: told.append(line))
    assert [(source, outcome) for source, _, outcome in told] == [
        ("http", "too_few_samples"),
        ("prometheus", "pass"),
    ]
    assert told[0][1] < 0.2 <= told[1][1]


def test_what_is_late_took_the_whole_budget() -> None:
    told: list[tuple[str, float, str]] = []
    over = threading.Event()

    def hang(query: PrometheusQuery) -> PrometheusAnswer:
        over.wait(5)
        return _one(query)

    evaluate([_abort()], _sources(Prometheus(hang)), lambda: T + 10, 0.1, lambda *line: told.append(line))
    over.set()
    assert told == [("prometheus", 0.1, "late")]


def test_who_counts_cannot_spoil_a_verdict() -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    assert evaluate([_abort()], _sources(), lambda: T + 10, 5.0, broken)[0].outcome is Outcome.PASS
