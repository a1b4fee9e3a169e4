"""An HTTP probe: what the requests of a window say about it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from chaos_engine.model import (
    Evidence,
    Expectation,
    HttpProbe,
    Judgement,
    Outcome,
    Purpose,
    Question,
    Window,
)
from chaos_engine.ports import HttpSample
from evaluators import client_view, expectation, witness
from evaluators.client_view import ClientView
from evaluators.plans import Answers, Plan, Samples, SamplesQuery, asked, clock, conclude, whole

LEAST = 3  # requests that a judgement needs
_LATE_BY = 1.5  # periods by which the first sample of a full window may come late
_FULL, _ENOUGH = 0.8, 0.5  # share of the expected samples: of a gate's window, of a fault's
_EVERY_ONE = Expectation("every request", low=1.0)
_JUST_NOW = 2.0


def plan(question: Question, probe: HttpProbe) -> Plan:
    """What to ask for this question."""
    if question.purpose is Purpose.WITNESS:
        return witness.plan(question, probe)
    asks = (SamplesQuery(probe, _window(question, probe)),)
    return whole(question, asks, lambda answers: _judge(question, probe, _requests(answers)))


def _window(question: Question, probe: HttpProbe) -> Window:
    """The question's window; an abort condition looks at the last few requests only."""
    window = question.window
    if question.purpose is not Purpose.ABORT:
        return window
    return Window(max(window.start, window.end - max(5 * probe.every, _JUST_NOW)), window.end)


def _requests(answers: Answers) -> tuple[HttpSample, ...]:
    return tuple(sample for answer in answers if isinstance(answer, Samples) for sample in answer.requests)


def _judge(question: Question, probe: HttpProbe, samples: tuple[HttpSample, ...]) -> Judgement:
    if question.purpose is not Purpose.HYPOTHESIS:
        samples = client_view.clean(samples, question.blackouts)
    if question.purpose is Purpose.RECOVERY:
        return _recovery(question, probe, samples)
    case = _Case(question, probe, client_view.view(probe, samples, question.baseline))
    scarce = _scarce(question, probe, samples)
    if scarce:
        return conclude(question, Outcome.TOO_FEW, scarce, case.evidence())
    return case.judge()


def _scarce(question: Question, probe: HttpProbe, samples: tuple[HttpSample, ...]) -> str:
    """Why there are too few samples in the window; empty where there are enough."""
    window, share = question.window, _FULL if question.purpose is Purpose.GATE else _ENOUGH
    if not samples:
        return "no requests in the window" + (" but in faults of our own" if question.blackouts else "")
    if question.purpose is Purpose.ABORT:
        return ""
    if question.purpose is Purpose.GATE and samples[0].at > window.start + _LATE_BY * probe.every:
        since = f"clean samples since {clock(samples[0].at)} only, needed since {clock(window.start)}"
        return f"the window is not full: {since}"
    due = window.length / probe.every
    if len(samples) < math.floor(due * share):
        return f"{len(samples)} requests in the window, {due:.0f} were due"
    return ""


@dataclass(frozen=True, slots=True)
class _Bound:
    """One expectation beside the number that it is about."""

    name: str
    expected: Expectation
    value: float

    @property
    def text(self) -> str:
        shown = f"{self.value:.0%}" if self.name == "success" else f"{self.value:.3f} s"
        return f"{self.name} {shown}"


