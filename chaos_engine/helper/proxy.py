"""A small TCP proxy in a thread of its own, for connections that a REDIRECT rule has turned to it.

Two ports: for connections into the namespace, and for those out of it. Where a connection was meant to go,
the kernel knows. Its own connections have a mark, by which rules leave them alone.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Mapping
from typing import Any

from chaos_engine.helper.carrier import Carried, Lateness, reset

MARK = 0xC4A0
_ORIGINAL = 80  # SO_ORIGINAL_DST, which `socket` has no name for
PATIENCE = 5.0  # seconds to begin, and to lift the delay
BACKLOG = 1024


class Proxy:
    """`spec`: delay and jitter in seconds, seed."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._inward, self._outward = _listener(), _listener()
        self._spec = spec
        self._carried: set[Carried] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self._ready, self._end = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    @property
    def ports(self) -> tuple[int, int]:
        """For what comes in, and for what goes out."""
        return self._inward.getsockname()[1], self._outward.getsockname()[1]

    @property
    def pieces(self) -> int:
        """How many were late."""
        return self._lateness.pieces

    @property
    def alive(self) -> bool:
        """Whether it serves."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Serve. OSError: it could not begin."""
        self._thread.start()
        if not self._ready.wait(PATIENCE):
            raise OSError("the proxy did not begin")

    def lift(self) -> None:
        """Nothing is late any more; what waits goes on at once."""
        self._loop.call_soon_threadsafe(self._lateness.lift)

    def drain(self, patience: float) -> None:
        """Close connections as they fall idle, the others after so many seconds; then end."""
        ends = time.monotonic() + patience
        while self._carried and time.monotonic() < ends and self.alive:
            self._loop.call_soon_threadsafe(self._close_idle)
            time.sleep(0.1)
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(PATIENCE)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lateness = Lateness(self._spec["delay"], self._spec["jitter"], self._spec["seed"])
        servers = [
            await asyncio.start_server(self._accepted(outward=outward), sock=sock, backlog=BACKLOG)
            for sock, outward in ((self._inward, False), (self._outward, True))
        ]
        self._ready.set()
        await self._end.wait()
        for server in servers:
            server.close()
        for task in self._tasks:
            task.cancel()

    def _accepted(self, *, outward: bool) -> Any:
        async def carry(reader: StreamReader, writer: StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101
            self._tasks.add(task)
            try:
                await self._carry((reader, writer), outward=outward)
            except asyncio.CancelledError:
                writer.close()
            finally:
                self._tasks.discard(task)

        return carry

    async def _carry(self, opener: tuple[StreamReader, StreamWriter], *, outward: bool) -> None:
        """A new connection is late itself: as one packet of its handshake would be."""
        self.connections += 1
        try:
            meant = _meant(opener[1].get_extra_info("socket"), self.ports)
            await self._lateness.until(self._loop.time() + self._lateness.draw())
            other = await _connected(meant)
        except OSError:
            reset(opener[1])
            return
        carried = Carried(opener, other, self._lateness, outward, task=asyncio.current_task())
        self._carried.add(carried)
        try:
            await carried.carry()
        finally:
            self._carried.discard(carried)

    def _close_idle(self) -> None:
        for each in tuple(self._carried):
            if each.idle(self._loop.time()) and each.task is not None:
                each.task.cancel()


def _listener() -> socket.socket:
    return socket.create_server(("0.0.0.0", 0), backlog=BACKLOG)  # noqa: S104 - redirected to any address


def _meant(sock: Any, own: tuple[int, int]) -> tuple[str, int]:
    """Where it was going. OSError: it was not redirected."""
    raw = sock.getsockopt(socket.SOL_IP, _ORIGINAL, 16)
    port, address = struct.unpack("!2xH4s8x", raw)
    if port in own:
        raise OSError("it was meant for the proxy itself")
    return socket.inet_ntoa(address), port


async def _connected(to: tuple[str, int]) -> tuple[StreamReader, StreamWriter]:
    sock = socket.socket()
    try:
        sock.settimeout(0.0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, MARK)
        await asyncio.get_running_loop().sock_connect(sock, to)
        return await asyncio.open_connection(sock=sock)
    except BaseException:
        sock.close()
        raise
