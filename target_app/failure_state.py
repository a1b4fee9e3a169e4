"""Reads the failure state: one small file that says how this app shall be hurt just now.

Made to be copied: standard library only, one file. `middleware.py` beside it turns the state into trouble.

    reader = FailureStateReader("/chaos/failure_state.json")
    if reader.state().mode == "slow": ...

Whatever the file holds, reading it never raises: what is not a well-formed, known, live failure is `HEALTHY`.
The contract is published in `docs/failure-state.schema.json`.
"""

import json
import math
import os
import re
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from multiprocessing import parent_process
from typing import Final

FAILURES: Final = frozenset({"crash", "slow", "config_error"})
LONGEST_DELAY: Final = 3600.0
LARGEST_FILE: Final = 64 * 1024
LOOK_EVERY: Final = 0.005
# A file that changed this recently may change again under the same mtime: it is read at every look.
SETTLES_AFTER: Final = 2.0

_FORKED_WITHOUT_EXEC: Final = 0x40  # PF_FORKNOEXEC in the flags of /proc/<pid>/stat
_imported_at: Final = time.monotonic()


@dataclass(frozen=True, slots=True)
class FailureState:
    """One state of the file: times in unix seconds, `delay` in seconds."""

    mode: str
    delay: float = 0.0
    timestamp: float = 0.0
    id: str | None = None
    owner: str | None = None
    target: str | None = None
    injected_by: str | None = None
    expires_at: float | None = None
    heals_on: str = "restart"
    expect: str | None = None


HEALTHY: Final = FailureState("healthy")


def default_path() -> str:
    """Where the state lies: `FAILURE_STATE_FILE`, or `/tmp/failure_state.json`."""
    return os.environ.get("FAILURE_STATE_FILE") or "/tmp/failure_state.json"  # noqa: S108 - the contract's place


# --- the file's content ---------------------------------------------------------------------------------


def parse(raw: bytes, written_at: float = 0.0) -> FailureState:
    """The failure in `raw`, or `HEALTHY`; `written_at` (unix seconds) stands in for an absent timestamp."""
    if len(raw) > LARGEST_FILE:
        return HEALTHY
    try:
        fields = json.loads(raw)
        return _failure(fields, written_at) if _is_failure(fields) else HEALTHY
    except (ValueError, OverflowError, RecursionError):
        return HEALTHY


def _is_failure(fields: object) -> bool:
    if not isinstance(fields, dict) or fields.get("schema") not in (None, 1):
        return False
    mode = fields.get("mode")
    return isinstance(mode, str) and mode in FAILURES


def _failure(fields: dict[str, object], written_at: float) -> FailureState:
    timestamp = _number(fields, "timestamp", math.inf)
    heals_on, expect = _text(fields, "heals_on") or "restart", _text(fields, "expect")
    _check_heals_on(heals_on, expect)
    return FailureState(
        mode=str(fields["mode"]),
        delay=_number(fields, "delay", LONGEST_DELAY) or 0.0,
        timestamp=written_at if timestamp is None else timestamp,
        id=_text(fields, "id"),
        owner=_text(fields, "owner"),
        target=_text(fields, "target"),
        injected_by=_text(fields, "injected_by"),
        expires_at=_number(fields, "expires_at", math.inf),
        heals_on=heals_on,
        expect=expect,
    )


def _number(fields: dict[str, object], name: str, most: float) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(name)
    number = float(value)
    if not (math.isfinite(number) and 0 <= number <= most):
        raise ValueError(name)
    return number


def _text(fields: dict[str, object], name: str) -> str | None:
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    raise ValueError(name)


def _check_heals_on(heals_on: str, expect: str | None) -> None:
    by_variable = re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*", heals_on)
    if by_variable is None and heals_on not in ("restart", "never"):
        raise ValueError(heals_on)
    if by_variable is not None and expect is None:
        raise ValueError(heals_on)


# --- the main process -----------------------------------------------------------------------------------


def main_process() -> int:
    """The pid whose death is a crash of the app, and whose start is a restart of it.

    `CHAOS_MAIN_PID` says it. Otherwise it is this process, or the one that forked or spawned it as a worker
    (uvicorn, gunicorn, multiprocessing), and so on upwards; never a shell, an init or a test run above them.
    In a container that is pid 1, or the child of an init whose end ends the container.
    """
    told = os.environ.get("CHAOS_MAIN_PID", "")
    if re.fullmatch(r"[1-9][0-9]{0,6}", told):
        return int(told)
    pid = os.getpid()
    while supervisor := _supervisor(pid):
        pid = supervisor
    return pid


