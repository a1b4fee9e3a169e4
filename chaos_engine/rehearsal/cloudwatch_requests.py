"""GetMetricData and GetMetricStatistics: the API's parameters in, its result out (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from chaos_engine.rehearsal import cloudwatch_pages as pages
from chaos_engine.rehearsal.cloudwatch_queries import (
    Query,
    Result,
    ValidationError,
    answer,
    check_period,
    check_stat,
    read,
)
from chaos_engine.rehearsal.cloudwatch_samples import Metric, MetricStat, Samples, Window
from chaos_engine.rehearsal.metric_math_values import Series

MOST_DATAPOINTS = 100_800
MOST_STATISTICS = 1_440
ORDERS = ("TimestampDescending", "TimestampAscending")


LARGEST = 2.0**360


class ValueInvalidError(ValueError):
    """InvalidParameterValue, with its message."""


class CombinationError(ValueError):
    """InvalidParameterCombination, with its message."""


def metric_data(request: Mapping[str, Any], samples: Samples, now: float) -> dict[str, Any]:
    """The answer of GetMetricData. `ValidationError`, `TokenError`."""
    queries = read(request.get("MetricDataQueries") or ())
    window, scan_by, most = _window(request, now), _order(request), _most(request)
    same = {name: value for name, value in request.items() if name != "NextToken"}
    after = pages.place(request["NextToken"], same) if request.get("NextToken") else None
    page = pages.of_points(
        answer(queries, window, samples.series), scan_by, most, tuple(after) if after else None
    )
    lines = [_line(result, complete) for result, complete in page.results]
    return {"MetricDataResults": lines, "Messages": [], **_next(page, queries, same)}


def metric_statistics(request: Mapping[str, Any], samples: Samples, now: float) -> dict[str, Any]:
    """The answer of GetMetricStatistics. `ValidationError`, `CombinationError`."""
    plain, extended = request.get("Statistics") or [], request.get("ExtendedStatistics") or []
    if not plain and not extended:
        raise CombinationError("Must specify either Statistics or ExtendedStatistics")
    period = check_period(int(request["Period"]), "GetMetricStatistics")
    starts = _window(request, now).starts(period)
    if len(starts) > MOST_STATISTICS:
        raise CombinationError(
            f"You have requested up to {len(starts):,} datapoints, which exceeds the limit of "
            f"{MOST_STATISTICS:,}. You may reduce the datapoints requested by increasing Period, "
            "or decreasing the time range."
        )
    metric = Metric.of(request["Namespace"], request["MetricName"], request.get("Dimensions"))
    stats = [
        MetricStat(metric, check_stat(name, "Statistics"), period, request.get("Unit"))
        for name in [*plain, *extended]
    ]
    series = {stat.stat: samples.series(stat, starts) for stat in stats}
    times = sorted({at for each in series.values() for at in each.values})
    datapoints = [_datapoint(at, series, plain, samples.unit(metric, at, at + period)) for at in times]
    return {"Label": metric.name, "Datapoints": datapoints}


def check_numbers(datum: Mapping[str, Any], place: str) -> None:
    """The numbers of a MetricDatum lie between -2^360 and 2^360."""
    sets = datum.get("StatisticValues") or {}
    for number in (datum.get("Value", 0), *(datum.get("Values") or ()), *sets.values()):
        if not abs(float(number)) <= LARGEST:
            raise ValueInvalidError(
                f"The value {number} for parameter {place} must be between -2^360 and 2^360."
            )


def seconds(when: datetime) -> float:
    """Unix seconds; a moment without a zone is UTC."""
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def moment(at: float) -> datetime:
    """The moment as moto serialises it: UTC, without a zone."""
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


def _window(request: Mapping[str, Any], now: float) -> Window:
    start, end = (seconds(_needed(request, name)) for name in ("StartTime", "EndTime"))
    if start > end:
        raise ValidationError("The parameter EndTime must be greater than StartTime.")
    if start == end:
        raise ValidationError("The parameter StartTime must not equal parameter EndTime.")
    return Window(start, end, now)


def _needed(request: Mapping[str, Any], name: str) -> Any:
    if request.get(name) is None:
        raise ValidationError(f"The parameter {name} is required.")
    return request[name]


def _order(request: Mapping[str, Any]) -> str:
    scan_by: str = request.get("ScanBy") or pages.NEWEST_FIRST
    if scan_by not in ORDERS:
        raise ValidationError(f"The value {scan_by} for parameter ScanBy is not supported.")
    return scan_by


def _most(request: Mapping[str, Any]) -> int:
    most = int(request.get("MaxDatapoints") or MOST_DATAPOINTS)
    if not 1 <= most <= MOST_DATAPOINTS:
        raise ValidationError(f"The parameter MaxDatapoints must be between 1 and {MOST_DATAPOINTS}.")
    return most


def _line(result: Result, complete: bool) -> dict[str, Any]:
    values = result.series.values
    return {
        "Id": result.id,
        "Label": result.label,
        "Timestamps": [moment(at) for at in values],
        "Values": list(values.values()),
        "StatusCode": "Complete" if complete else "PartialData",
        "Messages": [],
    }


def _next(page: pages.Page, queries: Sequence[Query], request: object) -> dict[str, str]:
    """As documented, none where an expression is asked for: what is cut off is PartialData."""
    if page.last is None or any(not query.stat for query in queries):
        return {}
    return {"NextToken": pages.token(page.last, request)}


def _datapoint(
    at: int, series: Mapping[str, Series], plain: Sequence[str], unit: str | None
) -> dict[str, Any]:
    known = {name: each.values[at] for name, each in series.items() if at in each.values}
    extended = {name: value for name, value in known.items() if name not in plain}
    ordinary = {name: value for name, value in known.items() if name in plain}
    return {"Timestamp": moment(at), "Unit": unit or "None", **ordinary} | (
        {"ExtendedStatistics": extended} if extended else {}
    )
