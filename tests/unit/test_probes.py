"""Probes as users write them: what is taken, and what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from chaos_engine.model import HttpProbe, PrometheusProbe
from chaos_engine.probes import parse

URL = "http://127.0.0.1:1/"


def http(**more: Any) -> dict[str, Any]:
    return {"http": URL, **more}


BAD: list[tuple[Any, list[str]]] = [
    (None, ["None is no probe", "allowed"]),
    ("http://x", ["'http://x' is no probe", "allowed"]),
    ({"htpp": URL}, ["unknown kind (htpp)", "did you mean 'http'", "allowed: http, prometheus"]),
    ({}, ["unknown kind", "allowed: http, prometheus"]),
    ({"http": "127.0.0.1:8000"}, ["http: '127.0.0.1:8000'", "allowed: http://"]),
    ({"http": "http://[::1"}, ["http: 'http://[::1' is no address", "allowed"]),
    ({"http": "http://h:99999/"}, ["http: 'http://h:99999/' is no address", "allowed"]),
    ({"http": None}, ["None is no address", "allowed"]),
    (http(evry="1s"), ["unknown key 'evry'", "did you mean 'every'", "allowed: every"]),
    (http(every="0s"), ["every: '0s' is out of bounds", "allowed: 0.05s to 3600s"]),
    (http(every="1 parsec"), ["every: '1 parsec' is not a duration", "allowed"]),
    (http(timeout="5m"), ["timeout: '5m' is out of bounds", "allowed"]),
    (http(method="GETT"), ["method: unknown 'GETT'", "did you mean 'GET'", "allowed: DELETE"]),
    (http(headers=5), ["headers: 5 is no mapping", "allowed"]),
    (http(headers="a: b"), ["headers: 'a: b' is no mapping", "allowed"]),
    (http(expect=None), ["expect: None is no mapping", "allowed: body"]),
    (http(expect="200"), ["expect: '200' is no mapping", "allowed"]),
    (http(expect={"stats": 200}), ["expect: unknown key 'stats'", "did you mean 'status'"]),
    (http(expect={"status": 99}), ["status 99", "allowed: one of 100 to 599"]),
    (http(expect={"status": "200"}), ["status '200'", "allowed"]),
    (http(expect={"status": True}), ["status True", "allowed"]),
    (http(expect={"latency": "500ms"}), ["latency: '500ms' is not an expectation", "allowed"]),
    (http(expect={"success": 99}), ["success: '99' is not an expectation", "allowed"]),
    (http(expect={"latency": "< NaN"}), ["latency: '< NaN'", "allowed"]),
    (http(expect={"latency": "in 5..1"}), ["latency", "low end is above"]),
    (http(expect={"body": "("}), ["body '(' is no regular expression"]),
    ({"prometheus": "up"}, ["'up' has no expect", "allowed: a bound"]),
    ({"prometheus": "rate(", "expect": "> 0"}, ["'rate(' is no PromQL"]),
    ({"prometheus": "rate(up[5x])", "expect": "> 0"}, ["is no PromQL"]),
    ({"prometheus": "", "expect": "> 0"}, ["'' is no PromQL"]),
    ({"prometheus": "up", "expect": "> lots"}, ["expect: '> lots' is not an expectation", "allowed"]),
    ({"prometheus": "up", "expect": {}}, ["expect", "is not an expectation"]),
    ({"prometheus": "up", "expect": "> 0", "query": "rnge"}, ["unknown 'rnge'", "did you mean 'range'"]),
    ({"prometheus": "up", "expect": "> 0", "url": "prom"}, ["url: 'prom' is no address"]),
    ({"prometheus": "up", "expect": "> 0", "every": "1s"}, ["unknown key 'every'", "allowed: expect"]),
]


@pytest.mark.parametrize(("data", "words"), BAD, ids=[repr(data) for data, _ in BAD])
def test_bad_probes(data: Any, words: list[str]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are checked
        parse(data)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_an_http_probe() -> None:
    probe = parse(
        http(
            name="shop", every="200ms", timeout="2s", method="head", headers={"X-Number": 5},
            expect={"status": [200, 204], "latency": "< 500ms", "latency_p99": "< 1s", "success": ">= 99%"},
        )
    )  # fmt: skip
    assert isinstance(probe, HttpProbe)
    assert (probe.label, probe.every, probe.timeout, probe.method) == ("shop", 0.2, 2.0, "HEAD")
    assert probe.headers == (("X-Number", "5"),)
    assert probe.status == (200, 204)
    assert {k: b.high for k, b in probe.latency.items()} == {"p95": 0.5, "p99": 1.0}
    assert probe.success is not None
    assert probe.success.low == 0.99


def test_a_prometheus_probe() -> None:
    probe = parse({"prometheus": "rate(x[5m])", "expect": "<= 2x baseline", "query": "instant", "url": URL})
    assert isinstance(probe, PrometheusProbe)
    assert (probe.instant, probe.url, probe.expect.relative) == (True, URL, True)
    assert probe.label == "prometheus rate(x[5m])"
