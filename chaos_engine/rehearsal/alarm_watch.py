"""The parameters of PutMetricAlarm, checked (API reference: PutMetricAlarm)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chaos_engine.rehearsal import metric_statistics
from chaos_engine.rehearsal.alarm_evaluation import OPERATORS
from chaos_engine.rehearsal.alarm_model import Watch
from chaos_engine.rehearsal.cloudwatch_queries import Query, ValidationError, answer, check_stat, read
from chaos_engine.rehearsal.cloudwatch_samples import Metric, MetricStat, Samples, Window

DAY, WEEK, HOUR = 86_400, 604_800, 3_600
MOST_METRICS = 10
MISSING = ("breaching", "notBreaching", "ignore", "missing")
NOT_HERE = (
    "ActionConfiguration", "EvaluationCriteria", "EvaluationInterval", "EvaluationWindow",
    "ThresholdMetricId", "WarmUpConfiguration",
)  # fmt: skip
OF_ONE_METRIC = ("Namespace", "MetricName", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic")


def watch(given: Mapping[str, Any]) -> Watch:
    """What the alarm looks at; `ValidationError` says what CloudWatch, or the rehearsal, does not take."""
    _refuse(given)
    queries = _of_expression(given) if given.get("Metrics") else (_of_metric(given),)
    period, periods = _period(queries), int(_needed(given, "EvaluationPeriods"))
    _check_length(period, periods)
    to_alarm = int(given.get("DatapointsToAlarm") or periods)
    if not 1 <= to_alarm <= periods:
        raise ValidationError("DatapointsToAlarm must be between 1 and EvaluationPeriods")
    return Watch(
        queries,
        period,
        periods,
        to_alarm,
        _operator(given),
        float(_needed(given, "Threshold")),
        _missing(given),
        given.get("Statistic") or given.get("ExtendedStatistic") or "",
        _ignores_few_samples(given),
    )


def enough_samples(watch: Watch, count: float) -> bool:
    """EvaluateLowSampleCountPercentile: 10 / (1 - p) samples in the evaluation periods; under p50 10 / p."""
    share = metric_statistics.percentile_of(watch.statistic)
    if not watch.ignores_few_samples or not share or share == 1:
        return True
    return count >= 10 / (1 - share if 2 * share >= 1 else share)


def _refuse(given: Mapping[str, Any]) -> None:
    for name in NOT_HERE:
        if given.get(name) is not None:
            raise ValidationError(f"The parameter {name} is not done by the rehearsal.")
    if given.get("Metrics") and (both := [name for name in OF_ONE_METRIC if given.get(name)]):
        raise ValidationError(f"The parameters Metrics and {both[0]} are mutually exclusive.")
    if not given.get("Metrics") and not given.get("MetricName"):
        raise ValidationError("Either MetricName or Metrics must be specified.")


def _of_metric(given: Mapping[str, Any]) -> Query:
    plain, extended = given.get("Statistic"), given.get("ExtendedStatistic")
    if bool(plain) == bool(extended):
        raise ValidationError("Exactly one of Statistic and ExtendedStatistic must be specified.")
    if plain and plain not in metric_statistics.PLAIN:
        raise ValidationError(f"The value {plain} for parameter Statistic is not supported.")
    metric = Metric.of(_needed(given, "Namespace"), given["MetricName"], given.get("Dimensions"))
    stat = check_stat(plain or str(extended), "ExtendedStatistic")
    return Query("m1", MetricStat(metric, stat, int(_needed(given, "Period")), given.get("Unit")))


def _of_expression(given: Mapping[str, Any]) -> tuple[Query, ...]:
    queries = read(given["Metrics"], "Metrics")
    if len([query for query in queries if query.returned]) != 1:
        raise ValidationError("Exactly one element of the metrics list should return data.")
    if len([query for query in queries if query.stat]) > MOST_METRICS:
        raise ValidationError(f"An alarm's expression may use at most {MOST_METRICS} metrics.")
    if len(answer(queries, Window(0, 0, 0), Samples().series)) != 1:
        raise ValidationError("The expression of an alarm must return a single time series.")
    return tuple(queries)


def _period(queries: Sequence[Query]) -> int:
    of_metrics = {query.stat.period for query in queries if query.stat}
    of_all = of_metrics or {query.period for query in queries if query.period}
    if len(of_all) != 1:
        raise ValidationError("All metrics of an alarm must have one Period, the same.")
    return of_all.pop()


def _check_length(period: int, periods: int) -> None:
    if period not in (10, 20, 30) and (period <= 0 or period % 60):
        raise ValidationError("Period must be 10, 20, 30 or a multiple of 60")
    if periods < 1:
        raise ValidationError("EvaluationPeriods must be at least 1")
    longest = DAY if period < HOUR else WEEK
    if period * periods > longest:
        raise ValidationError(
            f"Metrics cannot be checked across more than {longest} seconds: Period * EvaluationPeriods"
        )


def _operator(given: Mapping[str, Any]) -> str:
    name: str = _needed(given, "ComparisonOperator")
    if name in OPERATORS:
        return name
    raise ValidationError(f"The value {name} for parameter ComparisonOperator is not done by the rehearsal.")


def _missing(given: Mapping[str, Any]) -> str:
    how: str = given.get("TreatMissingData") or "missing"
    if how not in MISSING:
        allowed = ", ".join(MISSING)
        raise ValidationError(
            f"Option {how} is not supported. Supported options for TreatMissingData are {allowed}."
        )
    return "ignore" if given.get("Namespace") == "AWS/DynamoDB" else how


def _ignores_few_samples(given: Mapping[str, Any]) -> bool:
    how = given.get("EvaluateLowSampleCountPercentile")
    if how not in (None, "", "evaluate", "ignore"):
        raise ValidationError(
            f"Option {how} is not supported. "
            "Supported options for parameter EvaluateLowSampleCountPercentile are evaluate and ignore."
        )
    return how == "ignore"


def _needed(given: Mapping[str, Any], name: str) -> Any:
    if given.get(name) in (None, ""):
        raise ValidationError(f"The parameter {name} is required.")
    return given[name]
