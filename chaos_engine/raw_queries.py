"""MetricDataQueries as users write them: checked before they are passed through to GetMetricData.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html and, on statistics,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from chaos_engine import metric_queries
from chaos_engine.probe_fields import known
from chaos_engine.written import nearest

STATISTICS = ("Average", "Sum", "Minimum", "Maximum", "SampleCount", "IQM")
SHORT_PERIODS = (1, 5, 10, 20, 30)
ID = re.compile(r"[a-z][A-Za-z0-9_]{0,254}")
ID_ALLOWED = "letters, digits and _, a small letter first"
_EXTENDED = re.compile(r"(?:p|tm|wm|tc|ts)\d{1,3}(?:\.\d+)?|(?:TM|WM|PR|TC|TS)\([\d.%]*:[\d.%]*\)")
_QUERY_KEYS = {"Id", "MetricStat", "Expression", "Label", "ReturnData", "Period", "AccountId"}
_STAT_KEYS = {"Metric", "Period", "Stat", "Unit"}
_METRIC_KEYS = {"Namespace", "MetricName", "Dimensions"}
_MINUTE = 60


def checked(queries: object) -> list[Mapping[str, Any]]:
    """The list. ValueError names the query, the field, its value, and what is allowed."""
    if not isinstance(queries, (list, tuple)) or not queries:
        raise ValueError(f"queries: {queries!r} is no list; allowed: MetricDataQueries, at least one")
    ids: set[str] = set()
    for index, query in enumerate(queries):
        where = f"queries[{index}]"
        if not isinstance(query, Mapping):
            raise ValueError(f"{where}: {query!r} is no mapping; allowed: a MetricDataQuery")
        _check(where, query)
        if query["Id"] in ids:
            raise ValueError(f"{where}: Id {query['Id']!r} stands twice; allowed: each once")
        ids.add(query["Id"])
    list(metric_queries.calls(json.dumps(queries)))  # which refuses what one call cannot take
    return list(queries)


def period(where: str, value: object) -> int:
    """Seconds that CloudWatch knows."""
    number = value if isinstance(value, int) and not isinstance(value, bool) else 0
    if number in SHORT_PERIODS or (number > 0 and number % _MINUTE == 0):
        return number
    short = ", ".join(map(str, SHORT_PERIODS))
    raise ValueError(f"{where}: {value!r}; allowed: {short}, or a multiple of 60 (seconds)")


def stat(where: str, value: object) -> str:
    """A statistic that CloudWatch knows."""
    if value in STATISTICS or _EXTENDED.fullmatch(str(value)):
        return str(value)
    known_ones = f"{', '.join(STATISTICS)}, p99, tm90, PR(:300) and the like"
    said = "is missing" if value is None else f"unknown {value!r}{nearest(str(value), STATISTICS)}"
    raise ValueError(f"{where}: {said}; allowed: {known_ones}")


def _check(where: str, query: Mapping[str, Any]) -> None:
    known(query, _QUERY_KEYS, f"{where}: ")
    if not ID.fullmatch(str(query.get("Id", ""))):
        said = f"{query['Id']!r} does not do" if "Id" in query else "is missing"
        raise ValueError(f"{where}: Id {said}; allowed: {ID_ALLOWED}")
    if ("MetricStat" in query) is ("Expression" in query):
        both = (
            "both MetricStat and Expression" if "Expression" in query else "neither MetricStat nor Expression"
        )
        raise ValueError(f"{where}: has {both}; allowed: one of them")
    if not isinstance(query.get("ReturnData", True), bool):
        raise ValueError(f"{where}: ReturnData {query['ReturnData']!r}; allowed: true, false")
    if "Period" in query:
        period(f"{where}: Period", query["Period"])
    if "Expression" in query:
        _text(f"{where}: Expression", query["Expression"])
    else:
        _stat(f"{where}: MetricStat", query["MetricStat"])


def _stat(where: str, found: object) -> None:
    if not isinstance(found, Mapping):
        raise ValueError(f"{where}: {found!r} is no mapping; allowed: {', '.join(sorted(_STAT_KEYS))}")
    known(found, _STAT_KEYS, f"{where}: ")
    period(f"{where}: Period", found.get("Period"))
    stat(f"{where}: Stat", found.get("Stat"))
    metric = found.get("Metric")
    if not isinstance(metric, Mapping):
        raise ValueError(
            f"{where}: Metric {metric!r} is no mapping; allowed: {', '.join(sorted(_METRIC_KEYS))}"
        )
    known(metric, _METRIC_KEYS, f"{where}: Metric: ")
    for key in ("Namespace", "MetricName"):
        _text(f"{where}: Metric: {key}", metric.get(key))
    _dimensions(f"{where}: Metric: Dimensions", metric.get("Dimensions", []))


def _dimensions(where: str, found: object) -> None:
    good = isinstance(found, (list, tuple)) and all(
        isinstance(one, Mapping) and set(one) == {"Name", "Value"} for one in found
    )
    if not good:
        raise ValueError(f"{where}: {found!r}; allowed: a list of Name and Value")


def _text(where: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        said = "is missing" if value is None else f"{value!r} does not do"
        raise ValueError(f"{where}: {said}; allowed: a text")
