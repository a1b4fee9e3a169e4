"""A process that takes memory, in the victim's cgroup: up to a size, or up to the kernel's killing."""

from __future__ import annotations

import contextlib
import mmap
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaos_engine.helper import cgroup, workers
from chaos_engine.helper.cgroup import Group, GroupError
from chaos_engine.helper.host_memory import spare
from chaos_engine.helper.memory_leak import leak
from chaos_engine.helper.processes import resident
from chaos_engine.helper.work import Look, Work

STEP = 4 << 20  # bytes taken at once
PAUSE = 0.005  # seconds between two steps
BEGIN = 0.5  # seconds in which the helper says that it is in: with `oom` it may die soon
FELT = 0.9  # of what was wanted
OWN = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS  # what is shared, the kernel does not take back at once
FIRST = 1000  # the most that the kernel takes as a wish to be killed before others


class Task(Work):
    """`container`, `name` of the worker; `size` in bytes, or `share` of `limit` in all; `oom`: go on."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__(spec)
        self.group = Group(spec["container"])
        self.killed = 0
        self.own = resident(os.getpid())  # what a worker has before it takes anything
        self.oom: bool = spec["oom"]

    def check(self) -> Mapping[str, Any]:
        """Tells the size in bytes. GroupError: nobody can get in, or there is not so much."""
        cgroup.check_writable(self.group.file("memory", "cgroup.procs", "cgroup.procs"))
        size = self._wanted()
        if not self.oom:
            self._check_room(size)
        return {"size": size}

    def apply(self) -> None:
        """One worker. With `oom` it stays outside, and only its memory is in the cgroup."""
        self.killed = cgroup.oom_kills(self.group)
        if self.oom:
            workers.start(self.spec["name"], None, self._leak)
        else:
            workers.start(self.spec["name"], self.group, self._take)

    def look(self) -> Look:
        """Felt, as soon as it has nearly all, or somebody was killed."""
        alive = workers.found(self.spec["name"])
        killed = self._killed()
        if not alive:
            return Look(present=False)
        taken = sum(max(0, resident(each.pid) - self.own) for each in alive) * mmap.PAGESIZE
        details = {"oom_kills": killed} if self.oom else {"megabytes": taken // 1_000_000}
        full = not self.oom and taken >= FELT * self.spec["size"]
        return Look(present=True, felt=killed > 0 or full, details=details)

    def undo(self) -> None:
        """What it took is free when it ends."""
        workers.end(self.spec["name"])

    def _leak(self) -> None:
        time.sleep(BEGIN)
        leak(self.spec["name"], self.group, self.spec["limit"], self._killed)

    def _take(self) -> None:
        """Where memory gets short after all, the kernel kills the worker, and nobody of the victim's."""
        Path("/proc/self/oom_score_adj").write_text(str(FIRST), encoding="utf-8")
        kept = take(self.spec["size"])
        while kept:
            time.sleep(60)

    def _wanted(self) -> int:
        share: float | None = self.spec["share"]
        limit = int(self.spec["limit"] or 0)
        if self.oom:
            return limit
        if share is None:
            return int(self.spec["size"])
        size = round(share * limit) - cgroup.memory_firm(self.group)
        if size <= 0:
            raise GroupError(f"it uses {share:.0%} of its limit already; allowed: more")
        return size

    def _check_room(self, size: int) -> None:
        limit = cgroup.memory_limit(self.group)
        room = spare() if limit is None else min(spare(), limit - cgroup.memory_firm(self.group))
        if size > room:
            raise GroupError(
                f"{size // 1_000_000}MB are wanted, and there are {max(0, room) // 1_000_000}MB"
                " (its limit, and a tenth of the machine's memory, are kept); oom: true goes up to its limit"
            )

    def _killed(self) -> int:
        with contextlib.suppress(GroupError, OSError):
            return cgroup.oom_kills(self.group) - self.killed
        return 0


def take(size: int) -> list[mmap.mmap]:
    """So many bytes, of which every page is used."""
    held: list[mmap.mmap] = []
    for at in range(0, size, STEP):
        block = mmap.mmap(-1, max(mmap.PAGESIZE, min(STEP, size - at)), flags=OWN)
        block[:: mmap.PAGESIZE] = b"\1" * len(range(0, len(block), mmap.PAGESIZE))
        held.append(block)
        time.sleep(PAUSE)
    return held
