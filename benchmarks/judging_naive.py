"""The usual way to judge: one instant query when the hold ends, and the same one polled until it holds again.

A query about a past moment gets the answer that it would have got then, so this is asked after the run.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.judging_plan import PERIOD, Case, prometheus_probes
from benchmarks.judging_runs import Finding
from chaos_engine.adapters.http_prober import HttpProber
from chaos_engine.adapters.prometheus import PrometheusApi
from chaos_engine.evaluation import evaluate
from chaos_engine.model import Judgement, Outcome, PrometheusProbe, Purpose, Question, Window
from chaos_engine.ports import PrometheusQuery, SourceFailure, Sources
from evaluators import expectation

PATIENCE = 60.0  # seconds of polling for a recovery
BUDGET = 10.0  # seconds an answer
GAP, NAIVE_LOOKBACK = 36.0, 12.0  # the design's 180 s period and 60 s lookback, at a fifth


@dataclass(frozen=True, slots=True)
class Onlooker:
    """Asks Prometheus about moments of a run that is over."""

    url: str
    api: PrometheusApi = field(default_factory=PrometheusApi)

    def supports(self, finding: Finding) -> bool:
        """What one instant query for each probe says at the end of the hold."""
        injected = finding.result.injected_at
        return injected is not None and self.holds(finding.case, injected + finding.case.setup.hold)

    def holds(self, case: Case, moment: float) -> bool:
        return bool(self._moments(case, moment, moment))

    def recovery_error(self, finding: Finding) -> float | None:
        """Seconds by which the first poll that holds is late; negative: early."""
        cleared = finding.result.cleared_at
        if cleared is None:
            return None
        moments = self._moments(finding.case, cleared, cleared + PATIENCE)
        return finding.error_of(min(moments)) if moments else None

    def passes_gate(self, case: Case, moment: float) -> bool:
        """Whether every evaluation of the lookback before the moment holds."""
        start = moment - NAIVE_LOOKBACK
        return len(self._moments(case, start, moment)) > NAIVE_LOOKBACK / PERIOD - 1

    def _moments(self, case: Case, start: float, end: float) -> set[float]:
        """The moments, a period apart, at which every probe holds: no data and NaN do not."""
        each = (self._held(probe, start, end) for probe in prometheus_probes(case, self.url))
        return set.intersection(*each)

    def _held(self, probe: PrometheusProbe, start: float, end: float) -> set[float]:
        step = PERIOD if end > start else 0.0
        answer = self.api.ask(PrometheusQuery(self.url, probe.query, start, end, step), BUDGET)
        if isinstance(answer, SourceFailure):
            raise RuntimeError(answer.message)
        points = (point for series in answer.series for point in series.points)
        return {at for at, value in points if expectation.holds(probe.expect, value, None)}


# --- the next gate, after a fault of our own ------------------------------------------------------------


def next_gates(url: str, findings: Iterable[Finding]) -> list[tuple[bool, bool]]:
    """For each outage whether the gate `GAP` after it is passed: ours, which may wait; and a naive one."""
    onlooker, passed = Onlooker(url), []
    for finding in findings:
        if finding.result.injected_at is not None:
            start = finding.result.injected_at + GAP
            passed.append((_passes_ours(finding, url, start), onlooker.passes_gate(finding.case, start)))
    return passed


def _passes_ours(finding: Finding, url: str, start: float) -> bool:
    """As the engine does: asked again for one lookback, which is range and two scrapes at the least."""
    setup = finding.case.setup
    lookback = setup.range + 2 * setup.scrape
    pauses = (waited * lookback / 10 for waited in range(11))
    return any(_is_steady(finding, url, Window(start + p - lookback, start + p)) for p in pauses)


def _is_steady(finding: Finding, url: str, window: Window) -> bool:
    time.sleep(max(0.0, window.end - time.time()))
    fault = Window(finding.result.injected_at or 0.0, finding.result.cleared_at or time.time())
    questions = [
        Question(probe, Purpose.GATE, window, (fault,)) for probe in prometheus_probes(finding.case, url)
    ]
    return all(j.outcome is Outcome.PASS for j in _judged(questions))


def _judged(questions: list[Question]) -> tuple[Judgement, ...]:
    return evaluate(questions, Sources(HttpProber(), PrometheusApi()), time.time, BUDGET)
