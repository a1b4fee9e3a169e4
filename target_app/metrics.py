"""What the shop tells about its requests: Prometheus metrics and one JSON log line each."""

import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.routing import compile_path

from target_app.middleware import App, Message, Receive, Scope, Send

Route = tuple[str, str]
UNKNOWN: Final = "unknown"
# Up to the longest delay that the engine gives by itself, 30 s.
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Served:
    """One request that was answered, or failed; `seconds` from its arrival to the end of the answer."""

    method: str
    route: str
    path: str
    status: int
    seconds: float


Record = Callable[[Served], None]


class RequestMetrics:
    """Counts and times requests, by route template."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "http_requests_total",
            "HTTP requests by method, route and status.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "Time to answer, in seconds, a chaos delay included.",
            ("route",),
            buckets=BUCKETS,
            registry=self._registry,
        )
        for method, route in routes:
            self._start_at_zero(method, route)

    def record(self, served: Served) -> None:
        """Count one request."""
        self._requests.labels(served.method, served.route, str(served.status)).inc()
        self._seconds.labels(served.route).observe(served.seconds)

    def exposition(self) -> bytes:
        """The metrics as Prometheus scrapes them; of all workers together, when there are several."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)

    def _start_at_zero(self, method: str, route: str) -> None:
        # A counter that first appears at 1 hides its first increment from rate().
        for status in ("200", "201", "500", "503") if method == "POST" else ("200", "500", "503"):
            self._requests.labels(method, route, status)
        self._seconds.labels(route)


class ObserveRequests:
    """ASGI middleware that records every HTTP request; goes outside whatever may hurt it."""

    def __init__(self, app: App, routes: Sequence[Route], record: Sequence[Record]) -> None:
        self._app = app
        self._methods = frozenset(("HEAD", "OPTIONS", *(method for method, _ in routes)))
        self._templates = [(compile_path(route)[0], route) for route in dict.fromkeys(r for _, r in routes)]
        self._record = record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, started = 500, time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._tell(scope, status, time.perf_counter() - started)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        # Templates and known methods only: each label set costs memory, here and in Prometheus.
        method, path = scope["method"], scope["path"]
        method = method if method in self._methods else UNKNOWN
        served = Served(method, self._route(path), path, status, seconds)
        for record in self._record:
            record(served)

    def _route(self, path: str) -> str:
        return next((route for regex, route in self._templates if regex.match(path)), UNKNOWN)


def access_log() -> Record:
    """Log requests to stdout as JSON, one line each."""
    logger = structlog.wrap_logger(
        structlog.WriteLogger(sys.stdout),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )

    def record(served: Served) -> None:
        # A log that nobody reads any more must not fail requests.
        with suppress(OSError, ValueError):
            logger.info(
                "request",
                method=served.method,
                route=served.route,
                path=served.path,
                status=served.status,
                duration_ms=round(served.seconds * 1000, 2),
            )

    return record
