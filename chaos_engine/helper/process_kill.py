"""Processes of the container get a signal, once or again and again. Its main one never does."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
from collections.abc import Mapping
from typing import Any

from chaos_engine.helper.processes import OWN, Process, process, processes
from chaos_engine.helper.work import Look, Work

MAIN = 1
SHORT = 15  # characters that the kernel keeps of a name


class NoProcessError(Exception):
    """There is no such process, or it is the main one."""


class Task(Work):
    """`process`: its name, or `pattern`: in its command line; `signal`: a name; `every`: seconds, or null."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__(spec)
        self.hit: set[tuple[int, int]] = set()
        self.over = threading.Event()
        self.over.set()

    def check(self) -> Mapping[str, Any]:
        """NoProcessError: there is none."""
        self._meant()
        return {}

    def apply(self) -> None:
        """The first time, at once. NoProcessError: there is none."""
        self._strike(self._meant())
        self.over.clear()
        if self.spec["every"]:
            threading.Thread(target=self._again, daemon=True).start()

    def look(self) -> Look:
        """Felt, as soon as one is gone that got the signal."""
        if self.over.is_set():
            return Look(present=False)
        gone = sum(not _lives(*each) for each in self.hit.copy())
        return Look(present=True, felt=gone > 0, details={"signalled": len(self.hit), "gone": gone})

    def undo(self) -> None:
        """No more of it; what is gone, its own parent brings back or nobody does."""
        self.over.set()

    def _again(self) -> None:
        while not self.over.wait(self.spec["every"]):
            with contextlib.suppress(NoProcessError):  # it is not back yet
                self._strike(self._meant())

    def _strike(self, meant: list[Process]) -> None:
        for each in meant:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each.pid, signal.Signals[f"SIG{self.spec['signal']}"])
            self.hit.add((each.pid, each.began))

    def _meant(self) -> list[Process]:
        return meant(processes(), self.spec["process"], self.spec["pattern"])


def meant(there: list[Process], name: str | None, pattern: str | None) -> list[Process]:
    """Those that live, less the main one and helpers. NoProcessError: none is left."""
    said = f"is named {name!r}" if name else f"has {pattern!r} in its command line"
    found = [
        each for each in there if not each.ended and _is(each, name, pattern) and OWN not in each.command
    ]
    if not found:
        names = ", ".join(sorted({each.name for each in there if OWN not in each.command and not each.ended}))
        raise NoProcessError(f"no process {said}; there are: {names}")
    others = [each for each in found if each.pid != MAIN]
    if not others:
        raise NoProcessError(f"only the container's main process {said}; allowed: the scenario kill for that")
    return others


def _is(each: Process, name: str | None, pattern: str | None) -> bool:
    if name:
        program = each.command.partition(" ")[0].rpartition("/")[2]
        return name == program or name[:SHORT] == each.name
    return re.search(pattern or "", each.command) is not None


def _lives(pid: int, began: int) -> bool:
    found = process(pid)
    return found is not None and found.began == began and not found.ended
