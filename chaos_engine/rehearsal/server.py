"""The endpoint: moto's server with our services in it, and one thread that lets time pass in them."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server

from chaos_engine.rehearsal import automation, cloudwatch, fis, functions
from chaos_engine.rehearsal.scraper import Scraper

PERIOD = 0.2  # seconds between two steps of everything that takes time
LOG = logging.getLogger("chaos_engine.rehearsal")


class Ticker(Protocol):
    """A service in which something happens by itself."""

    def tick(self, now: float) -> None:
        """Do what is due at `now`, in epoch seconds."""


class Rehearsal:
    """Listens from the moment that it is made. OSError: the port is taken, or the host is not ours."""

    def __init__(self, host: str, port: int, clock: Callable[[], float] = time.time) -> None:
        self._socket = _listening(host, port)
        self.port = int(self._socket.getsockname()[1])
        os.environ["MOTO_PORT"] = str(self.port)  # some of moto's answers carry it
        os.environ.setdefault("MOTO_ALLOW_NONEXISTENT_REGION", "true")
        self._clock = clock
        self._tickers: Sequence[Ticker] = [
            part.install(clock) for part in (cloudwatch, automation, fis, functions)
        ]
        self._server = _server(self._socket, host, self.port)

    def serve(self) -> None:
        """Until the process ends: all state is in memory, and there is nothing to put away."""
        threading.Thread(target=self._let_time_pass, name="rehearsal", daemon=True).start()
        self._server.serve_forever(poll_interval=0.1)

    def scrape(self, scraper: Scraper) -> None:
        """From now on, beside everything else."""
        threading.Thread(target=scraper.run, name="scraper", daemon=True).start()

    def _let_time_pass(self) -> None:
        while True:
            time.sleep(PERIOD)
            for ticker in self._tickers:
                _tick(ticker, self._clock())


def _tick(ticker: Ticker, now: float) -> None:
    try:
        ticker.tick(now)
    except Exception:  # one service's fault must not stop the time in the others
        LOG.exception("%s: this step failed; the next one comes", type(ticker).__name__)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(128)
    except OSError:
        made.close()
        raise
    return made


def _server(listening: socket.socket, host: str, port: int) -> BaseWSGIServer:
    # With a socket of its own werkzeug would print, and exit the process, where a port is taken.
    return make_server(
        host,
        port,
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
        request_handler=_Quiet,
        fd=listening.fileno(),
    )


class _Quiet(MotoRequestHandler):
    """moto's request handler without a line for each request."""

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Nothing."""
