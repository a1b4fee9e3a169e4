"""A file of ours in a folder of the victim's, so large that there is little left."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaos_engine.helper import inside
from chaos_engine.helper.host_memory import spare
from chaos_engine.helper.inside import PlaceError, Room
from chaos_engine.helper.work import Look, Work

SLACK = 0.005  # of a file system: its own accounts move a little


class Task(Work):
    """`path` and `name` of the file; `share` 0..1 or `leave` bytes; `reserve` bytes or null.

    `folder` is what the path was found to mean; `root` is where the victim's files are.
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__(spec)
        self.root = Path(spec.get("root", inside.ROOT))

    def check(self) -> Mapping[str, Any]:
        """Tells the folder. PlaceError: there is none, it is full already, or too little would be left."""
        folder = inside.resolved(self.spec["path"], self.root)
        place = self.root / folder.lstrip("/")
        found = inside.room(place)
        inside.check_writable(place)
        self._size(place, found)
        return {"folder": folder}

    def apply(self) -> None:
        """One that a helper before this one has left is taken over."""
        if self._file.exists():
            return
        size = self._size(self._file.parent, inside.room(self._file.parent))
        opened = os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        try:
            os.posix_fallocate(opened, 0, size)
        finally:
            os.close(opened)

    def look(self) -> Look:
        """Felt, while there is as little left as was asked for."""
        if not self._file.exists():
            return Look(present=False)
        found = inside.room(self._file.parent)
        details = {"full_percent": round(found.full * 100, 1), "free_megabytes": found.free // 1_000_000}
        return Look(present=True, felt=self._is_full(found), details=details)

    def undo(self) -> None:
        """The file goes."""
        with contextlib.suppress(FileNotFoundError):
            self._file.unlink()

    @property
    def _file(self) -> Path:
        folder: str = self.spec["folder"]
        return self.root / folder.lstrip("/") / str(self.spec["name"])

    def _size(self, place: Path, found: Room) -> int:
        left = _left(self.spec, found)
        if left >= found.free:
            raise PlaceError(
                f"{self.spec['path']} is {found.full:.1%} full already; allowed: fuller than that"
            )
        self._check_reserve(place, found, found.free - left)
        return found.free - left

    def _check_reserve(self, place: Path, found: Room, size: int) -> None:
        """What is in memory takes from the machine's memory, not from its disk."""
        if inside.kind(place) == "tmpfs":
            if size > spare():
                raise PlaceError(f"{self.spec['path']} is in memory, and the machine has too little of it")
            return
        kept = inside.reserve(self.spec["reserve"], found.size)
        if found.free - size < kept:
            raise PlaceError(
                f"{_mb(found.free - size)} would be left of {_mb(found.size)} at {self.spec['path']}, and"
                f" {_mb(kept)} are the reserve; allowed: leave at least that, or a reserve of your own"
            )

    def _is_full(self, found: Room) -> bool:
        return found.free <= _left(self.spec, found) + SLACK * found.size


def _left(spec: Mapping[str, Any], found: Room) -> int:
    """Bytes that stay free."""
    if spec["leave"] is not None:
        return int(spec["leave"])
    share: float = spec["share"]
    return round((1 - share) * found.size)


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f}MB"
