"""A container's cgroup, in the kernel's own files: of version 1 (a tree a controller) and 2 (one tree).

The helper has the host's tree at `PLACE`; a test has a made-up one. Memory in bytes, quotas in microseconds.
https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cgroup-v1/index.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PLACE = Path("/cgroup")
PERIOD, LEAST_QUOTA = 100_000, 1_000  # µs: the kernel's own period, and the least that it takes as a quota
ENDLESS = 1 << 62  # version 1 shows "no limit" as the largest number of whole pages
ENTERED = ("cpu", "cpuacct", "memory", "blkio")  # the trees of version 1 in which something is counted


class GroupError(Exception):
    """There is no such cgroup, or it cannot be written; the message says what is lacking."""


@dataclass(frozen=True, slots=True)
class Group:
    """The cgroup of a container, by the container's id."""

    container: str
    root: Path = PLACE

    @property
    def unified(self) -> bool:
        """Whether this is version 2."""
        return (self.root / "cgroup.controllers").exists()

    def folder(self, controller: str) -> Path:
        """Where its files are. GroupError: nowhere."""
        tree = self.root if self.unified else _tree(self.root, controller)
        return next(_folders(tree, self.container))

    def file(self, controller: str, first: str, second: str) -> Path:
        """The file of that name in version 1 or 2. GroupError: it is not there."""
        path = self.folder(controller) / (second if self.unified else first)
        if not path.exists():
            raise GroupError(f"this kernel has no {path.name} for it: the controller {controller} is not on")
        return path

    def text(self, controller: str, first: str, second: str) -> str:
        """What is in it."""
        return self.file(controller, first, second).read_text(encoding="utf-8").strip()

    def counts(self, controller: str, first: str, second: str) -> dict[str, int]:
        """A file of names and numbers."""
        lines = (line.split() for line in self.text(controller, first, second).splitlines())
        return {words[0]: int(words[1]) for words in lines if len(words) == 2}  # noqa: PLR2004


def _tree(root: Path, controller: str) -> Path:
    for path in sorted(root.iterdir()):
        if controller in path.name.split(","):
            return path
    raise GroupError(f"this kernel has no cgroup controller {controller}")


def _folders(tree: Path, container: str) -> Iterator[Path]:
    """The usual places of the two drivers first, then wherever it is (a `cgroup_parent` of its own)."""
    for usual in (f"docker/{container}", f"system.slice/docker-{container}.scope"):
        if (tree / usual).is_dir():
            yield tree / usual
    for folder, names, _ in os.walk(tree):
        for name in names:
            if name == container or name.endswith(f"-{container}.scope"):
                yield Path(folder, name)
    raise GroupError(f"container {container[:12]} has no cgroup: it does not run")


# --- CPU ------------------------------------------------------------------------------------------


def cpu_files(group: Group) -> Path:
    """What is written to limit it."""
    return group.file("cpu", "cpu.cfs_quota_us", "cpu.max")


def cpu_limit(group: Group) -> tuple[int | None, int]:
    """Quota (None: no limit) in each period."""
    if group.unified:
        quota, period = group.text("cpu", "", "cpu.max").split()
        return (None if quota == "max" else int(quota)), int(period)
    quota, period = (group.text("cpu", f"cpu.cfs_{name}_us", "") for name in ("quota", "period"))
    return (None if int(quota) < 0 else int(quota)), int(period)


def set_cpu_limit(group: Group, quota: int | None, period: int) -> None:
    """OSError: the kernel refuses it."""
    if group.unified:
        _write(cpu_files(group), f"{'max' if quota is None else quota} {period}")
        return
    if cpu_limit(group)[1] != period:
        _write(group.file("cpu", "cpu.cfs_period_us", ""), str(period))
    _write(cpu_files(group), str(-1 if quota is None else quota))


def quota_of(cpus: float, period: int) -> int:
    """What so many CPUs are."""
    return max(LEAST_QUOTA, round(cpus * period))


def throttled(group: Group) -> tuple[int, float]:
    """In how many periods it had to stand still, and for how many seconds in all."""
    counts = group.counts("cpu", "cpu.stat", "cpu.stat")
    nanoseconds = counts.get("throttled_time", counts.get("throttled_usec", 0) * 1000)
    return counts.get("nr_throttled", 0), nanoseconds / 1e9


# --- memory ---------------------------------------------------------------------------------------


def memory_file(group: Group) -> Path:
    """What is written to limit it."""
    return group.file("memory", "memory.limit_in_bytes", "memory.max")


def memory_limit(group: Group) -> int | None:
    """None: none."""
    text = memory_file(group).read_text(encoding="utf-8").strip()
    return None if text == "max" or int(text) >= ENDLESS else int(text)


def set_memory_limit(group: Group, limit: int | None) -> None:
    """OSError: the kernel refuses it, such as where more is in use and cannot be taken back."""
    endless = "max" if group.unified else "-1"
    _write(memory_file(group), endless if limit is None else str(limit))


def pages(size: int | None) -> int | None:
    """A limit as the kernel keeps it."""
    page = os.sysconf("SC_PAGE_SIZE")
    return None if size is None else size // page * page


def memory_used(group: Group) -> int:
    """All that counts against the limit."""
    return int(group.text("memory", "memory.usage_in_bytes", "memory.current"))


def memory_firm(group: Group) -> int:
    """What of it the kernel cannot take back: all but cached files."""
    stat = group.counts("memory", "memory.stat", "memory.stat")
    if group.unified:
        cached, shared = stat.get("file", 0), stat.get("shmem", 0)
    else:
        cached, shared = stat.get("total_cache", 0), stat.get("total_shmem", 0)
    return max(0, memory_used(group) - (cached - shared))


def refused(group: Group) -> int:
    """How often it met its limit."""
    if group.unified:
        return group.counts("memory", "", "memory.events").get("max", 0)
    return int(group.text("memory", "memory.failcnt", ""))


def oom_kills(group: Group) -> int:
    """How many of its processes were killed for want of memory."""
    return group.counts("memory", "memory.oom_control", "memory.events").get("oom_kill", 0)


# --- both -----------------------------------------------------------------------------------------


def enter(group: Group) -> None:
    """The calling process, with all that it will use, counts as the container's from now on.

    Works with either driver: a scope of systemd's takes processes, though it can be nobody's parent.
    """
    folders = [group.folder("")] if group.unified else [group.folder(name) for name in ENTERED]
    for folder in folders:
        _write(folder / "cgroup.procs", "0")


def check_writable(path: Path) -> None:
    """GroupError: it is not."""
    if not os.access(path, os.W_OK):
        raise GroupError(
            f"{path.name} cannot be written by helpers of this Engine (read-only, or not as root)"
        )


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