@dataclass(frozen=True, slots=True)
class _Case:
    """One question with its requests sorted."""

    question: Question
    probe: HttpProbe
    view: ClientView

    def judge(self) -> Judgement:
        if self.view.judged < LEAST:
            few = f"{self.view.judged} finished requests in the window, needed are {LEAST}"
            return self._conclude(Outcome.TOO_FEW, few)
        bounds = list(self._bounds())
        held = [(bound, self._holds(bound)) for bound in bounds]
        broken = next((bound for bound, ok in held if ok is False), None)
        if broken:
            return self._broken(broken)
        unknown = next((bound for bound, ok in held if ok is None), None)
        if unknown:
            reason = f"there is no baseline of {unknown.name}, expected {unknown.expected.text}"
            return self._conclude(Outcome.NO_DATA, reason)
        if not self.view.latencies:
            return self._conclude(Outcome.NO_DATA, "no request was good: there is no latency to judge")
        return self._undecided() or self._pass(bounds)

    def _bounds(self) -> Iterator[_Bound]:
        success, latencies = self.view.success(), self.view.latencies
        if not math.isnan(success):
            yield _Bound("success", self.probe.success or _EVERY_ONE, success)
        for name, expected in self.probe.latency.items():
            if latencies:
                yield _Bound(name, expected, client_view.statistic(name, latencies))

    def _holds(self, bound: _Bound) -> bool | None:
        if bound.expected.relative and self.question.purpose is Purpose.GATE:
            return True  # the gate measures what later ones are compared with
        return expectation.holds(bound.expected, bound.value, self.question.baseline.get(bound.name))

    def _undecided(self) -> Judgement | None:
        """Late, where requests that are still open would break the success if they failed."""
        if not self.view.slow:
            return None
        worst = _Bound("success", self.probe.success or _EVERY_ONE, self.view.worst_success())
        if self._holds(worst):
            return None
        longest = max(sample.took for sample in self.view.slow)
        reason = f"{len(self.view.slow)} requests are unanswered for up to {longest:.1f} s, and decide"
        return self._conclude(Outcome.LATE, reason)

    def _pass(self, bounds: list[_Bound]) -> Judgement:
        reason = f"{', '.join(b.text for b in bounds)} of {self.view.judged} requests"
        judgement = self._conclude(Outcome.PASS, reason)
        if self.question.purpose is not Purpose.GATE:
            return judgement
        names = (*client_view.STATISTICS, *self.probe.latency)
        measured = {name: client_view.statistic(name, self.view.latencies) for name in names}
        return replace(judgement, baseline={**measured, "success": self.view.success()})

    def _broken(self, bound: _Bound) -> Judgement:
        expected = f"expected {bound.expected.text}"
        reason = f"{bound.text} of {self.view.judged} requests, {expected}"
        first = self._first(bound)
        evidence = replace(self.evidence(), broke_value=bound.value, broke_series=bound.name)
        if first is None:
            return conclude(self.question, Outcome.BROKEN, reason, evidence)
        reason += f"; first failure at {clock(first.at)}: {client_view.describe(self.probe, first)}"
        return conclude(self.question, Outcome.BROKEN, reason, replace(evidence, broke_at=first.at))

    def _first(self, bound: _Bound) -> HttpSample | None:
        """The first request that is to blame."""
        if bound.name == "success":
            return min(self.view.bad, key=lambda sample: sample.at, default=None)
        top = self.question.baseline.get(bound.name)
        timed = sorted((*self.view.good, *self.view.slow), key=lambda sample: sample.at)
        return next((s for s in timed if expectation.holds(bound.expected, s.took, top) is False), None)

    def _conclude(self, outcome: Outcome, reason: str) -> Judgement:
        return conclude(self.question, outcome, reason, self.evidence())

    def evidence(self) -> Evidence:
        """How many requests were judged, and the range of their latencies in seconds."""
        times = self.view.latencies
        low, high = (times[0], times[-1]) if times else (None, None)
        measured = client_view.measured(self.view)
        return Evidence(
            asked(self.question), self.question.window, self.view.judged, low, high, measured=measured
        )


def _recovery(question: Question, probe: HttpProbe, samples: tuple[HttpSample, ...]) -> Judgement:
    """Recovered when the first request of the unbroken good run up to now was sent.

    The request before it was not good, so the true moment is at most one period earlier.
    """
    limit = client_view.patience(probe, question.baseline)
    known = [sample for sample in samples if sample.done or sample.took > limit]
    run: list[HttpSample] = []
    for sample in reversed(known):
        if not client_view.is_well(probe, sample, question.baseline):
            break
        run.append(sample)
    shown = client_view.view(probe, run or known, question.baseline)
    measured = client_view.measured(shown)
    evidence = Evidence(asked(question), question.window, len(known), measured=measured)
    if known and not run:
        last = known[-1]
        reason = f"not good at {clock(last.at)}: {client_view.describe(probe, last)}"
        evidence = replace(evidence, broke_at=last.at, broke_value=last.took)
        return conclude(question, Outcome.BROKEN, reason, evidence)
    if len(run) < LEAST:
        return conclude(
            question, Outcome.TOO_FEW, f"{len(run)} good requests so far, needed are {LEAST}", evidence
        )
    since = max(question.window.start, run[-1].at)
    reason = (
        f"the last {len(run)} requests are good: since {since - question.window.start:.1f} s after clearing"
    )
    return replace(conclude(question, Outcome.PASS, reason, evidence), recovered_at=since)
