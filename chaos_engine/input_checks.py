"""What is wrong with an input of the Chaos Machine beyond its fields' types: all of it, each in its place."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from chaos_engine import metric_queries, probe_fields, raw_queries
from chaos_engine.raw_queries import Problem
from chaos_engine.spelling import nearest
from evaluators import prometheus as promql

RUNS = ("experimentTemplateId", "automationDocumentName")
FORMATS = ("CloudWatch", "Prometheus")
_NAMES = ("testId", *RUNS)  # an empty text is none
# https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries
_PARTS = re.compile(r"(\d+)(ms|[smhdwy])")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}


def problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Each by itself: what one of them is about does not hide another."""
    yield from _of_names(data)
    recovery = [key for key in ("recoveryDelay", "recoveryDuration") if data.get(key) is not None]
    if len(recovery) == 1:
        yield (recovery[0],), "stands alone; allowed: recoveryDelay and recoveryDuration, or neither"
    if isinstance(data.get("prometheusUrl"), str):
        try:
            probe_fields.url("", data["prometheusUrl"])
        except ValueError as error:
            yield ("prometheusUrl",), str(error)
    for section in ("steadyState", "hypothesis"):
        if isinstance(data.get(section), Mapping):
            yield from (((section, *place), text) for place, text in _of_section(data, data[section]))


def _of_names(data: Mapping[str, Any]) -> Iterator[Problem]:
    named = [key for key in RUNS if data.get(key) is not None]
    if len(named) != 1:
        said = "has both {} and {}" if named else "has neither {} nor {}"
        yield (), f"{said.format(*RUNS)}; allowed: one of them"
    for key in _NAMES:
        if data.get(key) == "":
            yield (key,), "'' does not do; allowed: a text that is not empty"


def _of_section(data: Mapping[str, Any], measured: Mapping[str, Any]) -> Iterator[Problem]:
    """Of `steadyState`, or of `hypothesis`; `data`: the whole input."""
    metrics = [(index, m) for index, m in enumerate(listed(measured, "metrics")) if isinstance(m, Mapping)]
    if not listed(measured, "metrics") and not listed(measured, "alarms"):
        yield (), "is empty; allowed: metrics, alarms, or both"
    elif measured.get("alarms") == []:  # which would mean every alarm of the account
        yield ("alarms",), "is empty; allowed: names, at least one, or no alarms at all"
    ids: set[str] = set()
    for index, metric in metrics:
        found = [*_of_id(metric, ids), *_of_metric(data, metric)]
        yield from ((("metrics", index, *place), text) for place, text in found)
    for form in FORMATS:
        own = [str(metric.get("Id", "")) for _, metric in metrics if form_of(metric) == form]
        if own and not any(id_.startswith("e") for id_ in own):
            text = f"has no {form} expression: an Id that begins with e; there are {', '.join(own)}"
            yield ("metrics",), text
    yield from _of_all([metric for _, metric in metrics if form_of(metric) == "CloudWatch"])
    for index, name in enumerate(listed(measured, "alarms")):
        if name == "" or name in listed(measured, "alarms")[:index]:
            yield ("alarms", index), f"{name!r} does not do; allowed: the name of an alarm, each once"


def _of_id(metric: Mapping[str, Any], ids: set[str]) -> Iterator[Problem]:
    id_ = metric.get("Id")
    if not isinstance(id_, str) or not id_:
        yield ("Id",), "is missing" if id_ is None else f"{id_!r} does not do; allowed: a text"
    elif id_ in ids:
        yield ("Id",), f"{id_!r} stands twice; allowed: each once"
    ids.add(str(id_))


def _of_metric(data: Mapping[str, Any], metric: Mapping[str, Any]) -> Iterator[Problem]:
    form = form_of(metric)
    if form == "CloudWatch":
        found = raw_queries.problems(query_of(metric))
        yield from found if metric.get("Id") else (one for one in found if one[0] != ("Id",))
    elif form == "Prometheus":
        yield from _of_promql(data, metric)
    else:
        yield ("metricFormat",), f"unknown {form!r}{nearest(form, FORMATS)}; allowed: {', '.join(FORMATS)}"


def _of_promql(data: Mapping[str, Any], metric: Mapping[str, Any]) -> Iterator[Problem]:
    query, step = metric.get("query"), metric.get("step")
    if step is not None and not step_of(metric):
        yield ("step",), f"{step!r} does not do; allowed: a duration such as 1m, or seconds"
    if not isinstance(query, str):
        yield ("query",), "is missing" if query is None else f"{query!r} does not do; allowed: PromQL, a text"
        return
    if not data.get("prometheusUrl"):
        yield ("query",), "has no server; allowed: with prometheusUrl beside testId"
    try:
        promql.check(query)
    except ValueError as error:
        yield ("query",), f"{query!r} is no PromQL: {error}"


def _of_all(metrics: list[Mapping[str, Any]]) -> Iterator[Problem]:
    """What one call cannot take."""
    queries = [query_of(metric) for metric in metrics if isinstance(metric.get("Id"), str)]
    try:
        list(metric_queries.calls(json.dumps(queries)))
    except ValueError as error:
        yield ("metrics",), str(error)


def listed(measured: Mapping[str, Any], key: str) -> list[Any]:
    """The list that stands there; what is none counts as empty."""
    found = measured.get(key)
    return found if isinstance(found, list) else []


def form_of(metric: Mapping[str, Any]) -> str:
    """Its `metricFormat`."""
    return str(metric.get("metricFormat") or FORMATS[0])


def query_of(metric: Mapping[str, Any]) -> dict[str, Any]:
    """As GetMetricData takes it: without the keys that it does not know."""
    return {key: value for key, value in metric.items() if key in raw_queries.QUERY_KEYS}


def step_of(metric: Mapping[str, Any]) -> float | None:
    """Seconds, as Prometheus reads its `step`: a number, or `1m30s`. None: it is missing, or is none."""
    step = metric.get("step")
    if isinstance(step, bool) or not isinstance(step, (str, int, float)):
        return None
    text = str(step)
    if _PARTS.sub("", text) == "":
        return sum(int(number) * _UNITS[unit] for number, unit in _PARTS.findall(text)) or None
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 < seconds < math.inf else None
