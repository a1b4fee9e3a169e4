"""Prometheus' HTTP API: https://prometheus.io/docs/prometheus/latest/querying/api/."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from chaos_engine.ports import AlertRule, PrometheusAnswer, PrometheusQuery, Series, SourceFailure

if TYPE_CHECKING:
    import requests  # noqa: TID251
    import urllib3

MOST_CONNECTIONS = 32
MOST_BYTES = 32 * 1024 * 1024  # of an answer
_CHUNK = 64 * 1024
_GATEWAY = (502, 503, 504)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_DURATION = re.compile(r"(\d+)(ms|[smhdwy])")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ScrapeTarget:
    """One scraped target. `interval` and `age` (of its last scrape) are in seconds; age inf: never."""

    job: str
    health: str  # "up", "down" or "unknown"
    interval: float
    age: float


class _Failed(Exception):  # noqa: N818 - carries an outcome
    """The server gave no usable answer."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.failure = SourceFailure(kind, message)


class PrometheusApi:
    """Any number of Prometheus servers; see `ports.Prometheus`. Threads may share it; nothing is retried."""

    def ask(self, query: PrometheusQuery, budget: float) -> PrometheusAnswer | SourceFailure:
        """The answer within `budget` seconds. Never raises."""
        form = {"query": query.expr, "timeout": f"{max(1, round(budget * 1000))}ms"}
        if query.step:
            times = {"start": query.start, "end": query.end, "step": query.step}
            path, form = "query_range", form | {name: f"{value:.3f}" for name, value in times.items()}
        else:
            path, form = "query", form | {"time": f"{query.end:.3f}"}
        return self._decoded(_answer, query.url, path, budget, form)

    def alert_rules(self, url: str, budget: float) -> tuple[AlertRule, ...] | SourceFailure:
        """The alerting rules of the server at `url`, within `budget` seconds. Never raises."""
        return self._decoded(_rules, url, "rules?type=alert", budget)

    def targets(self, url: str, budget: float = 5.0) -> tuple[ScrapeTarget, ...] | SourceFailure:
        """What the server scrapes. Never raises."""
        return self._decoded(_targets, url, "targets?state=active", budget)

    def buildinfo(self, url: str, budget: float = 5.0) -> Mapping[str, str] | SourceFailure:
        """The server's version and the like. Never raises."""
        return self._decoded(_buildinfo, url, "status/buildinfo", budget)

    def _decoded(
        self,
        decode: Callable[[Any], _T],
        url: str,
        path: str,
        budget: float,
        form: Mapping[str, str] | None = None,
    ) -> _T | SourceFailure:
        where = _without_secrets(url)
        try:
            raw, status = self._call(url, path, max(budget, 0.001), form)
            return decode(_body(status, raw, where))
        except _Failed as failed:
            return failed.failure
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            return SourceFailure("error", f"{where} does not answer as Prometheus does: {error!r}")

    def _call(self, url: str, path: str, budget: float, form: Mapping[str, str] | None) -> tuple[bytes, int]:
        """Body and status of the answer; `_Failed` where there is none."""
        import urllib3  # noqa: PLC0415
        from requests import exceptions  # noqa: PLC0415, TID251

        where, deadline = _without_secrets(url), time.monotonic() + budget
        address, method = f"{url.rstrip('/')}/api/v1/{path}", "GET" if form is None else "POST"
        late = _Failed("late", f"{where} has not answered within {budget:.3g} s")
        try:
            with self._session.request(method, address, data=form, timeout=budget, stream=True) as answer:
                return _read(answer.raw, deadline, late), answer.status_code
        except (exceptions.Timeout, urllib3.exceptions.TimeoutError):
            raise late from None
        except (exceptions.ConnectionError, urllib3.exceptions.HTTPError) as error:
            raise _Failed("unreachable", f"{where} cannot be reached: {_cause(error)}") from None
        except exceptions.RequestException as error:
            raise _Failed("error", f"{where}: {type(error).__name__}: {_cause(error)}") from None

    @cached_property
    def _session(self) -> requests.Session:
        import requests  # noqa: PLC0415, TID251 - 15 MB that a daemon without Prometheus does not need
        from requests.adapters import HTTPAdapter  # noqa: PLC0415, TID251

        session = requests.Session()
        session.trust_env = False  # a proxy for the outside world does not know the names of a stack
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True  # which trust_env covered, too
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=MOST_CONNECTIONS, max_retries=0)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        return session


