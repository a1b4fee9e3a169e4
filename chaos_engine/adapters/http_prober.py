"""Asks HTTP probes in the background, at a fixed rate, as a client of theirs would."""

from __future__ import annotations

import base64
import http.client
import queue
import re
import socket
import ssl
import string
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache, partial
from urllib.parse import quote, unquote, urlsplit

from chaos_engine.model import HttpProbe, Window
from chaos_engine.ports import HttpSample

MOST_IN_FLIGHT = 32  # a probe
KEPT_FOR = 1800.0  # seconds
MOST_KEPT = 20_000  # requests a probe
MOST_BODY = 64 * 1024  # bytes
IDLE = 5.0  # seconds after which a thread without work ends

_Key = tuple[object, ...]


class _Request:
    """One request; still open while `sample` is None."""

    __slots__ = ("at", "sample", "started")

    def __init__(self, sample: HttpSample | None = None) -> None:
        self.at, self.started, self.sample = time.time(), time.monotonic(), sample

    def finish(self, status: int | None, error: str = "", *, body_matches: bool = True) -> None:
        took = time.monotonic() - self.started
        self.sample = HttpSample(self.at, took, True, status, error, body_matches)  # noqa: FBT003

    def seen(self) -> HttpSample:
        """What is known of it now."""
        return self.sample or HttpSample(self.at, time.monotonic() - self.started, done=False)


class _Workers:
    """Daemon threads that grow with the requests on their way, and end when they idle.

    Not a ThreadPoolExecutor: that one waits for its threads at exit. Not a thread for each request either:
    to start one costs a third of the request.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._idle, self._lock = 0, threading.Lock()

    def run(self, job: Callable[[], None]) -> None:
        """Begin the job at once. RuntimeError: the system gives no more threads."""
        with self._lock:
            if self._idle:
                self._idle -= 1
            else:
                threading.Thread(target=self._work, name="probe", daemon=True).start()
        self._jobs.put(job)

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=IDLE)
            except queue.Empty:
                if self._may_end():
                    return
                continue
            job()
            with self._lock:
                self._idle += 1

    def _may_end(self) -> bool:
        """Not where a job is on its way for which an idle thread was counted off."""
        with self._lock:
            if not self._idle:
                return False
            self._idle -= 1
            return True


class _Track:
    """One probe's schedule and history. Open loop: a slow answer does not delay the next request."""

    def __init__(self, probe: HttpProbe, workers: _Workers) -> None:
        self.probe, self.due, self._workers = probe, time.monotonic(), workers
        self.requests: deque[_Request] = deque(maxlen=MOST_KEPT)
        self._slots = threading.Semaphore(MOST_IN_FLIGHT)

    def tick(self) -> None:
        """Send the request that is due. Ticks that a frozen process missed are not made up for."""
        self.due += self.probe.every
        if self.due <= time.monotonic():
            self.due = time.monotonic() + self.probe.every
        self._forget()
        if self._slots.acquire(blocking=False):
            self._send()
        else:
            self.requests.append(_Request(HttpSample(time.time(), 0.0, error="too many unanswered")))

    def _send(self) -> None:
        request = _Request()
        self.requests.append(request)
        try:
            self._workers.run(partial(self._run, request))
        except RuntimeError:
            self._slots.release()
            request.finish(None, "no thread to send it")

    def _run(self, request: _Request) -> None:
        try:
            _send(self.probe, request)
        except Exception as error:  # noqa: BLE001 - whatever it is, this request failed
            request.finish(None, _said(error, self.probe.timeout))
        finally:
            self._slots.release()

    def _forget(self) -> None:
        old = time.time() - KEPT_FOR
        while self.requests and self.requests[0].at < old:
            self.requests.popleft()


class HttpProber:
    """Background HTTP probes; see `ports.HttpSamples`."""

    def __init__(self) -> None:
        self._tracks: dict[_Key, _Track] = {}
        self._workers = _Workers()
        self._changed = threading.Condition()
        self._ticker: threading.Thread | None = None
        self._stopped = False

    def watch(self, probes: Sequence[HttpProbe]) -> None:
        """Ask these from now on, and no others. A probe that stays keeps its history."""
        with self._changed:
            kept = self._tracks
            self._tracks = {_key(p): kept.get(_key(p)) or _Track(p, self._workers) for p in probes}
            if self._tracks and self._ticker is None and not self._stopped:
                self._ticker = threading.Thread(target=self._tick, name="http-prober", daemon=True)
                self._ticker.start()
            self._changed.notify()

    def samples(self, probe: HttpProbe, window: Window) -> tuple[HttpSample, ...]:
        """Requests that were sent in the window, oldest first, unfinished ones among them."""
        with self._changed:
            track = self._tracks.get(_key(probe))
            requests = tuple(track.requests) if track else ()
        return tuple(r.seen() for r in requests if window.start <= r.at <= window.end)

    def stop(self) -> None:
        """Send no more requests. Those on their way end by their own timeout."""
        with self._changed:
            self._stopped, ticker = True, self._ticker
            self._changed.notify()
        if ticker is not None:
            ticker.join(timeout=1.0)

    def _tick(self) -> None:
        with self._changed:
            while not self._stopped:
                now = time.monotonic()
                for track in self._tracks.values():
                    if track.due <= now:
                        track.tick()
                soonest = min((track.due for track in self._tracks.values()), default=None)
                self._changed.wait(None if soonest is None else max(0.0, soonest - time.monotonic()))


def _key(probe: HttpProbe) -> _Key:
    """What makes a request: probes that differ in their expectations only share one history."""
    return (probe.url, probe.method, probe.headers, probe.every, probe.timeout, probe.body)


def _send(probe: HttpProbe, request: _Request) -> None:
    """One request on a connection of its own: no kept one hides that the target accepts no new ones.

    http.client, since requests takes about five times the CPU; a daemon does this all day.
    """
    connection = _connection(probe)
    try:
        connection.request(probe.method, _path(probe.url), headers=_headers(probe))
        answer = connection.getresponse()
        if probe.body is None:
            request.finish(answer.status)
        else:
            body = answer.read(MOST_BODY).decode("utf-8", "replace")
            request.finish(answer.status, body_matches=re.search(probe.body, body) is not None)
    finally:
        connection.close()


def _connection(probe: HttpProbe) -> http.client.HTTPConnection:
    url = urlsplit(probe.url)
    host = url.hostname or ""
    if url.scheme == "https":
        return http.client.HTTPSConnection(host, url.port, timeout=probe.timeout, context=_tls())
    return http.client.HTTPConnection(host, url.port, timeout=probe.timeout)


@cache
def _tls() -> ssl.SSLContext:
    """One for all: to load the certificates takes 20 ms."""
    return ssl.create_default_context()


def _path(url: str) -> str:
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return quote(path, safe=string.punctuation)


def _headers(probe: HttpProbe) -> dict[str, str]:
    headers = {"User-Agent": "chaos-engine", "Accept": "*/*", "Connection": "close"}
    url = urlsplit(probe.url)
    if url.username is not None:
        user = f"{unquote(url.username)}:{unquote(url.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
    return headers | dict(probe.headers)


def _said(error: Exception, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.gaierror):
        return "the host's name does not resolve"
    return f"{type(error).__name__}: {error}".rstrip(": ")
