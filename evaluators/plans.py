"""A plan: what to ask the sources for one question, and how to judge their answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chaos_engine.cloud import Alarms, AlarmsQuery, MetricData, MetricDataQuery
from chaos_engine.model import (
    AlertFires,
    CloudWatchProbe,
    Evidence,
    HttpProbe,
    Judgement,
    OriginalProbe,
    Outcome,
    PrometheusProbe,
    Question,
    QuietAlerts,
    Window,
)
from chaos_engine.ports import AlertRule, HttpSample, PrometheusAnswer, PrometheusQuery, SourceFailure


@dataclass(frozen=True, slots=True)
class SamplesQuery:
    """The requests of an HTTP probe that were sent in the window."""

    probe: HttpProbe
    window: Window


@dataclass(frozen=True, slots=True)
class RulesQuery:
    """The alerting rules that a Prometheus server evaluates."""

    url: str


@dataclass(frozen=True, slots=True)
class Samples:
    """Answer to a SamplesQuery, oldest first."""

    requests: tuple[HttpSample, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """Answer to a RulesQuery."""

    alerts: tuple[AlertRule, ...]


Ask = PrometheusQuery | SamplesQuery | RulesQuery | MetricDataQuery | AlarmsQuery
Answer = PrometheusAnswer | Samples | Rules | MetricData | Alarms | SourceFailure
Answers = Sequence[Answer]


@dataclass(frozen=True, slots=True)
class Plan:
    """The asks, and the judge of their answers, which come in the same order."""

    asks: tuple[Ask, ...]
    judge: Callable[[Answers], Judgement]


_OUTCOMES = {"unreachable": Outcome.UNREACHABLE, "late": Outcome.LATE}


def settled(question: Question, outcome: Outcome, reason: str) -> Plan:
    """A plan that needs no source: the answer is known already."""
    return Plan((), lambda _: conclude(question, outcome, reason))


def whole(question: Question, asks: tuple[Ask, ...], judge: Callable[[Answers], Judgement]) -> Plan:
    """A plan whose judge sees complete answers only: one failure of a source, and data are missing."""

    def complete(answers: Answers) -> Judgement:
        failed = next((answer for answer in answers if isinstance(answer, SourceFailure)), None)
        return judge(answers) if failed is None else missing(question, failed)

    return Plan(asks, complete)


def missing(question: Question, failure: SourceFailure) -> Judgement:
    """The judgement where a source gave no answer; its own message is the reason."""
    return conclude(question, _OUTCOMES.get(failure.kind, Outcome.ERROR), failure.message)


def conclude(
    question: Question, outcome: Outcome, reason: str, evidence: Evidence | None = None
) -> Judgement:
    """A judgement of the question's probe."""
    return Judgement(
        question.probe.label, outcome, reason, evidence or Evidence(asked(question), question.window)
    )


def asked(question: Question) -> str:
    """What is asked, as a reader can try it by hand."""
    probe = question.probe
    if isinstance(probe, HttpProbe):
        return f"{probe.method} {probe.url}"
    if isinstance(probe, PrometheusProbe):
        return probe.query
    if isinstance(probe, AlertFires):
        return f"ALERTS{{alertname={probe.alert}}}"
    if isinstance(probe, OriginalProbe | QuietAlerts):
        return probe.label
    return probe.queries if isinstance(probe, CloudWatchProbe) else ", ".join(probe.alarms)


def clock(moment: float) -> str:
    """A wall time as people read it, UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S")


def number(value: float) -> str:
    """A value without needless digits."""
    return f"{value:.4g}" if math.isfinite(value) else str(value)
