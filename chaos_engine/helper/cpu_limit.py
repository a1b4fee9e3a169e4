"""The container gets less CPU time than it had: a quota in its cgroup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chaos_engine.helper import cgroup
from chaos_engine.helper.cgroup import Group, GroupError
from chaos_engine.helper.work import Look, Work


class Task(Work):
    """`container`, `cpus`; `was`: quota (null: none) and period that the Engine gives it, in µs."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__(spec)
        self.group = Group(spec["container"])
        self.stood = 0, 0.0

    def check(self) -> Mapping[str, Any]:
        """GroupError: it cannot be written."""
        cgroup.check_writable(cgroup.cpu_files(self.group))
        return {}

    def apply(self) -> None:
        """A quota that is less."""
        period = self.spec["was"]["period"]
        self.stood = cgroup.throttled(self.group)
        cgroup.set_cpu_limit(self.group, cgroup.quota_of(self.spec["cpus"], period), period)

    def look(self) -> Look:
        """Felt, as soon as it had to stand still."""
        try:
            present = cgroup.cpu_limit(self.group) != self._was()
            periods, seconds = cgroup.throttled(self.group)
        except (GroupError, OSError):  # its container has ended, and the limit with it
            return Look(present=False)
        periods, seconds = periods - self.stood[0], seconds - self.stood[1]
        details = {"throttled_periods": periods, "throttled_seconds": round(seconds, 1)}
        return Look(present, periods > 0, details if present else {})

    def undo(self) -> None:
        """As the Engine has it."""
        if self.look().present:
            cgroup.set_cpu_limit(self.group, *self._was())

    def _was(self) -> tuple[int | None, int]:
        return self.spec["was"]["quota"], self.spec["was"]["period"]