def _supervisor(pid: int) -> int | None:
    """The parent of `pid`, when `pid` is a worker of it."""
    try:
        fields = _proc_stat(pid)
        parent, flags = int(fields[1]), int(fields[6])
        worker = bool(flags & _FORKED_WITHOUT_EXEC) or _spawned_by(parent, pid)
        # An orphan has an init for a parent: it runs another program.
        same = worker and os.readlink(f"/proc/{parent}/exe") == os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115
    except (OSError, ValueError, IndexError):
        return None
    return parent if same else None


def _spawned_by(parent: int, pid: int) -> bool:
    spawner = parent_process()
    return pid == os.getpid() and spawner is not None and spawner.pid == parent


def _proc_stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the third on; the second, the name, may hold anything."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        return file.read().rpartition(") ")[2].split()


def process_started(pid: int) -> float:
    """When `pid` started, in unix seconds to about 10 ms; without /proc, when this module was imported.

    Counted back from now by the clock that also runs in suspend, so that an old clock step does no harm.
    """
    try:
        ticks = int(_proc_stat(pid)[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        age = time.monotonic() - _imported_at
    return time.time() - age


# --- the reader -----------------------------------------------------------------------------------------

_Signature = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Sighting:
    """The file as it was last read; replaced as a whole, so that threads need no lock."""

    signature: _Signature | None = None
    settled: bool = True
    state: FailureState = HEALTHY
    first_seen: float = 0.0
    restarted: bool = False


class FailureStateReader:
    """Tells the current failure state; cheap enough to ask in every request, from any thread.

    Looks at the file at most every 5 ms, and reads it only when it changed. `clock` is monotonic, `wall` unix
    seconds; `main_pid` overrides `main_process()`.
    """

    __slots__ = ("_clock", "_environ", "_main_pid", "_next_look", "_path", "_sighting", "_state", "_wall")

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        environ: Mapping[str, str] = os.environ,
        main_pid: int | None = None,
    ) -> None:
        self._path = os.fspath(path) if path is not None else default_path()
        self._clock = clock
        self._wall = wall
        self._environ = environ
        self._main_pid = main_pid
        self._sighting = _Sighting()
        self._state = HEALTHY
        self._next_look = -math.inf

    def state(self) -> FailureState:
        """The failure that is in force now, else `HEALTHY` (that very object); never raises."""
        now = self._clock()
        if now < self._next_look:
            return self._state
        return self._look(now)

    def _look(self, now: float) -> FailureState:
        # First of all, so that other threads go on with what is known instead of looking too.
        self._next_look = now + LOOK_EVERY
        before = self._sighting
        if not before.settled or _signature_at(self._path) != before.signature:
            sighting = self._read(before, now)
            # Another thread that overtook this one has seen the newer file.
            if self._sighting is before:
                self._sighting = sighting
        self._state = state = self._in_force(self._sighting, now)
        return state

    def _read(self, before: _Sighting, now: float) -> _Sighting:
        try:
            signature, raw = _content(self._path)
        except (OSError, ValueError):
            # What was first seen is remembered: a state that flickers does not get a new life.
            return replace(before, signature=None, settled=True)
        changed_at = max(signature[:2]) / 1e9
        settled = self._wall() - changed_at > SETTLES_AFTER
        state = parse(raw, signature[0] / 1e9)
        if state == before.state:
            return replace(before, signature=signature, settled=settled)
        return _Sighting(signature, settled, state, now, self._restarted_since(state))

    def _restarted_since(self, state: FailureState) -> bool:
        return state is not HEALTHY and process_started(self._main_pid or main_process()) > state.timestamp

    def _in_force(self, sighting: _Sighting, now: float) -> FailureState:
        state = sighting.state
        if state is HEALTHY or sighting.signature is None:
            return HEALTHY
        over = self._expired(state, now - sighting.first_seen) or self._healed(state, sighting)
        return HEALTHY if over else state

    def _expired(self, state: FailureState, seen_for: float) -> bool:
        if state.expires_at is None:
            return False
        return self._wall() >= state.expires_at or seen_for >= state.expires_at - state.timestamp

    def _healed(self, state: FailureState, sighting: _Sighting) -> bool:
        if state.heals_on == "restart":
            return sighting.restarted
        kind, _, variable = state.heals_on.partition(":")
        return kind == "env" and self._environ.get(variable) == state.expect


def _signature_at(path: str) -> _Signature | None:
    try:
        return _signature(os.stat(path))  # noqa: PTH116 - a Path costs more than the call itself
    except (OSError, ValueError):
        return None


def _signature(status: os.stat_result) -> _Signature:
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size, status.st_dev)


def _content(path: str) -> tuple[_Signature, bytes]:
    """What the file is and holds, up to a byte more than allowed; nothing for what is no regular file."""
    # Non-blocking: a named pipe would otherwise hold the app until somebody writes into it.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        status = os.fstat(descriptor)
        raw = os.read(descriptor, LARGEST_FILE + 1) if stat.S_ISREG(status.st_mode) else b""
        return _signature(status), raw
    finally:
        os.close(descriptor)
