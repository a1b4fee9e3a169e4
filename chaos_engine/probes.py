"""Probes as users write them: `{http: URL, expect: {...}}`, `{prometheus: QUERY, expect: "< 0.01"}`.

Those of CloudWatch are in `cloudwatch_probes`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import PlainValidator

from chaos_engine import cloudwatch_probes, probe_keys
from chaos_engine.model import HttpProbe, Probe, PrometheusProbe
from chaos_engine.probe_fields import between, bound, known, one_of, url
from chaos_engine.spelling import nearest
from evaluators import prometheus as promql

_MOST_TIMEOUT = 60.0
_OTHERS = "prometheus: QUERY, cloudwatch: METRIC, alarm: NAME, alarms: [NAMES]"


def parse(data: object) -> Probe:
    """The probe. ValueError says what is wrong with it, and what is allowed."""
    if not isinstance(data, Mapping):
        raise ValueError(f"{data!r} is no probe; allowed: a mapping with http: URL, or {_OTHERS}")
    kind = next((kind for kind in KINDS if kind in data), None)
    if kind is not None:
        return KINDS[kind](data)
    hint = next((nearest(str(key), KINDS) for key in data), "")
    raise ValueError(
        f"a probe of unknown kind ({', '.join(map(str, data))}){hint}; allowed: {', '.join(KINDS)}"
    )


ProbeDocument = Annotated[Any, PlainValidator(parse)]


def _http(data: Mapping[str, Any]) -> HttpProbe:
    known(data, probe_keys.HTTP)
    expect = data.get("expect", {})
    if not isinstance(expect, Mapping):
        raise ValueError(
            f"expect: {expect!r} is no mapping; allowed: {', '.join(sorted(probe_keys.HTTP_EXPECT))}"
        )
    expect = known(expect, probe_keys.HTTP_EXPECT, "expect: ")
    return HttpProbe(
        url=url("http", data["http"]),
        name=str(data.get("name", "")),
        method=one_of("method", str(data.get("method", "GET")).upper(), probe_keys.METHODS),
        headers=_headers(data.get("headers") or {}),
        every=between("every", data.get("every", 0.5), 0.05, 3600.0),
        timeout=between("timeout", data.get("timeout", 5.0), 0.05, _MOST_TIMEOUT),
        status=_statuses(expect.get("status", ())),
        body=_pattern(expect.get("body")),
        latency={
            probe_keys.LATENCIES[k]: bound(k, v) for k, v in expect.items() if k in probe_keys.LATENCIES
        },
        success=bound("success", expect["success"]) if "success" in expect else None,
    )


def _prometheus(data: Mapping[str, Any]) -> PrometheusProbe:
    known(data, probe_keys.PROMETHEUS)
    query = str(data["prometheus"])
    try:
        promql.check(query)
    except ValueError as error:
        raise ValueError(f"prometheus: {query!r} is no PromQL: {error}") from None
    if "expect" not in data:
        raise ValueError(f"prometheus: {query!r} has no expect; allowed: a bound such as '< 0.01'")
    kind = one_of("query", str(data.get("query", "range")), {"range", "instant"})
    return PrometheusProbe(
        query=query,
        expect=bound("expect", data["expect"]),
        url=url("url", data["url"]) if "url" in data else "",
        name=str(data.get("name", "")),
        instant=kind == "instant",
    )


def _statuses(value: object) -> tuple[int, ...]:
    statuses = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    for status in statuses:
        if not isinstance(status, int) or not 100 <= status <= 599:  # noqa: PLR2004
            raise ValueError(f"expect: status {status!r}; allowed: one of 100 to 599, or a list of them")
    return statuses


def _headers(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping):
        raise ValueError(f"headers: {value!r} is no mapping; allowed: names and values")
    return tuple((str(name), str(text)) for name, text in value.items())


def _pattern(value: object) -> str | None:
    if value is None:
        return None
    try:
        re.compile(str(value))
    except re.error as error:
        raise ValueError(f"expect: body {value!r} is no regular expression: {error}") from None
    return str(value)


KINDS: dict[str, Callable[[Mapping[str, Any]], Probe]] = {
    "http": _http,
    "prometheus": _prometheus,
    "cloudwatch": cloudwatch_probes.metric,
    "alarm": cloudwatch_probes.alarm,
    "alarms": cloudwatch_probes.alarm,
}
