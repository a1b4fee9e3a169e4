"""The main process of a container is killed from outside, as a crash would: the Engine did not ask for it.

A signal from within the container's process namespace would not do: the kernel keeps it from process 1.
"""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path
from typing import ClassVar

from chaos_engine.helper.work import Look, Work

PROC = Path("/proc")
PATIENCE = 3.0  # seconds for a process to end that was killed


class Task(Work):
    """`pid`: on the host. `container`: its cgroup must name it, since numbers are used again."""

    lasts: ClassVar[bool] = False

    def apply(self) -> None:
        """ProcessLookupError: it is over. OSError: the number is another's by now, or it does not die."""
        pid = self.spec["pid"]
        process = os.pidfd_open(pid)  # from here on it is this process, or none
        try:
            if not is_of(pid, self.spec["container"]):
                raise OSError(f"process {pid} is not the container's any more")
            signal.pidfd_send_signal(process, signal.SIGKILL)
            if not select.select([process], [], [], PATIENCE)[0]:
                raise OSError(f"process {pid} was killed, and did not end within {PATIENCE:g} s")
        finally:
            os.close(process)

    def look(self) -> Look:
        """Nothing of it stays."""
        return Look(present=False)

    def undo(self) -> None:
        """A process does not come back; that its container runs again is seen to elsewhere."""


def is_of(pid: int, container: str, proc: Path = PROC) -> bool:
    """Whether a process is in a container's cgroup (v1: several lines, v2: one)."""
    lines = (proc / str(pid) / "cgroup").read_text(encoding="utf-8").splitlines()
    return any(container in line.rpartition(":")[2] for line in lines)
