"""The processes of this PID namespace, as /proc has them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
OWN = "chaos_engine.helper"  # in the command line of every helper


@dataclass(frozen=True, slots=True)
class Process:
    """One of them. `began`: clock ticks since boot; with the id it is never met twice."""

    pid: int
    name: str  # 15 characters at most
    command: str
    began: int
    ended: bool  # nobody has asked for its exit code yet
    ticks: int  # of CPU time


def processes(proc: Path = PROC) -> list[Process]:
    """All that can be seen, by id."""
    pids = sorted(int(path.name) for path in proc.iterdir() if path.name.isdecimal())
    return [found for pid in pids if (found := process(pid, proc))]


def process(pid: int, proc: Path = PROC) -> Process | None:
    """One of them; None: it has gone."""
    try:
        stat = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        command = (proc / str(pid) / "cmdline").read_bytes()
    except OSError:
        return None
    # The name may have blanks and parentheses of its own.
    name, _, rest = stat.partition("(")[2].rpartition(")")
    words = rest.split()
    return Process(
        pid, name, command.replace(b"\0", b" ").decode(errors="replace").strip(),
        int(words[19]), words[0] in "ZX", int(words[11]) + int(words[12]),
    )  # fmt: skip


def resident(pid: int, proc: Path = PROC) -> int:
    """Pages of memory that it has; 0: it has gone."""
    try:
        return int((proc / str(pid) / "statm").read_text(encoding="utf-8").split()[1])
    except OSError:
        return 0
