"""Runs of the Chaos Toolkit: a process each, which records what it does into a folder of its own."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from chaos_engine.adapters import toolkit_python, toolkit_waiting
from chaos_engine.toolkit_runs import Look, ToolkitError

MOST_RUNS = 100  # whose folders are kept
BEGINNING = 8.0  # seconds that a process is waited for until it records that it has begun
PAUSE = 0.02
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class ToolkitProcesses:
    """Fulfils `ports.ToolkitRuns`. `data`: the data folder.

    A process outlives an engine that is killed, and rolls back by itself at its end; the next engine, or the
    janitor, knows by a lock that it holds whether it lives.
    """

    def __init__(self, data: Path) -> None:
        self._runs = data.absolute() / "toolkit"
        self._own: dict[str, subprocess.Popen[bytes]] = {}
        self._clearing: set[str] = set()  # whose own process rolls back, or is about to

    def read(self, source: str) -> Mapping[str, Any]:
        """JSON or YAML, from a file or by HTTP."""
        text = _fetched(source) if source.startswith(("http://", "https://")) else Path(source).read_text()
        found = _parsed(source, text)
        if not isinstance(found, dict):
            raise ToolkitError(f"{source}: is no experiment; allowed: a mapping with title and method")
        return found

    def start(self, run: str, spec: Mapping[str, Any]) -> None:
        """In a session of its own: a terminal's Ctrl-C is the engine's to act upon."""
        folder = self._runs / run
        if folder.exists():
            raise ToolkitError(f"{folder} is there already: another run has that name")
        self._prune()
        folder.mkdir(mode=0o700, parents=True)  # variables may be secrets, and what activities say
        _write(folder / "spec.json", json.dumps(spec, default=str))
        self._begin("run", run, spec)

    def roll_back(self, run: str, spec: Mapping[str, Any]) -> None:
        """The one that was told to end is not this one."""
        (self._runs / run / "told").unlink(missing_ok=True)
        if run not in self._clearing and not spec.get("strict"):
            self._end_children(run)
        self._clearing.add(run)
        self._begin("rollback", run, spec)

    def look(self, run: str, patience: float = 0.0) -> Look:
        """Looks at the record's size alone until it has grown."""
        record, ends = self._runs / run / "record.jsonl", time.monotonic() + patience
        before = _size(record)
        while time.monotonic() < ends and _size(record) == before and self._lives(run):
            time.sleep(PAUSE)
        alive = self._lives(run)  # before the record is read: what it wrote last must not be missed
        return Look(
            tuple(_lines(record)), alive, self._told_to_end(run), _last_line(self._runs / run / "log")
        )

    def end(self, run: str) -> None:
        """SIGTERM, to the process alone: what it has started it ends itself.

        One that does not hold its lock yet finds out that it was told, and does not begin.
        """
        if run in self._clearing:
            return
        pid = self._pid(run)
        with suppress(OSError):
            (self._runs / run / "told").touch()
        if pid is not None:
            _send(pid, signal.SIGTERM)

    def kill(self, run: str) -> None:
        """SIGKILL, to all of its session."""
        pid = self._pid(run)
        if pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)

    # --- within ---

    def _begin(self, mode: str, run: str, spec: Mapping[str, Any]) -> None:
        folder = self._runs / run
        before = _size(folder / "record.jsonl")
        waiting = toolkit_waiting.take(folder, spec) if mode == "run" else None
        self._own[run] = waiting or _started(mode, folder, spec)
        ends = time.monotonic() + BEGINNING
        while _size(folder / "record.jsonl") == before and time.monotonic() < ends:
            if self._own[run].poll() is not None:
                self._must_have_begun(run, before)
                return
            time.sleep(PAUSE)

    def _must_have_begun(self, run: str, before: int) -> None:
        """One that ended at once may have done all that it had to."""
        folder = self._runs / run
        if _size(folder / "record.jsonl") == before:
            raise ToolkitError(_last_line(folder / "log") or "the Chaos Toolkit's process ended at once")

    def _end_children(self, run: str) -> None:
        """What the activities of a run had started that was killed itself: its session is its own."""
        own = self._own.get(run)
        if own is not None and own.poll() is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(own.pid, signal.SIGKILL)

    def _lives(self, run: str) -> bool:
        own = self._own.get(run)
        if own is not None and own.poll() is None:
            return True
        return _is_locked(self._runs / run / "alive")

    def _pid(self, run: str) -> int | None:
        """Of its living process. ToolkitError: it lives where it cannot be reached."""
        own = self._own.get(run)
        if own is not None and own.poll() is None:
            return own.pid
        if not self._lives(run):
            return None
        begun = [line for line in _lines(self._runs / run / "record.jsonl") if line.get("event") == "started"]
        pid = int(begun[-1]["pid"]) if begun else 0
        if not _is_of(pid, self._runs / run):
            raise ToolkitError(f"the process of {run} lives in another container: it ends by itself")
        return pid

    def _told_to_end(self, run: str) -> float | None:
        try:
            return time.time() - (self._runs / run / "told").stat().st_mtime
        except OSError:
            return None

    def _prune(self) -> None:
        """The oldest go; one whose fault is open is among the newest."""
        with suppress(OSError):
            runs = sorted(self._runs.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
            for folder in runs[MOST_RUNS:]:
                if not self._lives(folder.name):
                    shutil.rmtree(folder, ignore_errors=True)
                    self._own.pop(folder.name, None)
                    self._clearing.discard(folder.name)


def _started(mode: str, folder: Path, spec: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as log:
        try:
            return subprocess.Popen(  # noqa: S603 - a Python that the user named, and a file of ours
                toolkit_python.command(mode, str(folder)),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=spec.get("directory") or None, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise ToolkitError(f"the Chaos Toolkit cannot be run: {error}") from None


def _fetched(url: str) -> str:
    import requests  # noqa: PLC0415, TID251 - for experiments that are elsewhere

    try:
        answer = requests.get(url, timeout=5.0, headers={"Accept": "application/json, application/x-yaml"})
        answer.raise_for_status()
    except requests.RequestException as error:
        raise ToolkitError(f"{url}: {error}") from None
    return answer.text


def _parsed(source: str, text: str) -> Any:
    import yaml  # noqa: PLC0415

    try:
        return json.loads(text) if source.endswith(".json") else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise ToolkitError(f"{source}: {' '.join(str(error).split())}") from None


def _write(path: Path, text: str) -> None:
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    """Whole lines; one that a death has torn is none."""
    with suppress(OSError):
        for line in path.read_bytes().splitlines():
            with suppress(ValueError):
                found = json.loads(line)
                if isinstance(found, dict):
                    yield found


def _last_line(path: Path) -> str:
    try:
        text = path.read_bytes()[-4000:].decode(errors="replace")
    except OSError:
        return ""
    lines = [line.strip() for line in _COLOURS.sub("", text).splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _is_locked(path: Path) -> bool:
    """Whether a living process holds it."""
    try:
        with path.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _is_of(pid: int, folder: Path) -> bool:
    """Whether the process is the one that holds this folder, not another that has its number now."""
    held = (folder / "alive").resolve()
    try:
        return any(open_.resolve() == held for open_ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
