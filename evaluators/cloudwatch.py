"""A CloudWatch probe: which datapoints count, and what they show.

A datapoint at t is made of what was measured in [t, t + period). It says something about a window only where
all of that lies inside, and it is final only `wait` seconds after its period: until then samples may still
be added to it. So datapoints are asked for in whole periods, and

- over a fault's window: once, when the last period in it has been over for `wait`; until then it is LATE;
- at the gate: those that are final, and at least the oldest; none of the window may be a fault of ours;
- for a recovery: those that are final and begin after the clearing; since when is every one good?
- to abort: the newest of each series whose period is over, final or not; too old is missing.

Every datapoint of every series must be there: CloudWatch leaves out what it does not have. Where nothing
happens there may be none at all (counts of errors); `FILL(m1, 0)` makes those zeros, where the user says so.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from chaos_engine import metric_queries
from chaos_engine.cloud import MetricData, MetricDataQuery, MetricResult
from chaos_engine.model import CloudWatchProbe, Judgement, Outcome, Purpose, Question
from evaluators import readings
from evaluators.plans import Answers, Plan, clock, conclude, number, settled, whole
from evaluators.readings import Reading

_COMPLETE = "Complete"
_NEWEST = 3  # frames in which an abort condition looks for the newest datapoint


def plan(question: Question, probe: CloudWatchProbe, now: float) -> Plan:
    """What to ask for this question at this wall time."""
    if question.purpose is Purpose.WITNESS:
        return settled(question, Outcome.NO_DATA, "only an http probe can be a witness")
    periods = metric_queries.periods(metric_queries.read(probe.queries), probe.period)
    case = _Case(question, probe, now, periods, math.lcm(*periods.values()))
    return _PLANS[question.purpose](case)


@dataclass(frozen=True, slots=True)
class _Case:
    """One question. `frame`: seconds after which the periods of all its queries begin together."""

    question: Question
    probe: CloudWatchProbe
    now: float
    periods: dict[str, int]
    frame: int

    def frames(self, start: float, end: float) -> tuple[int, ...]:
        """The beginnings of the frames that lie wholly inside."""
        first, last = math.ceil(start / self.frame), math.floor(end / self.frame)
        return tuple(n * self.frame for n in range(first, last))

    @property
    def fitting(self) -> tuple[int, ...]:
        """The frames of the question's window."""
        return self.frames(self.question.window.start, self.question.window.end)

    def final_at(self, frame: int) -> float:
        """From when on its datapoints change no more."""
        return frame + self.frame + self.probe.wait

    def final(self, frames: Iterable[int]) -> tuple[int, ...]:
        """Those that change no more."""
        return tuple(frame for frame in frames if self.final_at(frame) <= self.now)

    def ask(self, frames: tuple[int, ...]) -> MetricDataQuery:
        """Their datapoints."""
        return MetricDataQuery(
            self.probe.access, self.probe.queries, float(frames[0]), float(frames[-1] + self.frame)
        )

    def settled(self, outcome: Outcome, reason: str) -> Plan:
        return settled(self.question, outcome, reason)


# --- the fault's window ---------------------------------------------------------------------


def _hypothesis(case: _Case) -> Plan:
    frames = case.fitting
    if not frames:
        return case.settled(Outcome.REACHES_BACK, _too_short(case))
    if not case.final(frames[-1:]):
        reason = f"its datapoints are final at {clock(case.final_at(frames[-1]))}; asked again then"
        return case.settled(Outcome.LATE, reason)
    return _over(case, frames)


def _over(case: _Case, frames: tuple[int, ...]) -> Plan:
    """Judged by every datapoint of these frames."""
    return whole(
        case.question, (case.ask(frames),), lambda answers: _all(case, _Found.of(case, answers), frames)
    )


def _all(case: _Case, found: _Found, frames: tuple[int, ...]) -> Judgement:
    """What is broken is broken, gap or not; else each period must have its value."""
    if found.partial:
        return conclude(case.question, Outcome.ERROR, f"the answer may be partial: {found.partial}")
    judgement = readings.judge(case.question, case.probe.expect, found.within(frames))
    if judgement.outcome is Outcome.BROKEN:
        return judgement
    gap = found.gap(frames)
    return conclude(case.question, *gap, judgement.evidence) if gap else judgement


def _too_short(case: _Case) -> str:
    window = number(case.question.window.length)
    return f"no whole period of {case.frame} s lies inside the window, which is {window} s long"


# --- gate -----------------------------------------------------------------------------------


def _gate(case: _Case) -> Plan:
    frames, question = case.fitting, case.question
    if not frames:
        return case.settled(Outcome.REACHES_BACK, _too_short(case))
    ours = next((b for b in question.blackouts if b.end > frames[0] and b.start < question.window.end), None)
    if ours:
        reason = f"the window is not full: a fault of our own was in until {clock(ours.end)}"
        return case.settled(Outcome.TOO_FEW, reason)
    due = case.final(frames) or frames[:1]

    def judge(answers: Answers) -> Judgement:
        found = _Found.of(case, answers)
        judgement = _all(case, found, due)
        return replace(judgement, baseline=readings.means(found.within(due)))

    return whole(question, (case.ask(due),), judge)


