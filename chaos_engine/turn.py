"""One at a time among several processes on this machine: the kernel keeps the turn, and gives it back."""

from __future__ import annotations

import fcntl
import time
from pathlib import Path
from typing import IO, Self

PAUSE = 0.1


class Turn:
    """A context that one process is in at a time; within it, it may be entered again.

    Without a path there is no bar.
    """

    def __init__(self, path: Path | None) -> None:
        self._path, self._depth = path, 0
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        if self._path is not None and self._depth == 0:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("a")
            try:
                _take(file)
            except BaseException:
                file.close()
                raise
            self._file = file
        self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0 and self._file is not None:
            self._file.close()
            self._file = None


def _take(file: IO[str]) -> None:
    """Waits for it in short steps, so that Ctrl-C is heard."""
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(PAUSE)
        else:
            return
