"""MetricDataQueries as users write them: checked before they are passed through to GetMetricData.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html and, on statistics,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from chaos_engine import metric_queries
from chaos_engine.spelling import nearest
from chaos_engine.written import Place

STATISTICS = ("Average", "Sum", "Minimum", "Maximum", "SampleCount", "IQM")
SHORT_PERIODS = (1, 5, 10, 20, 30)
ID = re.compile(r"[a-z][A-Za-z0-9_]{0,254}")
ID_ALLOWED = "letters, digits and _, a small letter first"
_EXTENDED = re.compile(r"(?:p|tm|wm|tc|ts)\d{1,3}(?:\.\d+)?|(?:TM|WM|PR|TC|TS)\([\d.%]*:[\d.%]*\)")
QUERY_KEYS = {"Id", "MetricStat", "Expression", "Label", "ReturnData", "Period", "AccountId"}
_STAT_KEYS = {"Metric", "Period", "Stat", "Unit"}
_METRIC_KEYS = {"Namespace", "MetricName", "Dimensions"}
_MINUTE = 60
Problem = tuple[Place, str]  # at which of a query's keys, and what is allowed


def checked(queries: object) -> list[Mapping[str, Any]]:
    """The list. ValueError names the query, the field, its value, and what is allowed."""
    if not isinstance(queries, (list, tuple)) or not queries:
        raise ValueError(f"queries: {queries!r} is no list; allowed: MetricDataQueries, at least one")
    ids: set[str] = set()
    for index, query in enumerate(queries):
        where = f"queries[{index}]"
        if not isinstance(query, Mapping):
            raise ValueError(f"{where}: {query!r} is no mapping; allowed: a MetricDataQuery")
        for place, text in problems(query):
            raise ValueError(": ".join((where, *map(str, place), text)))
        if query["Id"] in ids:
            raise ValueError(f"{where}: Id {query['Id']!r} stands twice; allowed: each once")
        ids.add(query["Id"])
    list(metric_queries.calls(json.dumps(queries)))  # which refuses what one call cannot take
    return list(queries)


def problems(query: Mapping[str, Any]) -> Iterator[Problem]:
    """All that is wrong with one query."""
    yield from _unknown(query, QUERY_KEYS)
    id_ = query.get("Id")
    if not isinstance(id_, str) or not ID.fullmatch(id_):
        yield ("Id",), f"{_given(id_)}; allowed: {ID_ALLOWED}"
    if ("MetricStat" in query) is ("Expression" in query):
        has = (
            "both MetricStat and Expression" if "Expression" in query else "neither MetricStat nor Expression"
        )
        yield (), f"has {has}; allowed: one of them"
    if not isinstance(query.get("ReturnData", True), bool):
        yield ("ReturnData",), f"{query['ReturnData']!r} does not do; allowed: true, false"
    if "Period" in query:
        yield from _period(("Period",), query["Period"])
    if "Expression" in query:
        yield from _text(("Expression",), query["Expression"])
    if "MetricStat" in query:
        yield from _stat(("MetricStat",), query["MetricStat"])


def period(where: str, value: object) -> int:
    """Seconds that CloudWatch knows. ValueError names the value, and what is allowed."""
    for _, text in _period((), value):
        raise ValueError(f"{where}: {text}")
    assert isinstance(value, int)  # noqa: S101
    return value


def stat(where: str, value: object) -> str:
    """A statistic that CloudWatch knows. ValueError as above."""
    for _, text in _statistic((), value):
        raise ValueError(f"{where}: {text}")
    return str(value)


def _period(place: Place, value: object) -> Iterator[Problem]:
    number = value if isinstance(value, int) and not isinstance(value, bool) else 0
    if number not in SHORT_PERIODS and (number <= 0 or number % _MINUTE):
        yield (
            place,
            f"{_given(value)}; allowed: {', '.join(map(str, SHORT_PERIODS))}, or a multiple of 60 (seconds)",
        )


def _statistic(place: Place, value: object) -> Iterator[Problem]:
    if value not in STATISTICS and not _EXTENDED.fullmatch(str(value)):
        known_ones = f"{', '.join(STATISTICS)}, p99, tm90, PR(:300) and the like"
        said = "is missing" if value is None else f"unknown {value!r}{nearest(str(value), STATISTICS)}"
        yield place, f"{said}; allowed: {known_ones}"


def _stat(place: Place, found: object) -> Iterator[Problem]:
    if not isinstance(found, Mapping):
        yield place, _no_mapping(found, _STAT_KEYS)
        return
    yield from ((place, text) for _, text in _unknown(found, _STAT_KEYS))
    yield from _period((*place, "Period"), found.get("Period"))
    yield from _statistic((*place, "Stat"), found.get("Stat"))
    place, metric = (*place, "Metric"), found.get("Metric")
    if not isinstance(metric, Mapping):
        yield place, _no_mapping(metric, _METRIC_KEYS)
        return
    yield from ((place, text) for _, text in _unknown(metric, _METRIC_KEYS))
    for key in ("Namespace", "MetricName"):
        yield from _text((*place, key), metric.get(key))
    yield from _dimensions((*place, "Dimensions"), metric.get("Dimensions", []))


def _dimensions(place: Place, found: object) -> Iterator[Problem]:
    good = isinstance(found, (list, tuple)) and all(
        isinstance(one, Mapping) and set(one) == {"Name", "Value"} for one in found
    )
    if not good:
        yield place, f"{found!r} does not do; allowed: a list of Name and Value"


def _unknown(found: Mapping[str, Any], keys: Collection[str]) -> Iterator[Problem]:
    for key in found:
        if key not in keys:
            yield (), f"unknown key {key!r}{nearest(str(key), keys)}; allowed: {', '.join(sorted(keys))}"


def _text(place: Place, value: object) -> Iterator[Problem]:
    if not isinstance(value, str) or not value:
        yield place, f"{_given(value)}; allowed: a text"


def _no_mapping(found: object, keys: Collection[str]) -> str:
    said = "is missing" if found is None else f"{found!r} is no mapping"
    return f"{said}; allowed: {', '.join(sorted(keys))}"


def _given(value: object) -> str:
    return "is missing" if value is None else f"{value!r} does not do"
