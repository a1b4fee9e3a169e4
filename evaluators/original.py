"""Probes as AWS Labs' Chaos Machine judges them: for its verdict beside ours, never for ours.

Its rules are those of https://github.com/awslabs/chaos-machine, `lambda/steady_state.py` and
`lambda/evaluate_hypothesis.py`: an Id that begins with `e` must have no 0 among its values; of Prometheus
the first series alone; of an alarm's history OK -> ALARM alone. It asks a minute after the run.
"""

from __future__ import annotations

from chaos_engine.cloud import Alarms, AlarmsQuery, MetricData, MetricDataQuery
from chaos_engine.model import (
    AlarmProbe,
    CloudWatchProbe,
    Judgement,
    OriginalProbe,
    Outcome,
    PrometheusProbe,
    Question,
    Window,
)
from chaos_engine.ports import PrometheusAnswer
from evaluators.grid import Grid, between
from evaluators.plans import Answers, Plan, conclude, settled, whole

PAUSE = 60.0  # seconds after the window's end
NOT_STEADY = ("ALARM", "INSUFFICIENT_DATA")


def plan(question: Question, probe: OriginalProbe, now: float) -> Plan:
    """What to ask for this question at this wall time."""
    window = question.window
    if not probe.gate and now < window.end + PAUSE:
        return settled(question, Outcome.LATE, f"the original asks {PAUSE:g} s after the window's end")
    inner = probe.probe
    if isinstance(inner, CloudWatchProbe):
        asks = (MetricDataQuery(inner.access, inner.queries, window.start, window.end),)
        return whole(question, asks, lambda answers: _metrics(question, probe, inner, answers))
    if isinstance(inner, PrometheusProbe):
        query = _moments(window, inner.step).query(inner.url, inner.query)
        return whole(question, (query,), lambda answers: _series(question, answers))
    return _alarms(question, probe, inner)


def _moments(window: Window, step: float | None) -> Grid:
    """From the window's start on, a step apart; to the second."""
    first, last = int(window.start), int(window.end)
    if step is None:
        return between(first, last)
    return Grid(first * 1000, round(step * 1000), int((last - first) / step) + 1)


def _metrics(question: Question, probe: OriginalProbe, inner: CloudWatchProbe, answers: Answers) -> Judgement:
    results = [result for data in answers if isinstance(data, MetricData) for result in data.results]
    empty = next((result.id for result in results if not result.points), None)
    if probe.gate and empty:
        return conclude(question, Outcome.BROKEN, f"{empty} has no values")
    judged = [result for result in results if result.id in inner.judged]
    zero = next((result.id for result in judged if any(value == 0 for _, value in result.points)), None)
    if zero:
        return conclude(question, Outcome.BROKEN, f"{zero} has a 0")
    if not judged:
        return conclude(question, Outcome.BROKEN, "no expression was found")
    return conclude(question, Outcome.PASS, "no expression has a 0")


def _series(question: Question, answers: Answers) -> Judgement:
    """An empty result is an exception there: the whole test fails."""
    found = [answer for answer in answers if isinstance(answer, PrometheusAnswer)]
    if not found or not found[0].series:
        return conclude(question, Outcome.ERROR, "an empty result is an exception there")
    if any(value == 0 for _, value in found[0].series[0].points):
        return conclude(question, Outcome.BROKEN, "the first series has a 0")
    return conclude(question, Outcome.PASS, "the first series has no 0")


def _alarms(question: Question, probe: OriginalProbe, inner: AlarmProbe) -> Plan:
    window = question.window
    asks = (AlarmsQuery(inner.access, inner.alarms, None if probe.gate else window),)

    def judge(answers: Answers) -> Judgement:
        found = [answer for answer in answers if isinstance(answer, Alarms)]
        bad = [s.name for a in found for s in a.states if probe.gate and s.state in NOT_STEADY]
        bad += [
            c.name
            for a in found
            for c in a.changes
            if (c.old, c.new) == ("OK", "ALARM") and window.start <= c.at <= window.end
        ]
        if bad:
            return conclude(question, Outcome.BROKEN, f"{bad[0]} is in alarm")
        return conclude(question, Outcome.PASS, "no alarm that it looks at")

    return whole(question, asks, judge)
