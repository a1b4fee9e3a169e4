"""The server: a socket that is taken before anything happens, and a thread that answers on it.

FastAPI and uvicorn are loaded in that thread, and not before the engine has taken on what an earlier one
left in. Whoever asks sooner waits in the socket's queue.
"""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from chaos_engine.narration import Log
from chaos_engine.web.access import LISTEN, Access
from chaos_engine.written import ConfigError

if TYPE_CHECKING:
    from chaos_engine.web.facts import Facts

BACKLOG = 128
SEND_BUFFER = 64 * 1024  # bytes that the kernel keeps for a client which does not read
DEAD = 30_000  # milliseconds after which a client that takes nothing is given up
GOODBYE = 0.4  # seconds that streams have to end in; the process leaves in any case


def bound(access: Access) -> socket.socket:
    """A socket that listens. OSError: the address is taken, or none of ours. ConfigError: there is none."""
    try:
        found = socket.getaddrinfo(access.host, access.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigError(
            [f"environment {LISTEN}: {access.host!r} cannot be found: {error.strerror}"]
        ) from None
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _drop_the_dead(listener)
        listener.bind(address)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _drop_the_dead(listener: socket.socket) -> None:
    """Connections inherit it: a client that vanished, or reads nothing, does not stay."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD)


class Server:
    """One thread. `log`: where a defect of the server itself is told."""

    def __init__(self, facts: Facts, listener: socket.socket, log: Log) -> None:
        self._facts = facts
        self._listener = listener
        self._log = log
        self._may_begin = threading.Event()
        self._uvicorn: Any = None
        self._over = False
        self._thread = threading.Thread(target=self._run, name="api", daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """The engine lives. May be called again and again."""
        self._may_begin.set()

    def stop(self) -> None:
        """End the streams, then the server; waits for a moment only."""
        self._over = True
        self._facts.ring.end()
        self._may_begin.set()
        if self._uvicorn is not None:
            self._uvicorn.stop()
        self._thread.join(GOODBYE)
        self._facts.reading.close()
        self._facts.asking.close()
        with suppress(OSError):
            self._listener.close()

    def _run(self) -> None:
        self._may_begin.wait()
        if self._over:
            return
        try:
            self._serve()
        except Exception as error:  # noqa: BLE001 - the engine goes on without it
            self._log.error(f"The API has ended: {type(error).__name__}: {error}", kind="api")
            self._listener.close()  # nobody shall wait for an answer

    def _serve(self) -> None:
        from chaos_engine.web.app import application  # noqa: PLC0415 - see above
        from chaos_engine.web.serving import Uvicorn  # noqa: PLC0415

        _quiet(self._log)
        self._uvicorn = Uvicorn(application(self._facts))
        if not self._over:
            self._uvicorn.run([self._listener])


class _Told(logging.Handler):
    """What uvicorn calls an error goes to our own log, in one line."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.ERROR)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        cause = f": {record.exc_info[1]!r}" if record.exc_info and record.exc_info[1] else ""
        self._log.error(f"The API: {record.getMessage().splitlines()[0]}{cause}", kind="api")


def _quiet(log: Log) -> None:
    logger = logging.getLogger("uvicorn")
    logger.propagate = False
    logger.handlers = [_Told(log)]
