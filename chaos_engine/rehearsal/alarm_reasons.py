"""StateReason and StateReasonData, in CloudWatch's words as far as they are seen in its notifications."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from chaos_engine.rehearsal.alarm_evaluation import Verdict, breaches
from chaos_engine.rehearsal.alarm_model import ALARM, INSUFFICIENT_DATA, Alarm, Watch

PHRASES = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
TREATED = {
    "breaching": "Breaching",
    "notBreaching": "NonBreaching",
    "missing": "Missing",
    "ignore": "Ignored",
}
Points = Sequence[tuple[int, float]]


def reason(watch: Watch, old: str, verdict: Verdict) -> str:
    """Why the state went from `old` to the verdict's."""
    if verdict.value == INSUFFICIENT_DATA:
        return f"Insufficient Data: {_counted(watch.periods)} unknown."
    if verdict.filled:
        return "Threshold Crossed: " + _missing(watch, verdict)
    alarm = verdict.value == ALARM
    shown = [point for point in verdict.points if breaches(watch, point[1]) is alarm]
    return "Threshold Crossed: " + _crossed(watch, old, verdict, shown)


def reason_data(watch: Watch, verdict: Verdict, now: float) -> str:
    """The same for machines, as JSON."""
    points = verdict.points
    return dumped(
        {"version": "1.0", "queryDate": stamp(now)}
        | ({"startDate": stamp(points[0][0])} if points else {})
        | ({"statistic": watch.statistic} if watch.statistic else {})
        | {
            "period": watch.period,
            "recentDatapoints": [value for _, value in points],
            "threshold": watch.threshold,
        }
        | {
            "evaluatedDatapoints": [
                {"timestamp": stamp(at), "value": value} for at, value in reversed(points)
            ]
        }
    )


def of_children(alarm: Alarm, changed: Sequence[Alarm], value: str) -> str:
    """Why a composite alarm has its state."""
    if changed:
        child = changed[-1]
        when = datetime.fromtimestamp(child.state.transitioned, UTC)
        return f"{child.alarm_arn} transitioned to {child.state.value} at {when:%A %d %B, %Y %H:%M:%S} UTC"
    done = "created" if alarm.state.transitioned == alarm.configured else "updated"
    return f"{alarm.alarm_arn} was {done} and its alarm rule evaluates to {value}"


def of_children_data(children: Sequence[Alarm]) -> str:
    """The alarms that made a composite alarm change, or that it is made of."""
    triggering = [
        {
            "arn": each.alarm_arn,
            "state": {"value": each.state.value, "timestamp": stamp(each.state.transitioned)},
        }
        for each in children
    ]
    return dumped({"triggeringAlarms": triggering})


def stamp(at: float) -> str:
    """2019-10-02T17:04:40.985+0000."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def dumped(data: object) -> str:
    """JSON without blanks."""
    return json.dumps(data, separators=(",", ":"), default=str)


def _crossed(watch: Watch, old: str, verdict: Verdict, shown: Points) -> str:
    verb = "was" if len(shown) == 1 else "were"
    not_ = "" if verdict.value == ALARM else "not "
    sentence = f"{verb} {not_}{PHRASES[watch.operator]} the threshold ({watch.threshold})"
    values = ", ".join(
        f"{value} ({datetime.fromtimestamp(at, UTC):%d/%m/%y %H:%M:%S})" for at, value in shown
    )
    if old == INSUFFICIENT_DATA:
        return f"{len(shown)} datapoint{_s(len(shown))} [{values}] {sentence}."
    least = watch.to_alarm if verdict.value == ALARM else watch.periods - watch.to_alarm + 1
    transition = f"(minimum {least} datapoint{_s(least)} for {old} -> {verdict.value} transition)"
    return f"{len(shown)} out of the last {watch.periods} datapoints [{values}] {sentence} {transition}."


def _missing(watch: Watch, verdict: Verdict) -> str:
    got = len(verdict.points)
    received = f"{_counted(got)} received" if got else "no datapoints were received"
    missing = (
        f"{verdict.filled} missing datapoint{_s(verdict.filled)} {'was' if verdict.filled == 1 else 'were'}"
    )
    periods = f"{watch.periods} period{_s(watch.periods)}"
    return f"{received} for {periods} and {missing} treated as [{TREATED[watch.missing]}]."


def _counted(number: int) -> str:
    return "1 datapoint was" if number == 1 else f"{number} datapoints were"


def _s(number: int) -> str:
    return "" if number == 1 else "s"
