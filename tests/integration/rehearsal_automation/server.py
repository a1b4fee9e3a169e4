"""moto's server in a thread, with ours hooked in, and a thread that ticks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from moto.server import ThreadedMotoServer

from chaos_engine.rehearsal.automation import install
from tests.integration.moto_registry import kept

TICK = 0.1


@contextmanager
def rehearsal_server() -> Iterator[str]:
    """The endpoint's URL."""
    with kept():
        yield from _serving()


def _serving() -> Iterator[str]:
    ticker, stop = install(time.time), threading.Event()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()

    def ticks() -> None:
        while not stop.wait(TICK):
            ticker.tick(time.time())

    thread = threading.Thread(target=ticks, daemon=True)
    thread.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        stop.set()
        thread.join()
        server.stop()
