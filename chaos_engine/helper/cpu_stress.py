"""Processes that count, in the victim's cgroup: its own have the less."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from chaos_engine.helper import cgroup, workers
from chaos_engine.helper.cgroup import Group, GroupError
from chaos_engine.helper.work import Look, Work

SLICE = 0.1  # seconds, of which `load` are used
FELT = 0.05  # seconds of CPU time


class Task(Work):
    """`container`, `name` of the workers; `cores`: how many; `load`: 0..1 of each."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__(spec)
        self.group = Group(spec["container"])
        self.pids: list[int] = []
        self.stood = 0

    def check(self) -> Mapping[str, Any]:
        """GroupError: nobody can get into its cgroup."""
        cgroup.check_writable(self.group.file("cpu", "cgroup.procs", "cgroup.procs"))
        return {}

    def apply(self) -> None:
        """A worker a core."""
        self.stood = cgroup.throttled(self.group)[0]
        for _ in range(self.spec["cores"]):
            self.pids.append(workers.start(self.spec["name"], self.group, self._count))

    def look(self) -> Look:
        """Felt, as soon as they have had time."""
        alive = workers.found(self.spec["name"])
        if not alive:
            return Look(present=False)
        used = workers.cpu_seconds([each.pid for each in alive])
        details = {"cpu_seconds": round(used, 1), "throttled_periods": self._throttled()}
        return Look(present=True, felt=used >= FELT, details=details)

    def undo(self) -> None:
        """They end."""
        workers.end(self.spec["name"])

    def _count(self) -> None:
        load: float = self.spec["load"]
        while True:
            ends = time.monotonic() + SLICE * load
            while time.monotonic() < ends:
                pass
            if load < 1:
                time.sleep(SLICE * (1 - load))

    def _throttled(self) -> int:
        try:
            return cgroup.throttled(self.group)[0] - self.stood
        except (GroupError, OSError):
            return 0
