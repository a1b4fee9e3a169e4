"""Servers that are no Prometheus, or none that works; no Docker is needed to meet them."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chaos_engine.adapters.prometheus import PrometheusApi
from chaos_engine.ports import PrometheusAnswer, PrometheusQuery, SourceFailure
from tests.integration.prometheus_server import free_port


def ask(url: str, budget: float = 5.0, step: float = 0.0) -> PrometheusAnswer | SourceFailure:
    return PrometheusApi().ask(PrometheusQuery(url, "up", 100.0, 110.0, step), budget)


def failure(url: str, budget: float = 5.0) -> SourceFailure:
    answer = ask(url, budget)
    assert isinstance(answer, SourceFailure)
    return answer


@contextmanager
def serving(status: int, body: bytes, pause: float = 0.0) -> Iterator[tuple[str, list[str]]]:
    """A server with one answer, sent a byte at a time where there is a pause; and the forms it was sent."""
    forms: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            forms.append(f"{self.path}?{self.rfile.read(length).decode()}")
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for piece in [body[i : i + 1] for i in range(len(body))] if pause else [body]:
                time.sleep(pause)
                self.wfile.write(piece)

        do_GET = do_POST  # noqa: N815 - the base class calls it so

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            pass  # a client that has had enough

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", forms
    finally:
        server.shutdown()
        server.server_close()


def success(kind: str, result: object, **more: object) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}, **more}).encode()


@pytest.mark.parametrize("host", ["127.0.0.1", "prometheus.invalid"])
def test_unreachable(host: str) -> None:
    found = failure(f"http://{host}:{free_port()}")
    assert found.kind == "unreachable"
    assert host in found.message


def test_a_server_that_accepts_and_never_answers_is_late() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        found = failure(f"http://127.0.0.1:{sock.getsockname()[1]}", 0.3)
    assert found.kind == "late"
    assert "0.3 s" in found.message


def test_a_server_that_trickles_is_late() -> None:
    with serving(200, success("vector", []), pause=0.15) as (url, _):
        assert failure(url, 0.5).kind == "late"


def _hang_up(sock: socket.socket) -> None:
    sock.accept()[0].close()


def test_a_server_that_hangs_up_is_unreachable() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        threading.Thread(target=_hang_up, args=(sock,), daemon=True).start()
        assert failure(f"http://127.0.0.1:{sock.getsockname()[1]}").kind == "unreachable"


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (200, b"<html>login</html>", "error", "not a Prometheus API"),
        (404, b"404 page not found", "error", "HTTP 404"),
        (503, b"upstream is down", "unreachable", "HTTP 503"),
        (400, b'{"status":"error","errorType":"bad_data","error":"oh no"}', "error", "bad_data: oh no"),
        (422, b'{"status":"error","errorType":"execution","error":"many-to-many"}', "error", "many-to-many"),
        (503, b'{"status":"error","errorType":"timeout","error":"query timed out"}', "late", "timed out"),
        (200, b'{"status":"error"}', "error", "HTTP 200"),
        (200, b'{"status":"success"}', "error", "does not answer as Prometheus does"),
        (200, b"[]", "error", "HTTP 200"),
        (200, success("string", [1, "text"]), "error", "a string"),
        (200, success("vector", [{"metric": {}, "value": [1]}]), "error", "does not answer as"),
        (200, success("vector", [{"metric": {}, "value": [1, "one"]}]), "error", "one"),
        (200, success("vector", [{"metric": {}, "histogram": [1, {}]}]), "error", "histogram"),
    ],
)  # fmt: skip
def test_answers_that_are_none(status: int, body: bytes, kind: str, said: str) -> None:
    with serving(status, body) as (url, _):
        found = failure(url)
    assert found.kind == kind
    assert said in found.message


def test_an_answer_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos_engine.adapters.prometheus.MOST_BYTES", 100)
    with serving(200, success("vector", ["x" * 200])) as (url, _):
        assert "longer" in failure(url).message


def test_a_password_is_not_shown() -> None:
    assert "secret" not in failure(f"http://me:secret@127.0.0.1:{free_port()}").message


def test_values_labels_and_warnings() -> None:
    metric = {"job": "a", "__name__": "up", "b": 'q"'}
    result = [{"metric": metric, "value": [110, "+Inf"]}, {"metric": {}, "value": [110.5, "2"]}]
    with serving(200, success("vector", result, warnings=["half"])) as (url, forms):
        answer = ask(url)
    assert isinstance(answer, PrometheusAnswer)
    assert [s.labels for s in answer.series] == ['up{b="q\\"",job="a"}', ""]
    assert [s.points for s in answer.series] == [((110.0, float("inf")),), ((110.5, 2.0),)]
    assert answer.warnings == ("half",)
    assert forms == ["/api/v1/query?query=up&timeout=5000ms&time=110.000"]


def test_a_range_is_asked_as_one() -> None:
    with serving(200, success("matrix", [{"metric": {}, "values": [[100, "NaN"], [105, "1"]]}])) as (
        url,
        forms,
    ):
        answer = ask(url + "/", step=2.5)
    assert isinstance(answer, PrometheusAnswer)
    assert [t for t, _ in answer.series[0].points] == [100.0, 105.0]
    assert forms == ["/api/v1/query_range?query=up&timeout=5000ms&start=100.000&end=110.000&step=2.500"]


def test_rules_and_their_times() -> None:
    rules = [
        {"name": "A", "lastEvaluation": "2023-11-14T22:13:20.123456789Z", "health": "ok"},
        {"name": "B", "lastEvaluation": "0001-01-01T00:00:00Z", "health": "err", "lastError": "bad"},
    ]
    body = json.dumps({"status": "success", "data": {"groups": [{"rules": rules}]}}).encode()
    with serving(200, body) as (url, _):
        found = PrometheusApi().alert_rules(url, 5.0)
    assert not isinstance(found, SourceFailure)
    assert [(rule.alert, round(rule.evaluated_at, 3), rule.error) for rule in found] == [
        ("A", 1700000000.123, ""), ("B", 0.0, "bad"),
    ]  # fmt: skip


def test_side_questions_fail_alike() -> None:
    with serving(200, b'{"status":"success","data":{}}') as (url, _):
        api = PrometheusApi()
        found = [api.alert_rules(url, 5.0), api.targets(url)]
    assert [f.kind for f in found if isinstance(f, SourceFailure)] == ["error", "error"]
