"""The HTTP server: a request is read whole, within bounds, and never handed on as it came."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from chaos_engine.docker_proxy import calls
from chaos_engine.docker_proxy.gate import JSON, Gate
from chaos_engine.docker_proxy.refusal import ForbiddenError
from chaos_engine.docker_proxy.upstream import Answer, UpstreamError

MOST_BODY = 1024 * 1024  # bytes; a container's body has a few thousand
IDLE = 60.0  # seconds after which a silent connection is closed
MOST_AT_ONCE = 64
SINGLE = ("Content-Length", "Transfer-Encoding", "Host", "Upgrade", "Expect")

Tell = Callable[[str, str, str], None]  # rule, request, text


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "chaos-engine-docker-proxy", ""
    timeout = IDLE
    server: _Server

    def handle(self) -> None:
        with self.server.places:
            super().handle()

    def handle_expect_100(self) -> bool:
        """Nobody is asked for a body before the request is looked at."""
        return True

    def _serve(self) -> None:
        try:
            answer = self._answer()
        except ForbiddenError as error:
            self.close_connection = True  # a body that was not read must not be taken for a request
            self.server.tell(error.rule, f"{self.command} {self.path}", str(error))
            answer = _said(error.status, error.rule, str(error))
        except UpstreamError as error:
            answer = _said(502, "engine", f"the Docker Engine does not answer: {error}")
        except Exception as error:  # noqa: BLE001 - what cannot be judged is not let through
            self.close_connection = True
            self.server.tell("defect", f"{self.command} {self.path}", repr(error))
            answer = _said(500, "defect", type(error).__name__)
        self._send(answer)

    def _answer(self) -> Answer:
        self._check_headers()
        call = calls.read(self.command, self.path)
        return self.server.gate.answer(call, self._body(wanted=call.has_body))

    def _check_headers(self) -> None:
        if self.request_version not in ("HTTP/1.0", "HTTP/1.1"):
            raise ForbiddenError("http", f"version {self.request_version!r}")
        twice = [name for name in SINGLE if len(self.headers.get_all(name) or ()) > 1]
        if twice or self.headers.defects:
            raise ForbiddenError("http", f"headers stand twice or are torn: {', '.join(twice)}")
        if self.headers.get("Upgrade") or "upgrade" in self.headers.get("Connection", "").lower():
            raise ForbiddenError("upgrade", "connections are not handed over")
        if self.headers.get("Transfer-Encoding"):
            raise ForbiddenError("http", "a body has a Content-Length here")

    def _body(self, *, wanted: bool) -> Any:
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            raise ForbiddenError("http", f"Content-Length {length!r}")
        if int(length) > MOST_BODY:
            raise ForbiddenError("body", f"{length} bytes; allowed: {MOST_BODY}", 413)
        if self.headers.get("Expect", "").lower() == "100-continue" and int(length):
            self.send_response_only(100)
            self.end_headers()
        text = self.rfile.read(int(length))
        if len(text) != int(length):
            raise ForbiddenError("http", "the body ends early")
        if not wanted:
            return None  # whatever it says, the Engine is not told
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ForbiddenError("body", "it is no JSON") from None

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type or JSON)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and answer.status not in (204, 304):
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = do_DELETE = do_PUT = do_PATCH = do_OPTIONS = do_CONNECT = _serve  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is no HTTP gets the same form of an answer."""
        del explain
        self.command, self.close_connection = self.command or "", True
        self.server.tell("http", getattr(self, "requestline", ""), message or "")
        self._send(_said(code, "http", message or "it is no HTTP"))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Only refusals are told."""

    def address_string(self) -> str:
        """A Unix socket has no address."""
        return "client"


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, address: Any, gate: Gate, tell: Tell) -> None:
        self.gate, self.tell = gate, tell
        self.places = threading.BoundedSemaphore(MOST_AT_ONCE)
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away in the middle is its own affair."""


class _UnixServer(_Server):
    address_family = socket.AF_UNIX


@dataclass(frozen=True, slots=True)
class Listening:
    """Where it listens: a path, or a host and a port (0: a free one)."""

    path: Path | None = None
    host: str = ""
    port: int = 0


def server(where: Listening, gate: Gate, tell: Tell) -> _Server:
    """It listens; `serve_forever` serves. OSError: it cannot listen there."""
    if where.path is None:
        return _Server((where.host, where.port), gate, tell)
    if where.path.is_socket():
        where.path.unlink()
    made = _UnixServer(str(where.path), gate, tell)
    where.path.chmod(0o660)
    return made


def _said(status: int, rule: str, text: str) -> Answer:
    return Answer(
        status, JSON, json.dumps({"message": f"docker-proxy: {rule}: {text}", "rule": rule}).encode()
    )
