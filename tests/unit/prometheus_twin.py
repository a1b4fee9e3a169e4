"""A Prometheus of answers made up by a test, and the questions for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import evaluators
from chaos_engine.model import Judgement, PrometheusProbe, Purpose, Question, Window
from chaos_engine.ports import PrometheusAnswer, PrometheusQuery, Series
from evaluators.expectation import parse
from evaluators.plans import Answer, Ask

T = 1_700_000_000.0
Value = Callable[[float], float | None]


@dataclass
class Server:
    """Answers what a Prometheus would: values by series, raw counts by selector, presence over time."""

    values: Mapping[str, Value] = field(default_factory=lambda: {"x": lambda _: 1.0})
    counts: Callable[[str, float, float], int] = lambda _selector, _start, _end: 10
    present: Callable[[float], bool] = lambda _: True
    warnings: tuple[str, ...] = ()
    asked: list[PrometheusQuery] = field(default_factory=list)

    def answer(self, ask: Ask) -> Answer:
        assert isinstance(ask, PrometheusQuery)
        self.asked.append(ask)
        if counted := re.fullmatch(r"max\(count_over_time\((.*)\[(\d+)ms\]\)\)", ask.expr):
            count = self.counts(counted[1], ask.end - int(counted[2]) / 1000, ask.end)
            return PrometheusAnswer((Series("", ((ask.end, float(count)),)),) if count else ())
        if ask.expr.startswith("count("):
            return series({"": lambda t: 1.0 if self.present(t) else None}, ask)
        return replace(series(self.values, ask), warnings=self.warnings)

    def judge(self, asked: Question, now: float = T + 1000) -> Judgement:
        plan = evaluators.plan(asked, now)
        return plan.judge([self.answer(ask) for ask in plan.asks])


def series(values: Mapping[str, Value], ask: PrometheusQuery) -> PrometheusAnswer:
    times = [ask.end]
    if ask.step:
        steps = round((ask.end - ask.start) / ask.step)
        times = [ask.start + i * ask.step for i in range(steps + 1)]
    found = []
    for labels, value in values.items():
        points = tuple((t, v) for t in times if (v := value(t)) is not None)
        if points:
            found.append(Series(labels, points))
    return PrometheusAnswer(tuple(found))


def question(
    query: str = "x",
    expect: str = "<= 1",
    purpose: Purpose = Purpose.HYPOTHESIS,
    length: float = 30.0,
    *,
    instant: bool = False,
    blackouts: tuple[Window, ...] = (),
    baseline: Mapping[str, float] | None = None,
) -> Question:
    probe = PrometheusProbe(query, parse(expect), "http://prometheus:9090", instant=instant)
    return Question(probe, purpose, Window(T, T + length), blackouts, baseline or {})
