"""The real Engine, behind its socket: one connection a call."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

TIMEOUT = 60.0  # seconds; a stop takes as long as the container
HANDED_ON = ("Api-Version", "Ostype", "Docker-Experimental")
MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What it said."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)  # those that clients negotiate with

    @property
    def data(self) -> Any:
        """Its JSON."""
        return json.loads(self.body or b"null")


class UpstreamError(Exception):
    """The Engine does not answer; the message says why."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """By its Unix socket."""

    path: Path

    def ask(self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None) -> Answer:
        """One call. UpstreamError: no answer."""
        text = b"" if body is None else json.dumps(body).encode()
        headers = {"Host": "docker"} | ({"Content-Type": "application/json"} if text else {})
        connection = _UnixConnection(self.path)
        try:
            connection.request(method, _target(path, query or {}), text or None, headers)
            answer = connection.getresponse()
            told = answer.read(MOST_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise UpstreamError(
                f"{self.path}: {error.strerror or error}" if isinstance(error, OSError) else str(error)
            ) from error
        finally:
            connection.close()
        if len(told) > MOST_BYTES:
            raise UpstreamError(f"it said more than {MOST_BYTES} bytes")
        headers = {name: value for name in HANDED_ON if (value := answer.getheader(name))}
        return Answer(answer.status, answer.getheader("Content-Type", ""), told, headers)


def _target(path: str, query: Mapping[str, str]) -> str:
    return quote(path, safe="/:@") + (f"?{urlencode(query)}" if query else "")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("docker", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(str(self._path))
