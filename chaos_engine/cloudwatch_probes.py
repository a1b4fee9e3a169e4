"""Probes of CloudWatch as users write them.

Our own form, `{metric: AWS/ELB/HTTPCode_Backend_5XX, stat: Sum}`, also with an `expression` over several
named metrics; the raw one, `{queries: [...]}`, as GetMetricData takes it; and alarms by their names.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from chaos_engine import metric_queries, probe_keys
from chaos_engine.model import AlarmProbe, CloudWatchProbe, Expectation
from chaos_engine.probe_fields import between, bound, known
from chaos_engine.raw_queries import ID, ID_ALLOWED, checked
from chaos_engine.raw_queries import period as checked_period
from chaos_engine.raw_queries import stat as checked_stat
from chaos_engine.spelling import nearest
from evaluators import expectation

MOST_WAIT = 3600.0
DEFAULT_PERIOD = 60
NOT_ZERO = "!= 0"  # what raw expressions that begin with e must be, where there is no expect
_LONGEST_NAME = 255


def metric(data: Mapping[str, Any]) -> CloudWatchProbe:
    """The probe. ValueError says what is wrong with it, and what is allowed."""
    known(data, probe_keys.CLOUDWATCH)
    asked = data["cloudwatch"]
    forms = "metric, expression with metrics, or queries"
    if not isinstance(asked, Mapping):
        raise ValueError(f"cloudwatch: {asked!r} is no mapping; allowed: one with {forms}")
    named = [form for form in _FORMS if form in asked]
    if len(named) != 1:
        hint = "" if named else next((nearest(str(key), _FORMS) for key in asked), "")
        said = " and ".join(named) or ", ".join(map(str, asked)) or "nothing"
        raise ValueError(f"cloudwatch: has {said}{hint}; allowed: {forms}")
    queries, ids = _FORMS[named[0]](asked, "expect" in data)
    text = json.dumps(queries)
    periods = metric_queries.periods(metric_queries.read(text), DEFAULT_PERIOD)
    name = str(data.get("name") or "") or ("" if named[0] == "queries" else f"cloudwatch {_shown(asked)}")
    return CloudWatchProbe(
        text,
        ids,
        _expected(data, raw=named[0] == "queries"),
        float(max(periods.values())),
        name,
        _wait(data, 60.0),
    )


def alarm(data: Mapping[str, Any]) -> AlarmProbe:
    """One alarm, or several. ValueError as above."""
    known(data, probe_keys.ALARM)
    if "alarm" in data and "alarms" in data:
        raise ValueError("alarm: stands beside alarms; allowed: one of them")
    key = "alarm" if "alarm" in data else "alarms"
    names = [data["alarm"]] if key == "alarm" else data["alarms"]
    if not isinstance(names, (list, tuple)) or not names:
        raise ValueError(f"{key}: {names!r} is no list of alarms; allowed: their names, at least one")
    for index, name in enumerate(names):
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
            raise ValueError(
                f"{key}: {name!r} is no name; allowed: a text of 1 to {_LONGEST_NAME} characters"
            )
        if name in names[:index]:
            raise ValueError(f"{key}: {name!r} stands twice; allowed: each once")
    return AlarmProbe(tuple(names), str(data.get("name") or ""), _wait(data, AlarmProbe(()).wait))


def _expected(data: Mapping[str, Any], *, raw: bool) -> Expectation:
    if "expect" in data:
        return bound("expect", data["expect"])
    if raw:
        return expectation.parse(NOT_ZERO)
    raise ValueError("cloudwatch: has no expect; allowed: a bound such as '< 5'")


def _wait(data: Mapping[str, Any], otherwise: float) -> float:
    return between("wait", data.get("wait", otherwise), 0.0, MOST_WAIT)


def _shown(asked: Mapping[str, Any]) -> str:
    return str(asked.get("metric") or asked["expression"])


# --- our own form ---------------------------------------------------------------------------

_Queries = tuple[list[Mapping[str, Any]], tuple[str, ...]]


def _one_metric(asked: Mapping[str, Any], _: bool) -> _Queries:
    queries = list(_metric("cloudwatch", "m1", asked))
    last = str(queries[-1]["Id"])
    return [{**query, "ReturnData": query["Id"] == last} for query in queries], (last,)


def _expression(asked: Mapping[str, Any], _: bool) -> _Queries:
    known(asked, {"expression", "metrics"}, "cloudwatch: ")
    metrics, expression = asked.get("metrics"), asked["expression"]
    if not isinstance(metrics, Mapping) or not metrics:
        raise ValueError(
            f"cloudwatch: metrics: {metrics!r} is no mapping; allowed: names, each with a metric"
        )
    if not isinstance(expression, str) or not expression.strip():
        raise ValueError(
            f"cloudwatch: expression: {expression!r} is none; allowed: metric math over {_and(metrics)}"
        )
    for name in metrics:
        if not ID.fullmatch(str(name)):
            raise ValueError(f"cloudwatch: metrics: {name!r} is no name; allowed: {ID_ALLOWED}")
    inner = [query for name, one in metrics.items() for query in _metric(f"metrics: {name}", str(name), one)]
    ids = {query["Id"] for query in inner}
    last = next(f"e{n}" for n in itertools.count(1) if f"e{n}" not in ids)
    hidden: list[Mapping[str, Any]] = [{**query, "ReturnData": False} for query in inner]
    queries = [*hidden, {"Id": last, "Expression": expression, "ReturnData": True}]
    _check_words(expression, metrics, metric_queries.read(json.dumps(queries))[-1].refers)
    return queries, (last,)


def _check_words(expression: str, metrics: Mapping[str, Any], refers: frozenset[str]) -> None:
    """A metric that the expression does not name is a slip of the pen."""
    unused = next((str(name) for name in metrics if str(name) not in refers), None)
    if unused:
        words = re.findall(r"\b[a-z]\w*", expression)
        hint = next(
            (f"; did you mean {unused!r} by {word!r}?" for word in words if nearest(word, [unused])), ""
        )
        raise ValueError(
            f"cloudwatch: expression: {expression!r} does not use {unused!r}{hint}; allowed: {_and(metrics)}"
        )


def _metric(where: str, id_: str, asked: object) -> Iterator[Mapping[str, Any]]:
    """The metric; with `missing`, filled, under the same id."""
    if not isinstance(asked, Mapping):
        raise ValueError(f"{where}: {asked!r} is no mapping; allowed: one with metric, stat and period")
    known(asked, probe_keys.METRIC, f"{where}: ")
    namespace, name = _named(where, asked)
    stat = {
        "Metric": {"Namespace": namespace, "MetricName": name, "Dimensions": _dimensions(where, asked)},
        "Period": checked_period(f"{where}: period", asked.get("period", DEFAULT_PERIOD)),
        "Stat": checked_stat(f"{where}: stat", asked.get("stat")),
    }
    if "missing" not in asked:
        yield {"Id": id_, "MetricStat": stat}
        return
    yield {"Id": f"{id_}_as_it_is", "MetricStat": stat}
    yield {"Id": id_, "Expression": f"FILL({id_}_as_it_is, {_fill(where, asked['missing'])})"}


def _named(where: str, asked: Mapping[str, Any]) -> tuple[str, str]:
    """Namespace and name: `AWS/ELB/Latency`, cut at the last slash; or each by itself."""
    metric = asked.get("metric")
    allowed = "NAMESPACE/NAME, such as AWS/ApplicationELB/TargetResponseTime"
    if not isinstance(metric, str) or not metric:
        raise ValueError(f"{where}: metric: {metric!r} is none; allowed: {allowed}")
    if "namespace" in asked:
        return str(asked["namespace"]), metric
    namespace, _, name = metric.rpartition("/")
    if not namespace or not name:
        raise ValueError(
            f"{where}: metric: {metric!r} has no namespace; allowed: {allowed}, or with namespace:"
        )
    return namespace, name


def _dimensions(where: str, asked: Mapping[str, Any]) -> list[dict[str, str]]:
    dimensions = asked.get("dimensions") or {}
    if not isinstance(dimensions, Mapping):
        raise ValueError(f"{where}: dimensions: {dimensions!r} is no mapping; allowed: names and values")
    return [{"Name": str(name), "Value": str(value)} for name, value in dimensions.items()]


def _fill(where: str, value: object) -> str:
    if value in ("REPEAT", "LINEAR"):
        return str(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:g}"
    raise ValueError(f"{where}: missing: {value!r}; allowed: a number to take in its place, REPEAT or LINEAR")


def _and(metrics: Mapping[str, Any]) -> str:
    return ", ".join(map(str, metrics))


# --- the raw form ---------------------------------------------------------------------------


def _raw(asked: Mapping[str, Any], expects: bool) -> _Queries:
    """With an expectation all that is returned is judged; else the expressions, whose ids begin with e."""
    known(asked, {"queries"}, "cloudwatch: ")
    queries = checked(asked["queries"])
    returned = [str(query["Id"]) for query in queries if query.get("ReturnData", True)]
    ids = tuple(id_ for id_ in returned if expects or id_.startswith("e"))
    if not ids:
        what = (
            "returned"
            if expects
            else "an expression to judge (an Id that begins with e), and there is no expect"
        )
        raise ValueError(f"cloudwatch: queries: none is {what}; there are {', '.join(returned) or 'none'}")
    return queries, ids


_FORMS = {"metric": _one_metric, "expression": _expression, "queries": _raw}
