"""A book of alarms, the samples that they watch, and a clock that is moved by hand."""

from __future__ import annotations

from typing import Any

from chaos_engine.rehearsal.alarm_book import AlarmBook
from chaos_engine.rehearsal.alarm_history import Wanted
from chaos_engine.rehearsal.cloudwatch_alarms import put_composite_alarm, put_metric_alarm
from chaos_engine.rehearsal.cloudwatch_samples import Metric, Samples

NOW = 1_700_000_040.0
ORDINARY = {
    "AlarmName": "hot", "Namespace": "Shop", "MetricName": "Errors", "Statistic": "Sum", "Period": 10,
    "EvaluationPeriods": 1, "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold",
}  # fmt: skip


def arn(name: str) -> str:
    return f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}"


class Town:
    """A book, its samples, and a clock that is moved by hand."""

    def __init__(self) -> None:
        self.book, self.samples, self.now = AlarmBook(), Samples(), NOW

    def put(self, **given: Any) -> None:
        put_metric_alarm(self.book, {**ORDINARY, **given}, arn, self.now)

    def compose(self, name: str, rule: str) -> None:
        put_composite_alarm(self.book, {"AlarmName": name, "AlarmRule": rule}, arn, self.now)

    def measure(self, value: float, **datum: Any) -> None:
        self.samples.add(
            Metric("Shop", "Errors"), {"Value": value, "StorageResolution": 1, **datum}, self.now
        )

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.book.tick(lambda: self.samples, self.now)

    def state(self, name: str = "hot") -> str:
        return self.book.alarms[name].state.value

    def changes(self, name: str = "hot") -> list[str]:
        wanted = Wanted(name, ("MetricAlarm", "CompositeAlarm"), "StateUpdate")
        items, _ = self.book.history.page(wanted, 100, None, newest_first=False)
        return [item.summary.removeprefix("Alarm updated from ") for item in items]
