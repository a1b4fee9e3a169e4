"""A Prometheus probe: which evaluations count, and what they show.

A value at time t is made of samples from before t, as far back as the query's ranges and offsets go. It says
something about a window only where all of that lies inside, and where scrapes took place at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chaos_engine.model import Judgement, Outcome, PrometheusProbe, Purpose, Question, Window
from chaos_engine.ports import PrometheusAnswer, PrometheusQuery
from evaluators import readings
from evaluators.grid import Grid, at, between
from evaluators.plans import Answers, Plan, clock, conclude, number, settled, whole
from evaluators.readings import Reading
from evaluators.scrapes import ENOUGH, Found, Scrapes
from evaluators.selectors import selectors

_SLACK = 1.5  # steps by which a gate's samples may begin late


def reach(query: str) -> float:
    """How many seconds the query looks back in all: the largest sum of ranges, subqueries and offsets.

    A plain selector looks back 0: it takes the last sample. ValueError: see `check`.
    """
    return max(selector.reach for selector in selectors(query))


def check(query: str) -> None:
    """ValueError, with the parser's own message, where the query is not PromQL or cannot be judged."""
    selectors(query)


def plan(question: Question, probe: PrometheusProbe) -> Plan:
    """What to ask for this question. ValueError: the query cannot be judged."""
    if question.purpose is Purpose.WITNESS:
        return settled(question, Outcome.NO_DATA, "only an http probe can be a witness")
    if question.purpose is Purpose.ABORT:
        return _instant(question, probe)
    window, back = question.window, reach(probe.query)
    if window.start + back > window.end:
        return settled(question, Outcome.REACHES_BACK, _too_short(question, back))
    once = probe.instant and question.purpose is not Purpose.RECOVERY
    grid = at(window.end) if once else between(window.start + back, window.end)
    scrapes = Scrapes(probe.url, selectors(probe.query), window, _blackouts(question), grid)
    return _Case(question, probe, back, grid, scrapes).plan()


def _instant(question: Question, probe: PrometheusProbe) -> Plan:
    """The value now. How far it looks back is the user's choice."""
    check(probe.query)
    main = at(question.window.end).query(probe.url, probe.query)

    def judge(answers: Answers) -> Judgement:
        found = _found((main,), answers)
        return _partial(question, found) or readings.judge(
            question, probe.expect, readings.readings(found[main])
        )

    return whole(question, (main,), judge)


