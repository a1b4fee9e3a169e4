"""Connections that a proxy carries from one end to the other, each piece of one direction late.

The delay ends at once for everything that waits when it is lifted.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from asyncio import Queue, StreamReader, StreamWriter
from contextlib import suppress
from dataclasses import dataclass
from random import Random

PIECE = 65536  # bytes
WAITING = 64  # pieces of a direction that wait at most; then its sender is held up
QUIET = 0.3  # seconds after which an answered connection is taken to be idle


class Lateness:
    """How late: `delay` give or take `jitter`, in seconds, drawn for each piece, until it is lifted."""

    def __init__(self, delay: float, jitter: float, seed: int) -> None:
        self._delay, self._jitter, self._rng = delay, jitter, Random(seed)  # noqa: S311
        self._lifted = asyncio.Event()
        self.pieces = 0

    def draw(self) -> float:
        """Of one piece."""
        self.pieces += 1
        return max(0.0, self._delay + self._rng.uniform(-self._jitter, self._jitter))

    def lift(self) -> None:
        """Nothing waits any more."""
        self._lifted.set()

    async def until(self, due: float) -> None:
        """Until the loop's time is `due`, or it is lifted."""
        left = due - asyncio.get_running_loop().time()
        if left > 0 and not self._lifted.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._lifted.wait(), left)


@dataclass(slots=True, eq=False)
class Carried:
    """One connection. `outward`: the side that opened it is the late one."""

    opener: tuple[StreamReader, StreamWriter]
    other: tuple[StreamReader, StreamWriter]
    lateness: Lateness
    outward: bool
    task: asyncio.Task[None] | None = None
    answered: bool = True  # the last piece came from the side that was asked
    waiting: int = 0
    moved_at: float = 0.0

    async def carry(self) -> None:
        """Until both directions have ended; one that breaks ends both."""
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._way(self.opener[0], self.other[1], late=self.outward, asks=True))
                both.create_task(self._way(self.other[0], self.opener[1], late=not self.outward, asks=False))
        except* OSError:
            reset(self.opener[1])
            reset(self.other[1])
        finally:
            self.opener[1].close()
            self.other[1].close()

    def idle(self, now: float) -> bool:
        """Nothing is on its way, and nobody waits for an answer, as far as that can be seen."""
        return self.answered and self.waiting == 0 and now - self.moved_at > QUIET

    async def _way(self, source: StreamReader, sink: StreamWriter, *, late: bool, asks: bool) -> None:
        pieces: Queue[tuple[float, bytes]] = Queue(WAITING)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._take(source, pieces, late=late))
            both.create_task(self._pass_on(pieces, sink, asks=asks))

    async def _take(self, source: StreamReader, pieces: Queue[tuple[float, bytes]], *, late: bool) -> None:
        loop, due = asyncio.get_running_loop(), 0.0
        piece = b"?"
        while piece:
            piece = await source.read(PIECE)
            self.waiting += 1
            # The order stays, whatever is drawn. An end is as late as the piece before it.
            due = max(due, loop.time() + (self.lateness.draw() if late and piece else 0.0))
            await pieces.put((due, piece))

    async def _pass_on(self, pieces: Queue[tuple[float, bytes]], sink: StreamWriter, *, asks: bool) -> None:
        piece = b"?"
        while piece:
            due, piece = await pieces.get()
            await self.lateness.until(due)
            if piece:
                sink.write(piece)
                self.answered = not asks
            elif sink.can_write_eof():
                sink.write_eof()  # half of it is closed: the other half may go on
            await sink.drain()
            self.waiting -= 1
            self.moved_at = asyncio.get_running_loop().time()


def reset(writer: StreamWriter) -> None:
    """End it as a broken connection ends, not as one that was closed."""
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
