"""MetricDataQueries: what may be asked, and the series that answer (API reference: GetMetricData).

GetMetricData and alarms on expressions use it. The wording of CloudWatch's own errors is known in part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeVar

from chaos_engine.rehearsal import metric_statistics
from chaos_engine.rehearsal.cloudwatch_samples import Metric, MetricStat
from chaos_engine.rehearsal.metric_math import Surroundings, check, evaluate
from chaos_engine.rehearsal.metric_math_syntax import names, parse
from chaos_engine.rehearsal.metric_math_values import Frame, Series, Value

MOST, LONGEST = 500, 2048
LIST = "MetricDataQueries"
ID = re.compile("[a-z][a-zA-Z0-9_]*")
T = TypeVar("T")
Fetch = Callable[[MetricStat, range], Series]


class ValidationError(ValueError):
    """A ValidationError of the API, with its message."""


@dataclass(frozen=True)
class Query:
    """One MetricDataQuery: a statistic of a metric, or an expression over the others."""

    id: str
    stat: MetricStat | None
    expression: str = ""
    label: str | None = None
    period: int | None = None
    returned: bool = True


@dataclass(frozen=True)
class Result:
    """One line of the answer. An expression may have several, all with its id."""

    id: str
    label: str
    series: Series


def read(raw: Sequence[Mapping[str, Any]], collection: str = LIST) -> list[Query]:
    """The queries, checked; `ValidationError` says what CloudWatch would not take."""
    if len(raw) > MOST:
        raise ValidationError(f"The collection {collection} must not have a size greater than {MOST}.")
    queries = [_query(each, f"{collection}.member.{place}") for place, each in enumerate(raw, 1)]
    ids = {query.id for query in queries}
    if len(ids) < len(queries):
        raise ValidationError(f"The values for parameter id in {collection} are not unique.")
    for query in queries:
        if not query.stat:
            _in_expression(query, partial(check, query.expression, ids))
    _order(queries)
    return queries


def answer(queries: Sequence[Query], frame: Frame, fetch: Fetch) -> list[Result]:
    """The results that are to be returned, in the order of the queries."""
    values: dict[str, Value] = {}
    for query in _order(queries):
        values[query.id] = _value(query, queries, values, frame, fetch)
    return [result for query in queries if query.returned for result in _results(query, values[query.id])]


def check_period(period: int, place: str) -> int:
    """1, 5, 10, 20, 30 or a multiple of 60 seconds."""
    if period in (1, 5, 10, 20, 30) or (period > 0 and period % 60 == 0):
        return period
    raise ValidationError(f"The parameter {place}.Period must be 1, 5, 10, 20, 30 or a multiple of 60.")


def check_stat(stat: str, place: str) -> str:
    """A statistic that CloudWatch knows."""
    try:
        metric_statistics.parse(stat)
    except ValueError:
        raise ValidationError(f"The value {stat} for parameter {place} is not supported.") from None
    return stat


def _query(raw: Mapping[str, Any], place: str) -> Query:
    if not ID.fullmatch(raw.get("Id") or ""):
        wrong = f"The value {raw.get('Id')} for parameter {place}.Id"
        raise ValidationError(f"{wrong} must match the pattern {ID.pattern}.")
    if raw.get("AccountId"):
        raise ValidationError(f"The parameter {place}.AccountId is not done by the rehearsal.")
    stat, period = raw.get("MetricStat"), raw.get("Period")
    expression = _expression(raw, place)
    return Query(
        raw["Id"],
        _stat(stat, f"{place}.MetricStat") if stat else None,
        expression,
        raw.get("Label"),
        check_period(int(period), place) if period else None,
        returned=raw.get("ReturnData") is not False,
    )


def _expression(raw: Mapping[str, Any], place: str) -> str:
    """Empty for a metric."""
    stat, expression = raw.get("MetricStat"), raw.get("Expression") or ""
    if not stat and not expression:
        raise ValidationError(f"The parameter {place}.MetricStat is required.\n")
    if stat and expression:
        both = f"{place}.Expression and {place}.MetricStat"
        raise ValidationError(f"The parameters {both} are mutually exclusive and you have specified both.")
    if len(expression) > LONGEST:
        raise ValidationError(f"{place}.Expression must not be longer than {LONGEST} characters.")
    if expression.lstrip().upper().startswith("SELECT"):
        raise ValidationError(f"{place}.Expression: Metrics Insights (SELECT) is not done by the rehearsal.")
    return expression


def _stat(raw: Mapping[str, Any], place: str) -> MetricStat:
    metric = raw.get("Metric") or {}
    needed = {f"Metric.{name}": metric.get(name) for name in ("Namespace", "MetricName")}
    for name, given in (needed | {name: raw.get(name) for name in ("Period", "Stat")}).items():
        if not given:
            raise ValidationError(f"The parameter {place}.{name} is required.")
    return MetricStat(
        Metric.of(metric["Namespace"], metric["MetricName"], metric.get("Dimensions")),
        check_stat(raw["Stat"], f"{place}.Stat"),
        check_period(int(raw["Period"]), place),
        raw.get("Unit"),
    )


def _order(queries: Sequence[Query]) -> list[Query]:
    """Each after those it refers to. METRICS() comes after all metrics."""
    by_id = {query.id: query for query in queries}
    metrics = {query.id for query in queries if query.stat}
    needed = {
        query.id: [] if query.stat else sorted(metrics | names(parse(query.expression))) for query in queries
    }
    try:
        return [by_id[each] for each in TopologicalSorter(needed).static_order()]
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise ValidationError(
            f"Error in expression '{error.args[1][0]}': it refers to itself: {circle}"
        ) from None


def _value(
    query: Query, queries: Sequence[Query], so_far: Mapping[str, Value], frame: Frame, fetch: Fetch
) -> Value:
    if query.stat:
        return replace(fetch(query.stat, frame.starts(query.stat.period)), label=_metric_label(query))
    metrics = tuple(each.id for each in queries if each.stat)
    around = Surroundings(so_far, metrics, frame, query.period)
    return _in_expression(query, lambda: evaluate(query.expression, around))


def _results(query: Query, value: Value) -> list[Result]:
    own = query.label if query.label is not None else query.id
    if isinstance(value, tuple):
        return [Result(query.id, f"{own} {series.label}".strip(), series) for series in value]
    assert isinstance(value, Series)  # noqa: S101 - an expression's result is never a scalar
    return [Result(query.id, value.label if query.stat else own, value)]


def _in_expression(query: Query, do: Callable[[], T]) -> T:
    try:
        return do()
    except ValidationError:
        raise
    except ValueError as error:
        raise ValidationError(f"Error in expression '{query.id}': {error}") from None


def _metric_label(query: Query) -> str:
    return query.label or (query.stat.metric.name if query.stat else query.id)
