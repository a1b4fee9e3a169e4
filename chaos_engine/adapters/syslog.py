"""Lines to a syslog server in the form of RFC 5424."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from logging.handlers import SysLogHandler

from chaos_engine.adapters.courier import NotDeliveredError

APP = "chaos-engine"
DATA_ID = "chaos@32473"  # the number that RFC 5612 sets aside for those who have none of their own
MOST = 8000  # bytes; a datagram of more is not sure to arrive
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


@dataclass(frozen=True, slots=True)
class Line:
    """`kind` is the message's id, `data` its structured data; `at` is wall time."""

    at: float
    level: str  # info, warning, error
    kind: str
    text: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Syslog:
    """A server. `form`: udp, tcp or unix. A connection for each line: none is found dead when it matters.

    Over UDP nobody learns whether a line arrives.
    """

    form: str
    address: str | tuple[str, int]
    facility: str
    timeout: float

    def send(self, line: Line) -> None:
        """NotDeliveredError: nobody took it."""
        try:
            with closing(_Handler(self)) as handler:
                handler.emit(_record(line))
        except OSError as error:
            raise NotDeliveredError(f"{self.place}: {error.strerror or error}") from None

    def connect(self) -> socket.socket:
        """A socket that leads there. OSError: there is none."""
        if isinstance(self.address, str):
            return _connected_unix(self.address, self.timeout)
        if self.form == "tcp":
            return socket.create_connection(self.address, self.timeout)
        family, kind, protocol, _, address = socket.getaddrinfo(*self.address, type=socket.SOCK_DGRAM)[0]
        sock = socket.socket(family, kind, protocol)
        sock.connect(address)
        return sock

    @property
    def place(self) -> str:
        """Where it is."""
        where = self.address if isinstance(self.address, str) else "{}:{}".format(*self.address)
        return f"syslog at {self.form}://{where}"


class _Handler(SysLogHandler):
    """The standard library's, with a time limit, the newer form, and errors that are heard of."""

    append_nul = False

    def __init__(self, server: Syslog) -> None:
        self._server = server
        super().__init__(facility=server.facility)

    def createSocket(self) -> None:  # noqa: N802 - its name there
        self.unixsocket, self.socktype = False, socket.SOCK_STREAM  # connected: `sendall` does for all
        self.socket = self._server.connect()

    def format(self, record: logging.LogRecord) -> str:
        """Several lines in a stream end with a line feed each (RFC 6587)."""
        stream = self.socket.type == socket.SOCK_STREAM
        text = super().format(record).encode()[:MOST].decode(errors="ignore")
        return text + "\n" * stream

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name there
        del record
        raise  # noqa: PLE0704 - it is called while the error is being handled


def _connected_unix(path: str, timeout: float) -> socket.socket:
    """Datagrams where the server takes them, as most do, else a stream."""
    kinds = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
    for kind in kinds:
        sock = socket.socket(socket.AF_UNIX, kind)
        sock.settimeout(timeout)
        try:
            sock.connect(path)
        except OSError:
            sock.close()
            if kind is kinds[-1]:
                raise
        else:
            return sock
    raise AssertionError


def _record(line: Line) -> logging.LogRecord:
    return logging.LogRecord(APP, _LEVELS.get(line.level, logging.ERROR), "", 0, _told(line), None, None)


def _told(line: Line) -> str:
    """All behind the priority, which the handler puts before it."""
    at = datetime.fromtimestamp(line.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    data = "".join(f' {name}="{_escaped(value)}"' for name, value in line.data.items() if value is not None)
    text = " ".join(line.text.split())  # a line is a line
    host = socket.gethostname() or "-"
    return f"1 {at} {host} {APP} {os.getpid()} {line.kind or '-'} [{DATA_ID}{data}] {text}"


def _escaped(value: object) -> str:
    text = " ".join(str(value).split())
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
