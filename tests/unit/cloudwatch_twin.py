"""A CloudWatch of answers made up by a test, and the questions for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import evaluators
from chaos_engine import metric_queries
from chaos_engine.cloud import (
    AlarmChange,
    Alarms,
    AlarmsQuery,
    AlarmState,
    MetricData,
    MetricDataQuery,
    MetricResult,
)
from chaos_engine.model import AlarmProbe, CloudWatchProbe, Judgement, Purpose, Question, Window
from evaluators.expectation import parse
from evaluators.plans import Answer, Ask

T = 1_700_000_040.0  # on a full minute, and not on five
Value = Callable[[int], float | None]


def stat(id_: str, period: int = 60, *, returned: bool = True) -> dict[str, object]:
    metric = {"Namespace": "Shop", "MetricName": id_}
    return {
        "Id": id_, "MetricStat": {"Metric": metric, "Period": period, "Stat": "Sum"}, "ReturnData": returned
    }  # fmt: skip


@dataclass
class Metrics:
    """Values by id (or id and label), at the beginnings of the periods; None: there is no datapoint."""

    values: Mapping[str, Value] = field(default_factory=lambda: {"m1": lambda _: 1.0})
    statuses: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    messages: tuple[str, ...] = ()
    asked: list[MetricDataQuery] = field(default_factory=list)

    def answer(self, ask: Ask) -> Answer:
        assert isinstance(ask, MetricDataQuery)
        self.asked.append(ask)
        periods = metric_queries.periods(metric_queries.read(ask.queries), 60)
        results = []
        for name, value in self.values.items():
            id_, _, label = name.partition(" ")
            times = range(int(ask.start), int(ask.end), periods[id_])
            points = tuple((float(t), v) for t in times if (v := value(t)) is not None)
            notes = (self.notes[id_],) if id_ in self.notes else ()
            results.append(MetricResult(id_, label or id_, points, self.statuses.get(id_, "Complete"), notes))
        return MetricData(tuple(results), self.messages)

    def judge(self, asked: Question, now: float = T + 10_000) -> Judgement:
        plan = evaluators.plan(asked, now)
        return plan.judge([self.answer(ask) for ask in plan.asks])


def question(
    purpose: Purpose = Purpose.HYPOTHESIS,
    window: Window = Window(T, T + 300),  # noqa: B008 - frozen
    expect: str = "< 5",
    *,
    queries: Sequence[Mapping[str, object]] = (stat("m1"),),
    judged: tuple[str, ...] = ("m1",),
    wait: float = 60.0,
    blackouts: tuple[Window, ...] = (),
    baseline: Mapping[str, float] | None = None,
) -> Question:
    probe = CloudWatchProbe(json.dumps(list(queries)), judged, parse(expect), wait=wait)
    return Question(probe, purpose, window, blackouts, baseline or {})


# --- alarms ---------------------------------------------------------------------------------


@dataclass
class AlarmClock:
    """Alarms as they are now, and the changes of all of them."""

    states: tuple[AlarmState, ...]
    changes: tuple[AlarmChange, ...] = ()
    asked: list[AlarmsQuery] = field(default_factory=list)

    def answer(self, ask: Ask) -> Answer:
        assert isinstance(ask, AlarmsQuery)
        self.asked.append(ask)
        states = tuple(s for s in self.states if s.name in ask.names)
        window = ask.window
        if window is None:
            return Alarms(states)
        changes = (c for c in self.changes if c.name in ask.names and c.at >= window.start)
        return Alarms(states, tuple(changes))

    def judge(self, asked: Question, now: float = T + 10_000) -> Judgement:
        plan = evaluators.plan(asked, now)
        return plan.judge([self.answer(ask) for ask in plan.asks])


def alarm(name: str = "A", state: str = "OK", since: float = T - 500, delay: float = 120.0) -> AlarmState:
    return AlarmState(name, state, since, delay=delay)


def changed(at: float, old: str, new: str, name: str = "A") -> AlarmChange:
    return AlarmChange(name, at, old, new, "Threshold Crossed")


def about(
    *names: str, purpose: Purpose = Purpose.HYPOTHESIS, wait: float = 180.0, start: float = T
) -> Question:
    return Question(AlarmProbe(names or ("A",), wait=wait), purpose, Window(start, T + 300))


def story(*changes: AlarmChange, now: str | None = None, since: float = T - 500) -> AlarmClock:
    """One alarm A that went through these changes."""
    state, at = (changes[-1].new, changes[-1].at) if changes else ("OK", since)
    return AlarmClock((replace(alarm(), state=now or state, since=at),), changes)