def _read(answer: urllib3.HTTPResponse, deadline: float, late: _Failed) -> bytes:
    """The body, piece by piece. Timeouts count from the last byte; a server that trickles is late, too."""
    read = bytearray()
    while chunk := answer.read1(_CHUNK, decode_content=True):
        read += chunk
        if time.monotonic() > deadline:
            raise late
        if len(read) > MOST_BYTES:
            raise _Failed("error", f"the answer is longer than {MOST_BYTES} bytes: ask for fewer series")
    return bytes(read)


def _body(status: int, raw: bytes, where: str) -> Any:
    try:
        body = json.loads(raw)
    except ValueError:
        kind = "unreachable" if status in _GATEWAY else "error"
        raise _Failed(kind, f"HTTP {status} from {where}, which is not a Prometheus API") from None
    if isinstance(body, dict) and body.get("status") == "success":
        return body
    said = body if isinstance(body, dict) else {}
    kind = "late" if said.get("errorType") in ("timeout", "canceled") else "error"
    raise _Failed(
        kind, f"HTTP {status} from {where}: {said.get('errorType', 'error')}: {said.get('error', '')}"
    )


def _answer(body: Any) -> PrometheusAnswer:
    return PrometheusAnswer(_series(body["data"]), tuple(body.get("warnings") or ()))


def _series(data: Mapping[str, Any]) -> tuple[Series, ...]:
    kind, result = data["resultType"], data["result"]
    if kind == "scalar":
        return (Series("", (_point(result),)),)
    if kind not in ("vector", "matrix"):
        raise _Failed("error", f"the query gives a {kind}, which is no number")
    if any("histogram" in one or "histograms" in one for one in result):
        raise _Failed("error", "the query gives native histograms: use histogram_quantile() or the like")
    if kind == "vector":
        return tuple(Series(_labels(one["metric"]), (_point(one["value"]),)) for one in result)
    return tuple(Series(_labels(one["metric"]), tuple(map(_point, one["values"]))) for one in result)


def _point(pair: Any) -> tuple[float, float]:
    moment, value = pair
    return float(moment), float(value)  # "NaN" and "+Inf" are numbers to float, too


def _labels(metric: Mapping[str, str]) -> str:
    """`name{a="b"}` with sorted labels: the same series has the same text at every time."""
    labels = sorted(item for item in metric.items() if item[0] != "__name__")
    inner = ",".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in labels)
    name = metric.get("__name__", "")
    return f"{name}{{{inner}}}" if inner else name


def _rules(body: Any) -> tuple[AlertRule, ...]:
    return tuple(_rule(rule) for group in body["data"]["groups"] for rule in group["rules"])


def _rule(rule: Mapping[str, Any]) -> AlertRule:
    error = rule.get("lastError", "") if rule.get("health") == "err" else ""
    return AlertRule(rule["name"], _moment(rule.get("lastEvaluation", "")), error)


def _targets(body: Any) -> tuple[ScrapeTarget, ...]:
    return tuple(_target(target, time.time()) for target in body["data"]["activeTargets"])


def _target(target: Mapping[str, Any], now: float) -> ScrapeTarget:
    scraped = _moment(target.get("lastScrape", ""))
    age = now - scraped if scraped > 0 else float("inf")
    job = target["labels"].get("job", "")
    return ScrapeTarget(job, target["health"], _seconds(target["scrapeInterval"]), age)


def _buildinfo(body: Any) -> Mapping[str, str]:
    return {str(key): str(value) for key, value in body["data"].items()}


def _moment(text: str) -> float:
    """Unix time of an RFC 3339 text; 0 for Go's zero time, which stands for never."""
    moment = datetime.fromisoformat(text) if text else None
    return moment.timestamp() if moment and moment.year > 1 else 0.0


def _seconds(duration: str) -> float:
    return sum(int(count) * _UNITS[unit] for count, unit in _DURATION.findall(duration))


def _without_secrets(url: str) -> str:
    """The address without a user and password in it."""
    return re.sub(r"//[^/@]*@", "//", url)


def _cause(error: BaseException) -> str:
    """The innermost reason: the outer ones only repeat the address."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error)
