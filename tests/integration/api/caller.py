"""Somebody who asks a daemon's API."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.integration.engine_process import PATIENCE, Place, Process, running

TOKEN = "sesame"
AT = re.compile(r"The API is at http://(\S+):(\d+)")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True, slots=True)
class Caller:
    """`token` empty: none is sent."""

    port: int
    token: str = TOKEN

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        text = None
        if body is not None:
            text = body if isinstance(body, str) else json.dumps(body)
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, text, {**sent, **headers})
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read().decode())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.ask("POST", path, body, **headers)

    def stream(self, last_event_id: str = "") -> socket.socket:
        """A connection on which the events come."""
        extra = f"Last-Event-ID: {last_event_id}\r\n" if last_event_id else ""
        stream = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        stream.sendall(f"GET /api/events HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n".encode())
        return stream


def heard(stream: socket.socket, words: str) -> str:
    """All that comes, up to these words; or to the end."""
    said, ends = b"", time.monotonic() + PATIENCE
    while words.encode() not in said and (more := stream.recv(65536)):
        said += more
        assert time.monotonic() < ends, f"{words!r} does not come: {said!r}"
    return said.decode()


@contextmanager
def answering(place: Place, *, token: str = TOKEN) -> Iterator[tuple[Process, Caller]]:
    """A daemon with its API at a port of its own."""
    place.environment |= {"CHAOS_API_LISTEN": "127.0.0.1:0"} | ({"CHAOS_API_TOKEN": token} if token else {})
    with running(place) as daemon:
        daemon.says("Next injection at")
        found = AT.search(daemon.said)
        assert found, daemon.said
        yield daemon, Caller(int(found[2]), token)