@dataclass(frozen=True, slots=True)
class _Case:
    """One question with all that was derived from it."""

    question: Question
    probe: PrometheusProbe
    reach: float
    grid: Grid
    scrapes: Scrapes

    @property
    def main(self) -> PrometheusQuery:
        return self.grid.query(self.probe.url, self.probe.query)

    def plan(self) -> Plan:
        asks = (self.main, *(ask for ask in self.scrapes.asks if ask != self.main))
        return whole(self.question, asks, lambda answers: self._judge(_found(asks, answers)))

    def _judge(self, found: Found) -> Judgement:
        partial = _partial(self.question, found)
        if partial:
            return partial
        values = readings.readings(found[self.main])
        if not values:
            return readings.judge(self.question, self.probe.expect, ())
        scarce = self.scrapes.too_few(found)
        if scarce:
            return conclude(self.question, Outcome.TOO_FEW, self._scarce(scarce[0].text, scarce[1]))
        backed = self.scrapes.backed(found)
        measured = tuple(value for value in values if value.at in backed)
        judge = {Purpose.GATE: self._gate, Purpose.RECOVERY: self._recovery}
        return judge.get(self.question.purpose, self._all)(measured, found)

    def _all(self, measured: tuple[Reading, ...], _: Found) -> Judgement:
        return self._without_gaps(measured, self.grid.times, frozenset(self.question.baseline))

    def _without_gaps(
        self, measured: tuple[Reading, ...], times: tuple[int, ...], before: frozenset[str] = frozenset()
    ) -> Judgement:
        """Each evaluation must have its values; but what is broken is broken, gap or not.

        `before`: the series that there were until then.
        """
        judgement = readings.judge(self.question, self.probe.expect, measured)
        gap = _gap(measured, times, before)
        if not gap or judgement.outcome is Outcome.BROKEN:
            return judgement
        return conclude(self.question, Outcome.NO_DATA, gap, judgement.evidence)

    # --- gate: a full window, clean of our own faults ---------------------------------------

    def _gate(self, measured: tuple[Reading, ...], found: Found) -> Judgement:
        times = self._clean_times(self.scrapes.staleness(found))
        if not times or self._is_late(times[0]):
            return self._not_full("clean of our own faults", times)
        kept = tuple(value for value in measured if value.at >= times[0])
        seen = tuple(t for t in times if kept and t >= kept[0].at)
        if not seen or self._is_late(seen[0]):
            return self._not_full("there", seen)
        judgement = self._without_gaps(kept, seen)
        last = {value.series for value in kept if value.at == seen[-1]}
        return replace(judgement, baseline=readings.means(v for v in kept if v.series in last))

    def _clean_times(self, staleness: float) -> tuple[int, ...]:
        """Evaluations after the last one that has taken in one of our own faults."""
        back = self.reach + staleness
        dirty = [t for t in self.grid.times if _overlaps(self.question, t / 1000 - back, t / 1000)]
        return tuple(t for t in self.grid.times if not dirty or t > dirty[-1])

    def _is_late(self, moment: int) -> bool:
        return moment > self.grid.first + _SLACK * self.grid.step

    def _not_full(self, what: str, times: tuple[int, ...]) -> Judgement:
        since = f"only since {clock(times[0] / 1000)}" if times else "at no time"
        needed = clock(self.grid.first / 1000)
        reason = f"the window is not full: samples are {what} {since}, needed since {needed}"
        return conclude(self.question, Outcome.TOO_FEW, reason)

    # --- recovery: since when is all well? ---------------------------------------------------

    def _recovery(self, measured: tuple[Reading, ...], found: Found) -> Judgement:
        times = [t for t in self.grid.times if not _overlaps(self.question, t / 1000 - self.reach, t / 1000)]
        by_time: dict[int, list[Reading]] = {t: [] for t in times}
        for value in measured:
            by_time.get(value.at, []).append(value)
        if not times or times[-1] != self.grid.times[-1]:
            return conclude(self.question, Outcome.TOO_FEW, "the last samples overlap a fault of ours")
        last = self._without_gaps(tuple(by_time[times[-1]]), (times[-1],))
        if last.outcome is not Outcome.PASS:
            return last
        since = self._run(times, by_time) / 1000 - self.reach
        # What happens between two scrapes is seen at the second, and what is evaluated at the next step.
        resolution = self.scrapes.interval(found) + self.grid.step / 1000
        since = max(self.question.window.start, since)
        return replace(last, recovered_at=since, resolution=resolution)

    def _run(self, times: list[int], by_time: dict[int, list[Reading]]) -> int:
        """The first evaluation of the unbroken run of passing ones up to now."""
        first = times[-1]
        for moment in reversed(times):
            if not self._passes(by_time[moment]):
                break
            first = moment
        return first

    def _passes(self, values: list[Reading]) -> bool:
        judged = (readings.outcome_of(v, self.probe.expect, self.question.baseline) for v in values)
        return bool(values) and all(outcome is Outcome.PASS for outcome in judged)

    def _scarce(self, selector: str, count: int) -> str:
        return f"{count} raw scrapes of {selector} in the window, needed are at least {ENOUGH}"


def _gap(measured: tuple[Reading, ...], times: tuple[int, ...], before: frozenset[str]) -> str:
    """What is missing: all, or a series without another in its place (an instance may be replaced)."""
    there: dict[int, set[str]] = {t: set() for t in times}
    for value in measured:
        there.setdefault(value.at, set()).add(value.series)
    for t in times:
        if not there[t]:
            return f"nothing was measured at {clock(t / 1000)}"
        if len(there[t]) < len(before):
            lost = min(before - there[t])
            return f"{len(there[t])} of {len(before)} series at {clock(t / 1000)}: {lost} is missing"
        before = frozenset(there[t])
    return ""


def _blackouts(question: Question) -> tuple[Window, ...]:
    """Our own faults count out samples everywhere but in the window of the fault itself."""
    return () if question.purpose is Purpose.HYPOTHESIS else question.blackouts


def _overlaps(question: Question, start: float, end: float) -> bool:
    """Whether a range takes in part of a blackout; to begin where it ends is not to take it in."""
    return any(b.start < end and start < b.end for b in _blackouts(question))


def _found(asks: tuple[PrometheusQuery, ...], answers: Answers) -> Found:
    pairs = zip(asks, answers, strict=True)
    return {ask: answer for ask, answer in pairs if isinstance(answer, PrometheusAnswer)}


def _partial(question: Question, found: Found) -> Judgement | None:
    """Warnings say that the result is not whole; notes on the query itself are no warnings.

    https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview
    """
    warnings = (warning for answer in found.values() for warning in answer.warnings)
    first = next((warning for warning in warnings if not warning.startswith("PromQL info")), None)
    return conclude(question, Outcome.ERROR, f"the answer may be partial: {first}") if first else None


def _too_short(question: Question, back: float) -> str:
    reason = (
        f"the query looks back {number(back)} s, the window is {number(question.window.length)} s long: "
        "no evaluation lies wholly inside it; "
    )
    if question.purpose is Purpose.RECOVERY:
        return reason + f"wait until {clock(question.window.start + back)}"
    setting = "lookback" if question.purpose is Purpose.GATE else "hold"
    return reason + f"a {setting} of more than {number(back)} s and two scrapes would do"