# --- recovery: since when is all well? --------------------------------------------------------


def _recovery(case: _Case) -> Plan:
    clean = tuple(frame for frame in case.fitting if not _is_ours(case, frame))
    frames = case.final(clean)
    if not frames:
        first = math.ceil(case.question.window.start / case.frame) * case.frame
        reason = f"the first datapoint after the clearing is final at {clock(case.final_at(first))}"
        return case.settled(Outcome.TOO_FEW, reason)
    return whole(
        case.question, (case.ask(frames),), lambda answers: _well(case, _Found.of(case, answers), frames)
    )


def _is_ours(case: _Case, frame: int) -> bool:
    return any(b.start < frame + case.frame and frame < b.end for b in case.question.blackouts)


def _well(case: _Case, found: _Found, frames: tuple[int, ...]) -> Judgement:
    """Since the first frame of the unbroken run of good ones up to the last; true to one frame."""
    last = _all(case, found, frames[-1:])
    if last.outcome is not Outcome.PASS:
        return last
    since = frames[-1]
    for frame in reversed(frames):
        if _all(case, found, (frame,)).outcome is not Outcome.PASS:
            break
        since = frame
    return replace(last, recovered_at=float(since), resolution=float(case.frame))


# --- abort ----------------------------------------------------------------------------------


def _abort(case: _Case) -> Plan:
    now = case.question.window.end
    frames = case.frames(now - _NEWEST * case.frame - case.probe.wait, now)

    def judge(answers: Answers) -> Judgement:
        found = _Found.of(case, answers)
        if found.partial:
            return conclude(case.question, Outcome.ERROR, f"the answer may be partial: {found.partial}")
        newest = {reading.series: reading for reading in found.within(frames)}
        judgement = readings.judge(case.question, case.probe.expect, newest.values())
        absent = found.absent(frames)
        if judgement.outcome is Outcome.BROKEN or not absent:
            return judgement
        return conclude(
            case.question, Outcome.NO_DATA, f"{absent} has had no datapoint since {clock(frames[0])}"
        )

    return whole(case.question, (case.ask(frames),), judge)


_PLANS = {
    Purpose.HYPOTHESIS: _hypothesis,
    Purpose.GATE: _gate,
    Purpose.RECOVERY: _recovery,
    Purpose.ABORT: _abort,
}


# --- what was found -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """The answer to one case. `partial`: why it may not be the whole of it."""

    case: _Case
    results: tuple[MetricResult, ...]
    partial: str

    @classmethod
    def of(cls, case: _Case, answers: Answers) -> _Found:
        (data,) = (answer for answer in answers if isinstance(answer, MetricData))
        return cls(
            case, tuple(r for r in data.results if r.id in case.probe.judged), next(_partial(data), "")
        )

    def within(self, frames: tuple[int, ...]) -> tuple[Reading, ...]:
        """The values in these frames, oldest first: where frames end, the periods of all queries do."""
        found = [
            Reading(round(at * 1000), self._name(result), value)
            for result in self.results
            for at, value in result.points
            if frames[0] <= at < frames[-1] + self.case.frame
        ]
        return tuple(sorted(found, key=lambda reading: (reading.at, reading.series)))

    def absent(self, frames: tuple[int, ...]) -> str:
        """A query without any value in these frames; empty: there is none."""
        there = {reading.series for reading in self.within(frames)}
        named = {result.id for result in self.results if self._name(result) in there}
        return next((id_ for id_ in self.case.probe.judged if id_ not in named), "")

    def gap(self, frames: tuple[int, ...]) -> tuple[Outcome, str] | None:
        """What is missing of these frames, in a sentence."""
        absent = self.absent(frames)
        if absent:
            return Outcome.NO_DATA, f"{absent} has no datapoints in the window"
        there = {(reading.series, reading.at) for reading in self.within(frames)}
        for result in self.results:
            name, due = self._name(result), self._due(result, frames)
            missing = [at for at in due if (name, at * 1000) not in there]
            if missing:
                few = f"{len(due) - len(missing)} of {len(due)} datapoints of {name} are there"
                return Outcome.TOO_FEW, f"{few}; the first that is missing is that of {clock(missing[0])}"
        return None

    def _due(self, result: MetricResult, frames: tuple[int, ...]) -> list[int]:
        period = self.case.periods[result.id]
        return [at for frame in frames for at in range(frame, frame + self.case.frame, period)]

    def _name(self, result: MetricResult) -> str:
        """The id; of an expression that gives several series with the label, which tells them apart."""
        several = Counter(one.id for one in self.results)[result.id] > 1
        return f"{result.id} {result.label}" if several else result.id


def _partial(data: MetricData) -> Iterator[str]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataResult.html"""
    yield from data.messages
    for result in data.results:
        yield from (f"{result.id}: {message}" for message in result.messages)
        if result.status != _COMPLETE:
            yield f"{result.id}: {result.status}"
