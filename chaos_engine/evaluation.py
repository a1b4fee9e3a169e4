"""Asks the sources what the evaluators want to know, side by side and within one time budget."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice

import evaluators
from chaos_engine.cloud import AlarmsQuery, MetricDataQuery
from chaos_engine.model import (
    AlarmProbe,
    AlertFires,
    CloudWatchProbe,
    HttpProbe,
    Judgement,
    OriginalProbe,
    Outcome,
    Probe,
    PrometheusProbe,
    Question,
    QuietAlerts,
)
from chaos_engine.ports import PrometheusQuery, SourceFailure, Sources
from evaluators.plans import (
    Answer,
    Answers,
    Ask,
    Plan,
    Rules,
    RulesQuery,
    Samples,
    SamplesQuery,
    conclude,
    settled,
)

MOST_THREADS = 32
SOURCES: dict[type[Probe], str] = {
    HttpProbe: "http", PrometheusProbe: "prometheus", AlertFires: "alert",
    CloudWatchProbe: "cloudwatch", AlarmProbe: "alarm", QuietAlerts: "alert",
}  # fmt: skip
Told = Callable[[str, float, str], None]  # source, seconds until it had answered, outcome


def unheard(source: str, seconds: float, outcome: str) -> None:
    """Nobody counts."""
    del source, seconds, outcome


def evaluate(
    questions: Sequence[Question],
    sources: Sources,
    now: Callable[[], float],
    budget: float,
    told: Told = unheard,
) -> tuple[Judgement, ...]:
    """One judgement for each question, in order, at most `budget` seconds later. Never raises.

    `now` is wall time. What a source has not answered by then is LATE; what goes wrong in here is an ERROR.
    """
    deadline = time.monotonic() + budget
    plans = [_planned(question, now) for question in questions]
    asks = [ask for plan in plans for ask in plan.asks]
    answers = iter(_Round(asks, sources, deadline, budget).answers())
    pairs = zip(questions, plans, strict=True)
    return tuple(
        _judged(question, plan, list(islice(answers, len(plan.asks))), told) for question, plan in pairs
    )


def source_of(probe: Probe) -> str:
    """What answers it: one of SOURCES."""
    return source_of(probe.probe) if isinstance(probe, OriginalProbe) else SOURCES[type(probe)]


def _planned(question: Question, now: Callable[[], float]) -> Plan:
    try:
        return evaluators.plan(question, now())
    except Exception as error:  # noqa: BLE001 - a question that cannot be asked must not stop the others
        return settled(question, Outcome.ERROR, _said(error))


def _judged(question: Question, plan: Plan, answers: Sequence[_Timed], told: Told) -> Judgement:
    own: Answers = [answer for answer, _ in answers]
    try:
        judgement = plan.judge(own)
    except Exception as error:  # noqa: BLE001 - nor may a bug in one judge
        judgement = conclude(question, Outcome.ERROR, _said(error))
    with suppress(Exception):  # whoever counts must not keep a verdict from being known
        seconds = max((took for _, took in answers), default=0.0)
        told(source_of(question.probe), seconds, judgement.outcome.value)
    return judgement


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"


_Timed = tuple[Answer, float]  # and how many seconds it took


class _Round:
    """All asks of one evaluation. Threads are daemons: a source that hangs does not even hold up the exit."""

    def __init__(self, asks: Sequence[Ask], sources: Sources, deadline: float, budget: float) -> None:
        self._asks, self._sources, self._deadline = asks, sources, deadline
        self._late: _Timed = (SourceFailure("late", f"not answered within {budget:g} s"), budget)
        self._todo: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[int, _Timed]] = queue.SimpleQueue()

    def answers(self) -> list[_Timed]:
        """One answer for each ask, in order."""
        for index in range(len(self._asks)):
            self._todo.put(index)
        self._start(min(MOST_THREADS, len(self._asks)))
        answers: list[_Timed] = [self._late] * len(self._asks)
        for index, answer in self._collect():
            answers[index] = answer
        return answers

    def _start(self, threads: int) -> None:
        for _ in range(threads):
            try:
                threading.Thread(target=self._work, name="evaluate", daemon=True).start()
            except RuntimeError:  # the system gives no more threads: those that run do the work
                return

    def _collect(self) -> Iterator[tuple[int, _Timed]]:
        for _ in self._asks:
            try:
                yield self._done.get(timeout=max(0.0, self._left()))
            except queue.Empty:
                return

    def _work(self) -> None:
        while self._left() > 0:
            try:
                index = self._todo.get_nowait()
            except queue.Empty:
                return
            began = time.monotonic()
            answer = self._answer(self._asks[index])
            self._done.put((index, (answer, time.monotonic() - began)))

    def _answer(self, ask: Ask) -> Answer:
        try:
            return _ask(ask, self._sources, self._left())
        except Exception as error:  # noqa: BLE001 - a source that breaks its promise is one that failed
            return SourceFailure("error", _said(error))

    def _left(self) -> float:
        return self._deadline - time.monotonic()


def _ask(ask: Ask, sources: Sources, budget: float) -> Answer:
    match ask:
        case PrometheusQuery():
            return sources.prometheus.ask(ask, budget)
        case SamplesQuery(probe, window):
            return Samples(sources.http.samples(probe, window))
        case RulesQuery(url):
            rules = sources.prometheus.alert_rules(url, budget)
            return rules if isinstance(rules, SourceFailure) else Rules(rules)
        case MetricDataQuery():
            return sources.cloudwatch.metric_data(ask, budget)
        case AlarmsQuery():
            return sources.cloudwatch.alarms(ask, budget)
