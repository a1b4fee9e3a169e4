"""Processes that use what is the victim's: they count against the victim's limits, and the helper does not.

They are known by their name, also to another helper; they die with the one that made them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable

from chaos_engine.helper.cgroup import Group, enter
from chaos_engine.helper.processes import Process, process, processes

SET_PDEATHSIG, SET_NAME = 1, 15  # prctl(2)
PATIENCE, PAUSE = 2.0, 0.02  # seconds until killed ones are gone


class WorkerError(Exception):
    """One could not begin; the message is its own."""


def start(name: str, group: Group | None, work: Callable[[], None]) -> int:
    """Its process id. It is in the group, if any, when this returns. WorkerError: it could not get there."""
    heard, said = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(heard)
        _live(name, group, work, parent, said)
    os.close(said)
    with os.fdopen(heard, "rb") as pipe:
        error = pipe.read().decode()
    if error:
        os.waitpid(pid, 0)
        raise WorkerError(error)
    return pid


def _live(name: str, group: Group | None, work: Callable[[], None], parent: int, said: int) -> None:
    """Never returns."""
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        mark(name, parent)
        if group is not None:
            enter(group)
    except Exception as error:  # noqa: BLE001 - the parent tells it
        os.write(said, f"{type(error).__name__}: {error}".encode())
        os._exit(1)
    os.close(said)
    with contextlib.suppress(BaseException):
        work()
    os._exit(0)


def mark(name: str, parent: int) -> None:
    """The calling process has that name, and dies with its parent."""
    libc = ctypes.CDLL(None)
    libc.prctl(SET_NAME, name.encode(), 0, 0, 0)
    libc.prctl(SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before that was asked for
        os._exit(1)


def found(name: str) -> list[Process]:
    """Those of that name that live, whoever made them."""
    alive = (each for each in processes() if not each.ended)
    return [each for each in alive if name in (each.name, each.command.partition(" ")[0])]


def end(name: str) -> None:
    """Kill them, and wait until they are gone."""
    ends = time.monotonic() + PATIENCE
    while alive := found(name):
        for each in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each.pid, signal.SIGKILL)
        time.sleep(PAUSE)
        if time.monotonic() >= ends:
            return
    reap()


def reap() -> None:
    """Children that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def cpu_seconds(pids: list[int]) -> float:
    """CPU time that these have had so far."""
    found = (process(pid) for pid in pids)
    return sum(each.ticks for each in found if each) / os.sysconf("SC_CLK_TCK")
