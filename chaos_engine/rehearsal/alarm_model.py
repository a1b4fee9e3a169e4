"""An alarm: what it was told, what it watches, and its state (API reference: MetricAlarm, CompositeAlarm)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos_engine.rehearsal.alarm_rule import Rule
from chaos_engine.rehearsal.cloudwatch_queries import Query

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
STATES = (INSUFFICIENT_DATA, ALARM, OK)
INITIAL = "Unchecked: Initial alarm creation"


@dataclass(frozen=True)
class Watch:
    """What a metric alarm looks at, and when it is breached. `statistic` is empty for an expression."""

    queries: tuple[Query, ...]
    period: int
    periods: int  # EvaluationPeriods, N
    to_alarm: int  # DatapointsToAlarm, M
    operator: str
    threshold: float
    missing: str = "missing"
    statistic: str = ""
    ignores_few_samples: bool = False

    @property
    def cadence(self) -> int:
        """How often it is evaluated, in seconds: 10 of high resolution, 60, hourly over more than a day."""
        if self.period < 60:  # noqa: PLR2004 - a minute
            return 10
        return 3600 if self.period * self.periods > 86_400 else 60  # noqa: PLR2004 - a day


@dataclass(frozen=True)
class State:
    """StateValue and what belongs to it; times are Unix seconds."""

    value: str
    reason: str
    data: str  # JSON, or nothing
    updated: float
    transitioned: float

    @staticmethod
    def initial(now: float) -> State:
        """Of an alarm that was never evaluated."""
        return State(INSUFFICIENT_DATA, INITIAL, "", now, now)


@dataclass(frozen=True)
class Alarm:
    """One alarm. `given` holds the parameters of the API as they were put."""

    name: str
    alarm_arn: str
    given: Mapping[str, Any]
    watches: Watch | Rule
    state: State
    configured: float
    evaluated: float | None = None  # the end of the last window that was looked at

    @property
    def kind(self) -> str:
        """MetricAlarm or CompositeAlarm."""
        return "MetricAlarm" if isinstance(self.watches, Watch) else "CompositeAlarm"

    @property
    def state_value(self) -> str:
        """OK, ALARM or INSUFFICIENT_DATA."""
        return self.state.value

    @property
    def actions(self) -> Sequence[str]:
        """Of all three states. They are kept, not done."""
        return [
            arn
            for name in ("AlarmActions", "OKActions", "InsufficientDataActions")
            for arn in self.given.get(name) or ()
        ]
