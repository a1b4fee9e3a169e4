"""Was the fault felt? One client's requests during the fault, compared with those before it.

The rules must not take the noise of a busy machine for a fault: a few slow requests are noise; a majority
of them, several in a row far beyond anything seen before, or failures that were not there before, are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from chaos_engine.model import Evidence, HttpProbe, Judgement, Outcome, Question
from chaos_engine.ports import HttpSample
from evaluators import client_view
from evaluators.plans import Answers, Plan, Samples, SamplesQuery, asked, clock, conclude, settled, whole

LEAST = 3  # requests that either window needs
IN_A_ROW = 3
_ABOVE_MEDIAN, _MARGIN = 1.5, 0.02  # slower than 1.5 x median + 20 ms, and than the p90
_FAR, _FAR_MARGIN = 3.0, 0.1  # far: beyond 3 x the slowest request before, and by 100 ms
_MORE_FAILURES = 0.1  # beyond twice the share of failures before


def plan(question: Question, probe: HttpProbe) -> Plan:
    """Both windows' requests."""
    if question.before is None:
        return settled(question, Outcome.NO_DATA, "there is no window before the fault to compare with")
    asks = (SamplesQuery(probe, question.before), SamplesQuery(probe, question.window))
    return whole(question, asks, lambda answers: _judge(question, probe, answers))


@dataclass(frozen=True, slots=True)
class Before:
    """What the requests before the fault were like. Seconds; `failed` is a share, 0..1."""

    failed: float
    median: float
    p90: float  # not the p95: of up to twenty requests that is the slowest, and one stall would set the limit
    slowest: float

    @property
    def slow(self) -> float:
        """From where on a request is slower than usual."""
        return max(self.p90, _ABOVE_MEDIAN * self.median + _MARGIN)

    @property
    def far(self) -> float:
        """From where on a request is far slower than any before."""
        return max(_FAR * self.slowest, self.slowest + _FAR_MARGIN)


def _judge(question: Question, probe: HttpProbe, answers: Answers) -> Judgement:
    before, during = (answer.requests for answer in answers if isinstance(answer, Samples))
    usual = _before(probe, before)
    if usual is None:
        return conclude(question, Outcome.NO_DATA, "too few requests before the fault to compare with")
    known = tuple(sample for sample in during if sample.done or sample.took > min(usual.slow, probe.timeout))
    evidence = Evidence(asked(question), question.window, len(known))
    if len(known) < LEAST:
        return conclude(question, Outcome.NO_DATA, f"{len(known)} requests in the fault's window", evidence)
    felt = _failures(probe, usual, known) or _shift(probe, usual, known) or _far_off(probe, usual, known)
    if felt:
        return conclude(question, Outcome.PASS, felt, evidence)
    reason = f"{len(known)} requests in the fault's window were as before it"
    return conclude(question, Outcome.BROKEN, reason, evidence)


def _before(probe: HttpProbe, samples: tuple[HttpSample, ...]) -> Before | None:
    finished = client_view.view(probe, samples, {})
    times = sorted(sample.took for sample in finished.good)
    if len(times) < LEAST:
        return None
    failed = len(finished.bad) / (len(finished.bad) + len(times))
    return Before(failed, median(times), client_view.statistic("p90", times), times[-1])


def _has_failed(probe: HttpProbe, sample: HttpSample) -> bool:
    return not client_view.is_good(probe, sample) and (sample.done or sample.took > probe.timeout)


def _failures(probe: HttpProbe, usual: Before, known: tuple[HttpSample, ...]) -> str:
    """One failure is enough where none was before; else their share must clearly have grown."""
    failed = [sample for sample in known if _has_failed(probe, sample)]
    grown = len(failed) >= LEAST and len(failed) / len(known) > 2 * usual.failed + _MORE_FAILURES
    if not failed or (usual.failed and not grown):
        return ""
    first = f"at {clock(failed[0].at)}: {client_view.describe(probe, failed[0])}"
    return f"{len(failed)} of {len(known)} requests failed ({usual.failed:.0%} did before), first {first}"


def _shift(probe: HttpProbe, usual: Before, known: tuple[HttpSample, ...]) -> str:
    slow = _slower(probe, known, usual.slow)
    if 2 * sum(slow) <= len(slow):
        return ""
    return f"{sum(slow)} of {len(slow)} requests took more than {usual.slow:.3f} s, the usual top before"


def _far_off(probe: HttpProbe, usual: Before, known: tuple[HttpSample, ...]) -> str:
    run = 0
    for far in _slower(probe, known, usual.far):
        run = run + 1 if far else 0
        if run == IN_A_ROW:
            slowest = f"the slowest before took {usual.slowest:.3f} s"
            return f"{run} requests in a row took more than {usual.far:.3f} s, {slowest}"
    return ""


def _slower(probe: HttpProbe, known: tuple[HttpSample, ...], limit: float) -> list[bool]:
    """Which of the requests took longer. A failed one says nothing about latency."""
    return [sample.took > limit for sample in known if not _has_failed(probe, sample)]
