"""What state the datapoints ask for (user guide: "Configuring how CloudWatch alarms treat missing data").

The evaluation range is EvaluationPeriods + 2, as in that page's tables; its true length is not published.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chaos_engine.rehearsal.alarm_model import ALARM, INSUFFICIENT_DATA, OK, Watch

BEYOND = 2  # periods that are looked at before the evaluation periods
Point = tuple[int, float | None]  # when the period starts, and its value; None: missing

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


@dataclass(frozen=True)
class Verdict:
    """`value` None: the alarm stays as it is. `points` are the real ones that count, oldest first."""

    value: str | None
    points: tuple[tuple[int, float], ...]
    filled: int = 0


def starts(watch: Watch, now: float) -> range:
    """The periods to look at: the last ones before the last full 10 s, minute or hour."""
    end = last_end(watch, now)
    return range(end - (watch.periods + BEYOND) * watch.period, end, watch.period)


def last_end(watch: Watch, now: float) -> int:
    """Where the newest window ends."""
    return int(now // watch.cadence) * watch.cadence


def decide(watch: Watch, points: Sequence[Point]) -> Verdict:
    """The verdict over the evaluation range, oldest point first."""
    real = tuple((at, value) for at, value in points if value is not None)
    used, filled = real[-watch.periods :], max(watch.periods - len(real), 0)
    breaching = sum(breaches(watch, value) for _, value in used)
    if not filled:
        return Verdict(ALARM if breaching >= watch.to_alarm else OK, used)
    return Verdict(_with_missing(watch, points, len(used), breaching, filled), used, filled)


def breaches(watch: Watch, value: float) -> bool:
    """Whether this value is beyond the threshold."""
    return OPERATORS[watch.operator](value, watch.threshold)


def _with_missing(
    watch: Watch, points: Sequence[Point], real: int, breaching: int, filled: int
) -> str | None:
    if watch.missing == "breaching":
        return ALARM if breaching + filled >= watch.to_alarm else OK
    if breaching >= watch.to_alarm:
        return ALARM
    if watch.missing == "notBreaching" or real > breaching:
        return OK
    if watch.missing == "ignore":
        return None
    return ALARM if _old_enough(watch, points) else INSUFFICIENT_DATA


def _old_enough(watch: Watch, points: Sequence[Point]) -> bool:
    """Only breaching points are there: "avoiding premature transitions" waits until one is old enough."""
    ages = [age for age, (_, value) in enumerate(reversed(points), 1) if value is not None]
    return bool(ages) and max(ages) >= watch.to_alarm
