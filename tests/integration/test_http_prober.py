"""The background HTTP probes against real servers on loopback."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chaos_engine.adapters import http_prober
from chaos_engine.adapters.http_prober import HttpProber
from chaos_engine.model import HttpProbe, Window
from chaos_engine.ports import HttpSample
from tests.integration.prometheus_server import free_port

EVER = Window(0, 1e12)


class Shop:
    """A server whose answers a test sets: status, body, delay in seconds."""

    def __init__(self) -> None:
        self.status, self.body, self.delay = 200, b"ok", 0.0
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.connections = 0
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                shop.headers.append(dict(self.headers))
                shop.paths.append(f"{self.command} {self.path}")
                time.sleep(shop.delay)
                self.send_response(shop.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(shop.body)))
                self.end_headers()
                self.wfile.write(shop.body)

            do_POST = do_GET  # noqa: N815 - the base class calls it so

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
                shop.connections += 1
                return super().get_request()

            def handle_error(self, *_: object) -> None:
                pass  # a client that has had enough

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture(autouse=True)
def _threads_end_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_prober, "IDLE", 0.2)


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.server.shutdown()
    shop.server.server_close()


@contextmanager
def probing(*probes: HttpProbe) -> Iterator[HttpProber]:
    prober = HttpProber()
    prober.watch(probes)
    try:
        yield prober
    finally:
        prober.stop()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def finished(prober: HttpProber, probe: HttpProbe, least: int = 3) -> list[HttpSample]:
    """The finished requests, once there are enough of them."""

    def done() -> list[HttpSample]:
        return [s for s in prober.samples(probe, EVER) if s.done]

    until(lambda: len(done()) >= least)
    return done()


def test_what_a_client_sees(shop: Shop) -> None:
    probe = HttpProbe(shop.url, every=0.05)
    began = time.time()
    with probing(probe) as prober:
        samples = finished(prober, probe, 5)
    assert all(s.status == 200 and not s.error and s.body_matches and 0 < s.took < 10 for s in samples)
    assert all(began - 0.1 <= s.at <= time.time() for s in samples)
    assert [s.at for s in samples] == sorted(s.at for s in samples)
    assert shop.connections >= len(samples)  # a fresh one each
    assert shop.headers[0]["User-Agent"] == "chaos-engine"


def test_the_window_selects(shop: Shop) -> None:
    probe = HttpProbe(shop.url, every=0.05)
    with probing(probe) as prober:
        samples = finished(prober, probe, 6)
        assert prober.samples(probe, Window(samples[1].at, samples[3].at)) == tuple(samples[1:4])
        assert prober.samples(probe, Window(0, 1)) == ()
        assert prober.samples(replace(probe, url=shop.url + "other"), EVER) == ()


def test_an_error_status_and_a_redirect_are_taken_as_they_are(shop: Shop) -> None:
    shop.status = 302
    probe = HttpProbe(shop.url + "a?b=c d", every=0.05)
    with probing(probe) as prober:
        assert finished(prober, probe)[0].status == 302
        shop.status = 503
        until(lambda: any(s.status == 503 for s in prober.samples(probe, EVER)))
    assert set(shop.paths) == {"GET /a?b=c%20d"}


def test_method_headers_and_password(shop: Shop) -> None:
    url = shop.url.replace("//", "//me:s%40fe@")
    probe = HttpProbe(url, method="POST", headers=(("X-Chaos", "yes"), ("Accept", "text/plain")), every=0.05)
    with probing(probe) as prober:
        finished(prober, probe)
    sent = shop.headers[0]
    assert shop.paths[0] == "POST /"
    assert (sent["X-Chaos"], sent["Accept"]) == ("yes", "text/plain")
    assert sent["Authorization"] == "Basic " + base64.b64encode(b"me:s@fe").decode()


@pytest.mark.parametrize(
    ("body", "matches"), [(b"all is well", True), (b"all is lost", False), (b"x" * 70_000 + b"well", False)]
)
def test_the_body_is_read_where_it_matters(shop: Shop, body: bytes, matches: bool) -> None:
    shop.body = body
    probe = HttpProbe(shop.url, every=0.05, body="we[l]+")
    with probing(probe) as prober:
        assert finished(prober, probe)[0].body_matches is matches


def test_a_refused_connection() -> None:
    probe = HttpProbe(f"http://127.0.0.1:{free_port()}/", every=0.05)
    with probing(probe) as prober:
        sample = finished(prober, probe)[0]
    assert (sample.status, sample.error) == (None, "connection refused")


def test_a_name_that_does_not_resolve_and_an_odd_address() -> None:
    unknown = HttpProbe("http://shop.invalid/", every=0.2)
    odd = HttpProbe("http://127.0.0.1:port/", every=0.2)
    with probing(unknown, odd) as prober:
        assert "resolve" in finished(prober, unknown, 1)[0].error
        assert "ValueError" in finished(prober, odd, 1)[0].error


def test_no_answer_within_the_timeout(shop: Shop) -> None:
    shop.delay = 5.0
    probe = HttpProbe(shop.url, every=0.1, timeout=0.3)
    with probing(probe) as prober:
        sample = finished(prober, probe, 1)[0]
    assert sample.status is None
    assert sample.error == "no answer within 0.3 s"
    assert sample.took >= 0.3


def test_a_slow_answer_does_not_delay_the_next_request(shop: Shop) -> None:
    """Open loop: otherwise a target that hangs is asked less often, and looks better."""
    shop.delay = 3.0
    probe = HttpProbe(shop.url, every=0.05)
    with probing(probe) as prober:
        until(lambda: len(prober.samples(probe, EVER)) >= 8)
        open_ones = [s for s in prober.samples(probe, EVER) if not s.done]
        assert len(open_ones) >= 8
        assert open_ones[0].took > open_ones[-1].took  # the time so far
        again = prober.samples(probe, EVER)[0]
        assert again.took > open_ones[0].took


def test_too_many_unanswered_are_failures(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_prober, "MOST_IN_FLIGHT", 3)
    shop.delay = 2.0
    probe = HttpProbe(shop.url, every=0.02)
    with probing(probe) as prober:
        until(lambda: any(s.error == "too many unanswered" for s in prober.samples(probe, EVER)))
        samples = prober.samples(probe, EVER)
        assert [s.done for s in samples[:4]] == [False, False, False, True]
        shop.delay = 0.0
        until(lambda: prober.samples(probe, EVER)[-1].status == 200)  # the slots come back


def test_watch_keeps_the_history_of_those_that_stay(shop: Shop) -> None:
    stays, goes = HttpProbe(shop.url + "stays", every=0.05), HttpProbe(shop.url + "goes", every=0.05)
    with probing(stays, goes) as prober:
        first = finished(prober, stays)[0]
        prober.watch([stays, HttpProbe(shop.url + "new", every=0.05)])
        assert prober.samples(stays, EVER)[0] == first
        assert prober.samples(goes, EVER) == ()
        until(lambda: "GET /new" in shop.paths)
        time.sleep(0.2)
        asked = shop.paths.count("GET /goes")
        time.sleep(0.2)
        assert shop.paths.count("GET /goes") == asked


def test_probes_that_differ_in_expectations_share_one_history(shop: Shop) -> None:
    probe = HttpProbe(shop.url, every=0.05)
    with probing(probe, replace(probe, name="again", status=(204,))) as prober:
        finished(prober, probe)
        assert prober.samples(replace(probe, name="third"), EVER)


def test_old_and_too_many_samples_are_forgotten(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_prober, "KEPT_FOR", 0.5)
    probe = HttpProbe(shop.url, every=0.02)
    with probing(probe) as prober:
        first = finished(prober, probe, 1)[0]
        until(lambda: first not in prober.samples(probe, EVER))
    monkeypatch.setattr(http_prober, "KEPT_FOR", 1800.0)
    monkeypatch.setattr(http_prober, "MOST_KEPT", 5)
    with probing(probe) as prober:
        first = finished(prober, probe, 1)[0]
        until(lambda: first not in prober.samples(probe, EVER))
        assert len(prober.samples(probe, EVER)) <= 5


def test_threads_end(shop: Shop) -> None:
    probe = HttpProbe(shop.url, every=0.02)
    with probing(probe) as prober:
        finished(prober, probe, 20)
        assert [t.name for t in threading.enumerate()].count("http-prober") == 1
        assert all(t.daemon for t in threading.enumerate() if t.name in ("http-prober", "probe"))
    until(lambda: not any(t.name in ("http-prober", "probe") for t in threading.enumerate()))


def test_nobody_waits_for_it_at_the_end(shop: Shop) -> None:
    shop.delay = 30.0
    program = f"""
import time
from chaos_engine.adapters.http_prober import HttpProber
from chaos_engine.model import HttpProbe
HttpProber().watch([HttpProbe({shop.url!r}, every=0.05, timeout=600.0)])
time.sleep(0.5)
"""
    subprocess.run([sys.executable, "-c", program], timeout=20, check=True)
    assert shop.connections > 0
