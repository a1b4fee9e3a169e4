"""Where notices go: an HTTP server that answers, fails or hangs, and syslog servers of each kind."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Request:
    """What came in, and when."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver(ThreadingHTTPServer):
    """Answers with `statuses` one after another, the last for ever; while it `hangs`, not at all."""

    daemon_threads = True

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses = list(statuses or (200,))
        self.requests: list[Request] = []
        self.hangs = False
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is none of ours."""


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = dict(self.headers.items())
        self.server.requests.append(Request(time.time(), self.command, self.path, headers, body))
        if self.server.hangs:
            self.server.over.wait(60)
            return
        statuses = self.server.statuses
        self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self._take()

    def do_PUT(self) -> None:
        self._take()

    def do_GET(self) -> None:
        self._take()

    def log_message(self, *arguments: Any) -> None:
        """Quiet."""


@contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    receiver = Receiver(*statuses)
    thread = threading.Thread(target=receiver.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.over.set()
        receiver.shutdown()
        receiver.server_close()
        thread.join()


class Lines:
    """A syslog server: `address` as users write it, `lines` as they come (a stream's split at line feeds)."""

    def __init__(self, form: str, folder: Path) -> None:
        self.lines: list[str] = []
        family = socket.AF_UNIX if form.startswith("unix") else socket.AF_INET
        self._stream = form in ("tcp", "unix-stream")
        self._socket = socket.socket(family, socket.SOCK_STREAM if self._stream else socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "log") if family is socket.AF_UNIX else ("127.0.0.1", 0))
        where = self._socket.getsockname()
        self.address = f"unix://{where}" if isinstance(where, str) else f"{form}://{where[0]}:{where[1]}"
        if self._stream:
            self._socket.listen()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while True:
            try:
                text = self._accepted() if self._stream else self._socket.recv(65536)
            except OSError:
                return
            lines = text.decode().split("\n")
            self.lines += [line for line in lines if line] if self._stream else [text.decode()]

    def _accepted(self) -> bytes:
        connection, _ = self._socket.accept()
        with closing(connection):
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR) if self._stream else None
        self._socket.close()


@contextmanager
def listening(form: str, folder: Path) -> Iterator[Lines]:
    """`udp`, `tcp`, `unix` (datagrams) or `unix-stream`."""
    lines = Lines(form, folder)
    try:
        yield lines
    finally:
        lines.close()
