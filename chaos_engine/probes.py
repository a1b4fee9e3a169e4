"""Probes as users write them: `{http: URL, expect: {...}}` or `{prometheus: QUERY, expect: "< 0.01"}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import PlainValidator

from chaos_engine import durations
from chaos_engine.model import Expectation, HttpProbe, Probe, PrometheusProbe
from chaos_engine.written import nearest
from evaluators import expectation
from evaluators import prometheus as promql

PERCENTILES = ("p50", "p90", "p95", "p99", "max")
_LATENCIES = {"latency": "p95", **{f"latency_{p}": p for p in PERCENTILES}}
_HTTP_KEYS = {"http", "name", "method", "headers", "every", "timeout", "expect"}
_PROMETHEUS_KEYS = {"prometheus", "name", "expect", "query", "url"}
_EXPECT_KEYS = {"status", "body", "success", *_LATENCIES}
_METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"}
_MOST_TIMEOUT = 60.0


def parse(data: object) -> Probe:
    """The probe. ValueError says what is wrong with it, and what is allowed."""
    if not isinstance(data, Mapping):
        raise ValueError(f"{data!r} is no probe; allowed: a mapping with http: URL or prometheus: QUERY")
    if "http" in data:
        return _http(_known(data, _HTTP_KEYS))
    if "prometheus" in data:
        return _prometheus(_known(data, _PROMETHEUS_KEYS))
    kinds = {"http", "prometheus"}
    hint = next((nearest(str(key), kinds) for key in data), "")
    raise ValueError(
        f"a probe of unknown kind ({', '.join(map(str, data))}){hint}; allowed: http, prometheus"
    )


ProbeDocument = Annotated[Any, PlainValidator(parse)]


def _http(data: Mapping[str, Any]) -> HttpProbe:
    expect = data.get("expect", {})
    if not isinstance(expect, Mapping):
        raise ValueError(f"expect: {expect!r} is no mapping; allowed: {', '.join(sorted(_EXPECT_KEYS))}")
    expect = _known(expect, _EXPECT_KEYS, "expect: ")
    return HttpProbe(
        url=url("http", data["http"]),
        name=str(data.get("name", "")),
        method=_one_of("method", str(data.get("method", "GET")).upper(), _METHODS),
        headers=_headers(data.get("headers") or {}),
        every=_between("every", data.get("every", 0.5), 0.05, 3600.0),
        timeout=_between("timeout", data.get("timeout", 5.0), 0.05, _MOST_TIMEOUT),
        status=_statuses(expect.get("status", ())),
        body=_pattern(expect.get("body")),
        latency={_LATENCIES[k]: _bound(k, v) for k, v in expect.items() if k in _LATENCIES},
        success=_bound("success", expect["success"]) if "success" in expect else None,
    )


def _prometheus(data: Mapping[str, Any]) -> PrometheusProbe:
    query = str(data["prometheus"])
    try:
        promql.check(query)
    except ValueError as error:
        raise ValueError(f"prometheus: {query!r} is no PromQL: {error}") from None
    if "expect" not in data:
        raise ValueError(f"prometheus: {query!r} has no expect; allowed: a bound such as '< 0.01'")
    kind = _one_of("query", str(data.get("query", "range")), {"range", "instant"})
    return PrometheusProbe(
        query=query,
        expect=_bound("expect", data["expect"]),
        url=url("url", data["url"]) if "url" in data else "",
        name=str(data.get("name", "")),
        instant=kind == "instant",
    )


def _known(data: Mapping[str, Any], known: set[str], prefix: str = "") -> Mapping[str, Any]:
    for key in data:
        if key not in known:
            allowed = ", ".join(sorted(known))
            raise ValueError(f"{prefix}unknown key {key!r}{nearest(str(key), known)}; allowed: {allowed}")
    return data


def _bound(key: str, value: object) -> Expectation:
    try:
        return expectation.parse(str(value))
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _between(key: str, value: object, least: float, most: float) -> float:
    try:
        seconds = durations.parse(value)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None
    if not least <= seconds <= most:
        raise ValueError(f"{key}: {value!r} is out of bounds; allowed: {least:g}s to {most:g}s")
    return seconds


def _one_of(key: str, value: str, known: set[str]) -> str:
    if value in known:
        return value
    raise ValueError(f"{key}: unknown {value!r}{nearest(value, known)}; allowed: {', '.join(sorted(known))}")


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


def url(key: str, value: object) -> str:
    """The address. ValueError says that it is none, and what is allowed."""
    try:
        parts = urlsplit(str(value))
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port out of range, a bracket too few
        good = False
    if not good:
        named = f"{key}: " if key else ""
        raise ValueError(f"{named}{value!r} is no address; allowed: http://HOST:PORT/PATH or https://…")
    return str(value)
