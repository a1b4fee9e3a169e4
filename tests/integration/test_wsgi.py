"""The WSGI middleware in real server processes: what a client sees of each mode, and when it is over."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from chaos_engine.adapters.state_file import StateFiles
from target_app.wsgi_middleware import FailureStateMiddleware
from tests.integration.engine_process import ROOT, until

Start = Callable[[int], "Server"]


@dataclass
class Server:
    process: subprocess.Popen[str]
    port: int
    state_file: Path

    def get(self, path: str = "/", timeout: float = 20.0) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def hurt(self, mode: str, **fields: Any) -> None:
        state = {"mode": mode, "timestamp": time.time(), "schema": 1, **fields}
        StateFiles().write(self.state_file, state)
        time.sleep(0.02)  # readers look every 5 ms


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    servers: list[Server] = []

    def started(workers: int) -> Server:
        file = tmp_path / "state.json"
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.wsgi_app", str(workers)], cwd=ROOT, text=True,
            stdout=subprocess.PIPE, env={**os.environ, "FAILURE_STATE_FILE": str(file)},
            start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None
        servers.append(Server(process, int(process.stdout.readline()), file))
        assert until(lambda: servers[-1].get()[0] == 200)
        return servers[-1]

    yield started
    for server in servers:
        with suppress(ProcessLookupError):
            os.killpg(server.process.pid, 9)
        server.process.wait()
        assert server.process.stdout is not None
        server.process.stdout.close()


def test_slow_is_slow_and_ends_when_it_is_cleared(start: Start) -> None:
    server = start(0)
    server.hurt("slow", delay=0.7)
    began = time.monotonic()
    assert server.get()[0] == 200
    assert 0.7 <= time.monotonic() - began < 10
    began = time.monotonic()
    assert server.get("/health")[0] == 200  # exempt
    assert time.monotonic() - began < 0.6
    server.hurt("slow", delay=600)
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(server.get()[0]))
    waiting.start()
    time.sleep(0.3)
    assert not answers
    server.hurt("healthy")
    waiting.join(15)
    assert answers == [200]


def test_config_error_is_a_500_that_says_why(start: Start) -> None:
    server = start(0)
    server.hurt("config_error", heals_on="never")
    status, body = server.get()
    assert (status, json.loads(body)["error"]) == (500, "configuration error")
    assert server.get("/metrics/")[0] == 200
    server.hurt("healthy")
    assert server.get()[0] == 200


def test_config_error_is_healed_by_its_variable(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://right")
    server = start(0)
    server.hurt("config_error", heals_on="env:DATABASE_URL", expect="postgres://other")
    assert server.get()[0] == 500
    server.hurt("config_error", heals_on="env:DATABASE_URL", expect="postgres://right")
    assert server.get()[0] == 200


@pytest.mark.parametrize("workers", [0, 2])
def test_a_crash_ends_the_main_process_once(start: Start, workers: int) -> None:
    server = start(workers)
    server.hurt("crash")
    with pytest.raises((http.client.HTTPException, OSError)):
        server.get()
    assert server.process.wait(15) == (3 if workers == 0 else -9)
    with pytest.raises(ConnectionError):  # its workers are gone too
        until(lambda: server.get(timeout=1.0) is None, 5)
    assert start(workers).get()[0] == 200  # started again, it is well: heals_on is restart


def test_an_expired_state_hurts_nobody(start: Start) -> None:
    server = start(0)
    server.hurt("config_error", expires_at=time.time() + 0.5)
    assert server.get()[0] == 500
    assert until(lambda: server.get()[0] == 200, 10)


def _started(told: list[str], status: str, headers: object, error: object = None) -> Callable[[bytes], None]:
    told.append(status)
    return lambda _: None


def test_it_keeps_to_the_protocol(tmp_path: Path) -> None:
    """wsgiref's own validator, around it and within it."""
    file, crashes = tmp_path / "state.json", []

    def inner(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"well"]

    app = validator(
        FailureStateMiddleware(validator(inner), file, ("/admin/health",), crash=lambda: crashes.append(1))
    )
    for mode, path, expected in (
        ("healthy", "/", "200"), ("config_error", "/", "500"), ("crash", "/", "500"),
        ("config_error", "/health", "200"), ("unheard-of", "/", "200"), ("slow", "/", "200"),
    ):  # fmt: skip
        state = {"mode": mode, "timestamp": time.time(), "delay": 0.01, "heals_on": "never"}
        StateFiles().write(file, state)
        time.sleep(0.02)
        environ: dict[str, Any] = {"SCRIPT_NAME": "/admin", "PATH_INFO": path, "QUERY_STRING": ""}
        setup_testing_defaults(environ)
        told: list[str] = []
        body = app(environ, partial(_started, told))
        assert list(body)
        body.close()  # type: ignore[attr-defined]
        assert told[0].startswith(expected), (mode, path)
    assert crashes == [1]
