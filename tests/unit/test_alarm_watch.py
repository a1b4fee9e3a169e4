"""Alarms that PutMetricAlarm and PutCompositeAlarm refuse, and why."""

from __future__ import annotations

from typing import Any

import pytest

from chaos_engine.rehearsal.alarm_watch import watch
from chaos_engine.rehearsal.cloudwatch_alarms import put_composite_alarm, put_metric_alarm
from chaos_engine.rehearsal.cloudwatch_queries import ValidationError
from tests.unit.alarm_town import NOW, ORDINARY, Town, arn


@pytest.fixture
def town() -> Town:
    return Town()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"Period": 15}, "Period must be 10, 20, 30 or a multiple of 60"),
        ({"Period": 5}, "Period must be 10, 20, 30"),
        ({"EvaluationPeriods": 8641}, "86400 seconds"),
        ({"Period": 3600, "EvaluationPeriods": 169}, "604800 seconds"),
        ({"EvaluationPeriods": None}, "EvaluationPeriods is required"),
        ({"DatapointsToAlarm": 2}, "between 1 and EvaluationPeriods"),
        ({"Threshold": None}, "Threshold is required"),
        ({"Statistic": None}, "Exactly one of Statistic"),
        ({"ExtendedStatistic": "p90"}, "Exactly one of Statistic"),
        ({"Statistic": "p90"}, "Statistic is not supported"),
        ({"Statistic": None, "ExtendedStatistic": "p900"}, "p900 for parameter ExtendedStatistic"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "not done by the rehearsal"),
        ({"ThresholdMetricId": "e1"}, "ThresholdMetricId is not done"),
        ({"EvaluationInterval": 10}, "EvaluationInterval is not done"),
        ({"TreatMissingData": "maybe"}, "TreatMissingData"),
        ({"EvaluateLowSampleCountPercentile": "maybe"}, "EvaluateLowSampleCountPercentile"),
        ({"MetricName": None}, "Either MetricName or Metrics"),
        ({"Metrics": [{"Id": "e1", "Expression": "1"}]}, "mutually exclusive"),
        ({"AlarmName": ""}, "AlarmName is required"),
    ],
)
def test_alarms_that_are_refused(town: Town, change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        town.put(**change)
    assert town.book.alarms == {}


@pytest.mark.parametrize(
    ("metrics", "why"),
    [
        ([("e1", "m1 * 2", True), ("m1", 60, True)], "Exactly one element"),
        ([("e1", "m1 * 2", False), ("m1", 60, False)], "Exactly one element"),
        ([("e1", "m1 + m2", True), ("m1", 60, False), ("m2", 300, False)], "must have one Period"),
        ([("e1", "METRICS()", True), ("m1", 60, False), ("m2", 60, False)], "a single time series"),
        ([("e1", "AVG(m1)", True), ("m1", 60, False)], "scalar"),
        ([("e1", "m9", True), ("m1", 60, False)], "no query with the id m9"),
        ([("e1", "SUM(METRICS())", True), *((f"m{n}", 60, False) for n in range(11))], "at most 10 metrics"),
        ([("m1", 45, True)], "multiple of 60"),
    ],
)
def test_expressions_that_no_alarm_can_watch(
    town: Town, metrics: list[tuple[str, str | int, bool]], why: str
) -> None:
    stat = {"Metric": {"Namespace": "Shop", "MetricName": "Errors"}, "Stat": "Sum"}
    written = [
        {"Id": id_, "ReturnData": returned}
        | ({"Expression": what} if isinstance(what, str) else {"MetricStat": {**stat, "Period": what}})
        for id_, what, returned in metrics
    ]
    given = {
        name: ORDINARY[name] for name in ("AlarmName", "EvaluationPeriods", "Threshold", "ComparisonOperator")
    }
    with pytest.raises(ValidationError, match=why):
        put_metric_alarm(town.book, {**given, "Metrics": written}, arn, NOW)


def test_composite_alarms_that_are_refused(town: Town) -> None:
    with pytest.raises(ValidationError, match=r"alarms \[nowhere\] in the alarm rule do not exist"):
        town.compose("both", "ALARM(nowhere)")
    with pytest.raises(ValidationError, match="AlarmRule is not valid"):
        town.compose("both", "ALARM(")
    town.put()
    with pytest.raises(ValidationError, match="another type"):
        town.compose("hot", "TRUE")
    with pytest.raises(ValidationError, match="ActionsSuppressor is not done"):
        put_composite_alarm(
            town.book, {"AlarmName": "b", "AlarmRule": "TRUE", "ActionsSuppressor": "hot"}, arn, NOW
        )


def test_dynamodb_always_ignores() -> None:
    assert (
        watch({**ORDINARY, "Namespace": "AWS/DynamoDB", "TreatMissingData": "breaching"}).missing == "ignore"
    )
