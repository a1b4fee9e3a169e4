"""A thread that reads the journal, and posts to it, with a connection of its own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from chaos_engine.journal import Journal, JournalError

T = TypeVar("T")
CLOSING = 0.5  # seconds


class JournalUnreadableError(Exception):
    """The journal cannot be used just now; the message says why."""


class Readers:
    """One thread: a slow question makes others wait, never the engine."""

    def __init__(self, data: Path, name: str) -> None:
        self._data = data
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"api-{name}")
        self._journal: Journal | None = None  # its thread's alone

    async def ask(self, look: Callable[[Journal], T]) -> T:
        """What `look` finds. JournalUnreadableError."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._look, look)

    async def work(self, job: Callable[[], T]) -> T:
        """Something that takes a while, and needs no journal."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, job)

    def close(self) -> None:
        """Let go of the journal; waits for a moment only."""
        closed = self._pool.submit(self._close)
        self._pool.shutdown(wait=False)
        with suppress(LateError):
            closed.result(CLOSING)

    def _look(self, look: Callable[[Journal], T]) -> T:
        try:
            if self._journal is None:
                self._journal = Journal(self._data)
            return look(self._journal)
        except (sqlite3.Error, JournalError, OSError) as error:
            raise JournalUnreadableError(f"the journal cannot be used just now: {error}") from error

    def _close(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None
