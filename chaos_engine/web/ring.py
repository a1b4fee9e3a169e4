"""The last happenings, kept for whoever follows the stream of events.

One ring for all: a client has only its place in it. So what is kept does not grow with their number, and the
engine's thread does the same small thing for none and for hundreds of them.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from chaos_engine.happenings import Happening

CAPACITY = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """A happening, and its number in this process, from 1."""

    number: int
    happening: Happening


class Ring:
    """A `happenings.Listener`. `boot` tells one process's numbers from another's."""

    def __init__(self, boot: str, capacity: int = CAPACITY) -> None:
        self.boot = boot
        self._entries: deque[Entry] = deque(maxlen=capacity)
        self._last = 0
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = False
        self._news: asyncio.Event | None = None
        self._ended = False

    def __call__(self, happening: Happening) -> None:
        """Keep it, and wake those who wait. Called in the engine's thread: returns at once."""
        with self._lock:
            self._last += 1
            self._entries.append(Entry(self._last, happening))
        self._wake()

    def end(self) -> None:
        """Nothing more will come: every stream ends."""
        self._ended = True
        self._wake()

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._ended

    @property
    def last(self) -> int:
        """The newest number; 0: there was none yet."""
        return self._last

    def after(self, number: int) -> tuple[Sequence[Entry], bool]:
        """What came after that number, oldest first; and whether some of it is no longer kept."""
        with self._lock:
            count = min(max(0, self._last - number), len(self._entries))
            newest = tuple(islice(reversed(self._entries), count))
        return newest[::-1], self._last - number > count

    def number_of(self, id_: str) -> int | None:
        """The number in an event's id; None: it is of another process, or none of ours."""
        boot, _, number = id_.partition("-")
        known = (
            boot == self.boot and number.isascii() and number.isdecimal() and len(number) < len(str(2**63))
        )
        return int(number) if known and int(number) <= self._last else None

    async def news(self, number: int) -> None:
        """Wait until there is something after that number, or the end."""
        if self._loop is None or self._news is None:
            self._loop, self._news = asyncio.get_running_loop(), asyncio.Event()
        waits = self._news  # before looking: what comes in between is not missed
        if self._last == number and not self._ended:
            await waits.wait()

    def _wake(self) -> None:
        if self._loop is not None and not self._woken:
            self._woken = True
            with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        self._woken = False
        waited, self._news = self._news, asyncio.Event()
        if waited is not None:
            waited.set()
