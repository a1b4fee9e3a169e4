"""The victim's own files: its root is at /proc/1/root for a helper in its PID namespace."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/proc/1/root")
MOUNTS = Path("/proc/1/mountinfo")
LINKS = 40  # as the kernel's own
RESERVE, SHARE = 1_000_000_000, 0.05  # bytes, and part of a file system: the larger one is kept


class PlaceError(Exception):
    """There is no such folder in it, or nothing can be written there; the message says which."""


@dataclass(frozen=True, slots=True)
class Room:
    """A file system, in bytes, as `df` reckons: what only root may use is not there."""

    size: int
    free: int

    @property
    def full(self) -> float:
        """0..1."""
        return 1 - self.free / self.size


def resolved(path: str, root: Path = ROOT) -> str:
    """The folder that the victim means by an absolute path: its links lead nowhere outside its root.

    PlaceError: there is none.
    """
    done, ahead, links = [""], _parts(path), 0
    while ahead:
        part = ahead.pop(0)
        if part == "..":
            done = done[:-1] or [""]
            continue
        here = root.joinpath(*done[1:], part)
        if here.is_symlink():
            links += 1
            if links > LINKS:
                raise PlaceError(f"{path}: too many links")
            target = str(here.readlink())
            done = [""] if target.startswith("/") else done
            ahead = [*_parts(target), *ahead]
        elif here.is_dir():
            done.append(part)
        else:
            raise PlaceError(f"{path}: the container has no such folder")
    return "/".join(done) or "/"


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def room(folder: Path) -> Room:
    """PlaceError: it is in no file system that could be full, such as /proc."""
    found = os.statvfs(folder)
    if not found.f_blocks:
        raise PlaceError(f"{folder.name}: it is on no disk")
    size = (found.f_blocks - found.f_bfree + found.f_bavail) * found.f_frsize
    return Room(size, found.f_bavail * found.f_frsize)


def check_writable(folder: Path) -> None:
    """PlaceError: nobody can write there."""
    if not os.access(folder, os.W_OK):
        raise PlaceError(f"{'/' + folder.name}: it is read-only in the container")


def kind(folder: Path, mounts: Path = MOUNTS) -> str:
    """The kind of file system that it is in, such as `tmpfs`; empty: nobody knows."""
    device = folder.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    return next((kind for number, kind in _mounted(mounts) if number == wanted), "")


def _mounted(mounts: Path) -> Iterator[tuple[str, str]]:
    """https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html"""
    for line in mounts.read_text(encoding="utf-8").splitlines():
        words = line.split()
        yield words[2], words[words.index("-") + 1]


def reserve(wanted: int | None, size: int) -> int:
    """Bytes that are left whatever is asked for."""
    return max(RESERVE, round(SHARE * size)) if wanted is None else wanted
