"""CloudWatch alarms, metric or composite: what their states, and the changes of them, say about a window.

An alarm knows of a moment only when the period around it is over and was evaluated: its own delay, and at
most the probe's `wait`. So a fault's window is not judged to have held, nor a recovery, before that is over;
a change into ALARM within it belongs to the window. What is broken is told at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from chaos_engine.cloud import AlarmChange, Alarms, AlarmsQuery, AlarmState
from chaos_engine.model import AlarmProbe, Evidence, Judgement, Outcome, Purpose, Question
from evaluators.plans import Answers, Plan, asked, clock, conclude, settled, whole

OK, ALARM = "OK", "ALARM"
A_CALL = 100  # names that one DescribeAlarms takes
BESIDE = 20  # where histories are asked too, one alarm after another: groups of them side by side


def plan(question: Question, probe: AlarmProbe, now: float) -> Plan:
    """What to ask for this question at this wall time."""
    if question.purpose is Purpose.WITNESS:
        return settled(question, Outcome.NO_DATA, "only an http probe can be a witness")
    over = question.purpose is Purpose.HYPOTHESIS
    size, window = (BESIDE, question.window) if over else (A_CALL, None)
    groups = (probe.alarms[i : i + size] for i in range(0, len(probe.alarms), size))
    asks = tuple(AlarmsQuery(probe.access, names, window) for names in groups)
    return whole(question, asks, lambda answers: _judge(_Case(question, probe, now, _together(answers))))


def _together(answers: Answers) -> Alarms:
    found = [answer for answer in answers if isinstance(answer, Alarms)]
    return Alarms(
        tuple(state for one in found for state in one.states),
        tuple(change for one in found for change in one.changes),
    )


@dataclass(frozen=True, slots=True)
class _Case:
    """One question, with what the alarms say."""

    question: Question
    probe: AlarmProbe
    now: float
    alarms: Alarms

    def delay(self, alarm: AlarmState) -> float:
        """Seconds for which it is waited for."""
        return min(alarm.delay, self.probe.wait)

    def conclude(self, outcome: Outcome, reason: str) -> Judgement:
        return conclude(self.question, outcome, reason, self.evidence)

    @property
    def evidence(self) -> Evidence:
        return Evidence(asked(self.question), self.question.window, len(self.alarms.states))

    def broken(self, name: str, at: float, reason: str) -> Judgement:
        evidence = replace(self.evidence, broke_at=at, broke_series=name)
        return conclude(self.question, Outcome.BROKEN, reason, evidence)


def _judge(case: _Case) -> Judgement:
    known = {alarm.name for alarm in case.alarms.states}
    unknown = [name for name in case.probe.alarms if name not in known]
    if unknown:
        return case.conclude(Outcome.ERROR, f"there is no alarm of the name {', '.join(unknown)}")
    judgement = (_over_window if case.question.purpose is Purpose.HYPOTHESIS else _now)(case)
    flawed = next((alarm for alarm in case.alarms.states if alarm.flaw), None)
    if flawed and judgement.outcome is Outcome.PASS:
        return case.conclude(Outcome.ERROR, f"{flawed.name} is {flawed.state}, but {flawed.flaw}")
    return judgement


def _now(case: _Case) -> Judgement:
    """By the present states: anything but OK is broken."""
    bad = next((alarm for alarm in case.alarms.states if alarm.state != OK), None)
    if bad:
        reason = f"{bad.name} is {bad.state} since {clock(bad.since)}" + _because(bad.reason)
        return case.broken(bad.name, bad.since, reason)
    return _recovered(case) if case.question.purpose is Purpose.RECOVERY else _all_ok(case)


def _all_ok(case: _Case) -> Judgement:
    return case.conclude(Outcome.PASS, f"{_counted(len(case.alarms.states))} OK")


def _recovered(case: _Case) -> Judgement:
    """OK since the last of them became so, but not before each has evaluated what came after the clearing."""
    start, states = case.question.window.start, case.alarms.states
    known_at = start + max(case.delay(alarm) for alarm in states)
    if case.now < known_at:
        reason = f"the alarms are OK, and know of the time after the clearing at {clock(known_at)} only"
        return case.conclude(Outcome.LATE, reason)
    since = max(start, *(alarm.since for alarm in states))
    late = max(case.delay(alarm) + alarm.reach for alarm in states)
    return replace(_all_ok(case), recovered_at=since, resolution=max(1.0, late))


# --- over a window --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Course:
    """One alarm from the window's start to the end of its delay. `states`: (since when, which), ascending.

    `whole` is False where the history does not lead to the present state.
    """

    alarm: AlarmState
    states: tuple[tuple[float, str], ...]
    whole: bool


def _over_window(case: _Case) -> Judgement:
    window = case.question.window
    courses = [_course(case, alarm) for alarm in case.alarms.states]
    broken = next(_alarms(courses), None)
    if broken:
        name, at = broken
        when = "already in ALARM" if at <= window.start else f"in ALARM from {clock(at)} on"
        return case.broken(name, at, f"{name} was {when}" + _because(_reason(case, name, at)))
    known_at = window.end + max(case.delay(alarm) for alarm in case.alarms.states)
    if case.now < known_at:
        return case.conclude(Outcome.LATE, f"the alarms know of the window's end at {clock(known_at)} only")
    missing = next(_missing(courses, window.end), None)
    if missing:
        return case.conclude(Outcome.NO_DATA, missing)
    return case.conclude(Outcome.PASS, f"{_counted(len(courses))} OK throughout")


def _course(case: _Case, alarm: AlarmState) -> _Course:
    start, until = case.question.window.start, case.question.window.end + case.delay(alarm)
    own = (change for change in case.alarms.changes if change.name == alarm.name and change.at >= start)
    changes = sorted(own, key=lambda change: change.at)
    if not changes and alarm.since > start:  # it has changed, and its history does not tell from what
        return _Course(alarm, ((alarm.since, alarm.state),) if alarm.since <= until else (), whole=False)
    first = changes[0].old if changes else alarm.state
    within = [change for change in changes if change.at <= until]
    states = ((start, first), *((change.at, change.new) for change in within))
    return _Course(alarm, states, _leads_on(first, changes))


def _leads_on(first: str, changes: Sequence[AlarmChange]) -> bool:
    """Whether each change begins where the one before has ended."""
    return [first, *(change.new for change in changes[:-1])][: len(changes)] == [c.old for c in changes]


def _alarms(courses: Sequence[_Course]) -> Iterator[tuple[str, float]]:
    """Who was in ALARM, and from when on; the earliest first."""
    found = [(at, course.alarm.name) for course in courses for at, state in course.states if state == ALARM]
    yield from ((name, at) for at, name in sorted(found))


def _missing(courses: Sequence[_Course], end: float) -> Iterator[str]:
    """Who cannot be said to have been OK until the end, and why."""
    for course in courses:
        if not course.whole:
            yield f"the history of {course.alarm.name} has a gap"
        for at, state in course.states:
            if state != OK and at <= end:
                yield f"{course.alarm.name} was {state} at {clock(at)}"


def _reason(case: _Case, name: str, at: float) -> str:
    """What AWS says of the change, or of the state."""
    changes = (c.reason for c in case.alarms.changes if (c.name, c.at) == (name, at) and c.new == ALARM)
    states = (a.reason for a in case.alarms.states if a.name == name and a.state == ALARM)
    return next(iter((*changes, *states)), "")


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _counted(alarms: int) -> str:
    return "the alarm is" if alarms == 1 else f"all {alarms} alarms are"
