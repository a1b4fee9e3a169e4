"""Pure: what a MetricDataQueries list says: its ids, what refers to what, its periods, its calls.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html and, on expressions,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST = 500  # queries that one GetMetricData takes
_TEXTS = re.compile(r"'[^']*'|\"[^\"]*\"")
_WORDS = re.compile(r"\b[a-z]\w*")
_ALL_OF_THEM = re.compile(r"\bMETRICS\s*\(")


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """One of them. `period` in seconds, where it says so itself; `returned`: its values are in the answer."""

    id: str
    refers: frozenset[str]
    period: int | None
    returned: bool


def read(queries: str) -> tuple[MetricQuery, ...]:
    """The queries of their JSON text."""
    listed = json.loads(queries)
    ids = frozenset(query["Id"] for query in listed)
    return tuple(
        MetricQuery(query["Id"], _refers(query, ids), _period(query), bool(query.get("ReturnData", True)))
        for query in listed
    )


def periods(queries: Iterable[MetricQuery], otherwise: float) -> dict[str, int]:
    """The period of each id: its own, else the longest of what it refers to, else `otherwise`."""
    by_id = {query.id: query for query in queries}

    def own(id_: str, seen: frozenset[str]) -> int:
        query = by_id[id_]
        if query.period is not None:
            return query.period
        inner = [own(other, seen | {id_}) for other in query.refers - seen - {id_}]
        return max(inner, default=max(1, round(otherwise)))

    return {id_: own(id_, frozenset()) for id_ in by_id}


def common_period(queries: str, otherwise: float) -> int:
    """Seconds after which all periods begin together."""
    return math.lcm(*periods(read(queries), otherwise).values())


def calls(queries: str) -> Iterator[list[Mapping[str, Any]]]:
    """The queries, at most 500 a call; what refers to each other stays together. ValueError: it cannot."""
    by_id: dict[str, Mapping[str, Any]] = {query["Id"]: query for query in json.loads(queries)}
    call: list[Mapping[str, Any]] = []
    for ids in _families(read(queries)):
        if len(ids) > MOST:
            raise ValueError(
                f"{len(ids)} queries refer to each other; allowed: {MOST}, as many as a call takes"
            )
        if len(call) + len(ids) > MOST:
            yield call
            call = []
        call += [by_id[id_] for id_ in ids]
    if call:
        yield call


def _families(queries: Sequence[MetricQuery]) -> Iterable[list[str]]:
    """Ids that cannot be asked apart, in order: each is put into the family of what it refers to."""
    heads = {query.id: query.id for query in queries}

    def head(id_: str) -> str:
        while heads[id_] != id_:
            heads[id_] = id_ = heads[heads[id_]]
        return id_

    for query in queries:
        for other in query.refers:
            heads[head(query.id)] = head(other)
    families: dict[str, list[str]] = {}
    for query in queries:
        families.setdefault(head(query.id), []).append(query.id)
    return families.values()


def _refers(query: Mapping[str, Any], ids: frozenset[str]) -> frozenset[str]:
    expression = _TEXTS.sub("", str(query.get("Expression", "")))
    if _ALL_OF_THEM.search(expression):
        return ids - {query["Id"]}
    return (ids & frozenset(_WORDS.findall(expression))) - {query["Id"]}


def _period(query: Mapping[str, Any]) -> int | None:
    stat = query.get("MetricStat")
    period = stat.get("Period") if isinstance(stat, Mapping) else query.get("Period")
    return period if isinstance(period, int) and period > 0 else None
