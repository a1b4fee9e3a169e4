"""Processes that write and sync, in a folder of the victim's and in its cgroup."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaos_engine.helper import cgroup, inside, workers
from chaos_engine.helper.cgroup import Group
from chaos_engine.helper.inside import PlaceError
from chaos_engine.helper.work import Look, Work

BLOCK = 256 << 10  # bytes between two syncs


class Task(Work):
    """`container`, `name` of workers and file; `path`; `workers`; `size` bytes of a worker's file.

    `rate`: bytes per second of a worker, or null; `folder` is what the path was found to mean.
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__(spec)
        self.group = Group(spec["container"])
        self.root = Path(spec.get("root", inside.ROOT))

    def check(self) -> Mapping[str, Any]:
        """Tells the folder. PlaceError: no such folder, read-only, or too little room."""
        folder = inside.resolved(self.spec["path"], self.root)
        place = self.root / folder.lstrip("/")
        found = inside.room(place)
        inside.check_writable(place)
        cgroup.check_writable(self.group.file("blkio", "cgroup.procs", "cgroup.procs"))
        size = self.spec["workers"] * self.spec["size"]
        kept = 0 if inside.kind(place) == "tmpfs" else inside.reserve(None, found.size)
        if found.free - size < kept:
            raise PlaceError(
                f"{self.spec['path']} has room for {max(0, found.free - kept)} bytes, not for {size}"
            )
        return {"folder": folder}

    def apply(self) -> None:
        """So many writers."""
        for number in range(self.spec["workers"]):
            workers.start(self.spec["name"], self.group, lambda number=number: self._write(number))  # type: ignore[misc]

    def look(self) -> Look:
        """Felt, as soon as something was written."""
        alive = workers.found(self.spec["name"])
        left = [path for path in self._files() if path.exists()]
        if not alive:
            return Look(present=bool(left))
        written = sum(_written(each.pid) for each in alive)
        return Look(present=True, felt=written > 0, details={"megabytes_written": written // 1_000_000})

    def undo(self) -> None:
        """Writers and files go."""
        workers.end(self.spec["name"])
        for path in self._files():
            with contextlib.suppress(FileNotFoundError):
                path.unlink()

    def _files(self) -> list[Path]:
        folder = self.root / self.spec["folder"].lstrip("/")
        return [folder / f".{self.spec['name']}-{number}" for number in range(self.spec["workers"])]

    def _write(self, number: int) -> None:
        """Without a name, as soon as it is open: however this ends, nothing stays."""
        path = self._files()[number]
        opened = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        path.unlink()
        block, at = os.urandom(BLOCK), 0
        rate: float | None = self.spec["rate"]
        due = time.monotonic()
        while True:
            os.pwrite(opened, block, at)
            os.fsync(opened)
            at = 0 if at + 2 * BLOCK > self.spec["size"] else at + BLOCK
            if rate:
                due = max(due + BLOCK / rate, time.monotonic() - 1)
                time.sleep(max(0.0, due - time.monotonic()))


def _written(pid: int) -> int:
    """Bytes that it has handed to the kernel, by the kernel's account; 0: it has gone."""
    try:
        lines = Path(f"/proc/{pid}/io").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar:"))
