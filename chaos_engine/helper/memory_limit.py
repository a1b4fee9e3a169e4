"""The container may use less memory than before: a limit in its cgroup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chaos_engine.helper import cgroup
from chaos_engine.helper.cgroup import Group, GroupError
from chaos_engine.helper.work import Look, Work


class Task(Work):
    """`container`; `limit` in bytes, or `share` of what it uses; `was`: what the Engine gives it, or null."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__(spec)
        self.group = Group(spec["container"])
        self.refused = self.killed = 0

    def check(self) -> Mapping[str, Any]:
        """Tells the limit in bytes. GroupError: it cannot be written, or somebody would be killed for it."""
        cgroup.check_writable(cgroup.memory_file(self.group))
        limit, firm = self._wanted(), cgroup.memory_firm(self.group)
        if limit < firm:
            raise GroupError(
                f"{_mb(firm)} of its memory are in use and cannot be taken back, and the limit would be"
                f" {_mb(limit)}; allowed: more than it uses (memory_stress with oom is what kills)"
            )
        return {"limit": limit}

    def apply(self) -> None:
        """A limit that is less."""
        cgroup.set_memory_limit(self.group, self.spec["limit"])
        self.refused, self.killed = cgroup.refused(self.group), cgroup.oom_kills(self.group)

    def look(self) -> Look:
        """Felt, as soon as it met the limit."""
        try:
            present = cgroup.memory_limit(self.group) != cgroup.pages(self.spec["was"])
            refused = cgroup.refused(self.group) - self.refused
            killed = cgroup.oom_kills(self.group) - self.killed
        except (GroupError, OSError):  # its container has ended, and the limit with it
            return Look(present=False)
        details = {"met_its_limit": refused, "oom_kills": killed}
        return Look(present, refused + killed > 0, details if present else {})

    def undo(self) -> None:
        """As the Engine has it."""
        if self.look().present:
            cgroup.set_memory_limit(self.group, self.spec["was"])

    def _wanted(self) -> int:
        share: float | None = self.spec["share"]
        return int(self.spec["limit"]) if share is None else round(share * cgroup.memory_used(self.group))


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f}MB"
