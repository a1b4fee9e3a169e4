"""Uvicorn as it is used here: few connections, none that only waits, and an end at once."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from uvicorn import Config
from uvicorn import Server as UvicornServer
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 320  # so that none of the descriptors is missing that clearing a fault needs
FIRST_WORDS = 10.0  # seconds in which a connection must have asked something
IDLE = 1.0  # seconds between uvicorn's looks at the clock


class Connection(H11Protocol):
    """One that asks nothing is closed, as is one too many."""

    _taken = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it, if there is room."""
        if len(self.connections) >= MOST_CONNECTIONS:
            transport.abort()
            return
        self._taken = True
        super().connection_made(transport)
        self.loop.call_later(FIRST_WORDS, self._close_if_silent)

    def data_received(self, data: bytes) -> None:
        """What a connection that was not taken says is not heard."""
        if self._taken:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """It may be one that was never taken."""
        if self._taken:
            super().connection_lost(exc)

    def _close_if_silent(self) -> None:
        asked: object | None = self.cycle  # which uvicorn says is always there
        if asked is None and not self.transport.is_closing():
            self.transport.close()


class Uvicorn(UvicornServer):
    """In a thread; `stop` may be called from another one."""

    def __init__(self, app: Any) -> None:
        super().__init__(
            Config(
                app, http=Connection, ws="none", loop="asyncio", lifespan="off", log_config=None,
                access_log=False, server_header=False, proxy_headers=False, timeout_keep_alive=5,
                timeout_graceful_shutdown=1, h11_max_incomplete_event_size=16 * 1024,
            )
        )  # fmt: skip
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Until `stop`."""
        asyncio.run(self.serve(sockets))

    async def main_loop(self) -> None:
        """Ten looks a second, as uvicorn does it, would keep an idle daemon awake."""
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 10) % 864000  # of ten ticks a second: what is due each second is done
            try:
                await asyncio.wait_for(self._stopped.wait(), IDLE)
            except TimeoutError:
                continue

    def stop(self) -> None:
        """End, from any thread."""
        self.should_exit = True
        if self._loop is not None and self._stopped is not None:
            self._loop.call_soon_threadsafe(self._stopped.set)
