"""The record of a run: a line of JSON for each step, which is written before what it announces begins.

Written is enough for a process that is killed. What must outlast a power cut is synced too, and all before
it: that an action begins, and how it ended.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

CANNOT_BE_WRITTEN = 4
TRIES, PAUSE = 10, 0.02  # to get the lock; seconds
OUTLASTING = ("refused", "rollbacks-ended", "ended")  # and an action's beginning
LONGEST = 200  # characters of what something said


class Record:
    """`FOLDER/record.jsonl`. Where it cannot be written, the process ends; a clearing goes on."""

    def __init__(self, folder: Path, *, clearing: bool = False) -> None:
        self.clearing = clearing
        self._lock = threading.Lock()
        self._file = -1
        try:
            self._file = os.open(folder / "record.jsonl", os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            self.give_up(f"the record cannot be written: {error}")

    def write(self, event: str, **more: Any) -> None:
        """Returns when the line is where it has to be."""
        lasting = event in OUTLASTING or (event == "activity-started" and more["kind"] == "action")
        line = json.dumps({"at": time.time(), "event": event, **more}) + "\n"
        try:
            with self._lock:
                append(self._file, line.encode())
                if lasting:
                    os.fdatasync(self._file)
        except OSError as error:
            self.give_up(f"the record cannot be written: {error}")

    def give_up(self, text: str) -> None:
        """Nothing may begin that is not on record; rollbacks may."""
        with suppress(OSError):  # it is on the same disk
            print(text, file=sys.stderr, flush=True)
        if not self.clearing:
            os._exit(CANNOT_BE_WRITTEN)


def append(file: int, line: bytes) -> None:
    """The whole line or nothing of it."""
    before = os.fstat(file).st_size
    if before and os.pread(file, 1, before - 1) != b"\n":
        line = b"\n" + line  # a torn line of a process that was killed
    if os.write(file, line) != len(line):
        os.ftruncate(file, before)
        raise OSError("only a part of a line could be written")


def hold(folder: Path) -> int | None:
    """The lock that says that the process lives: to be kept open. None: another process has it."""
    file = os.open(folder / "alive", os.O_RDWR | os.O_CREAT, 0o600)
    for _ in range(TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(PAUSE)  # somebody may only have looked whether it is held
        else:
            os.register_at_fork(after_in_child=lambda: os.close(file))  # the process lives, not its children
            return file
    os.close(file)
    return None


def read(folder: Path) -> list[dict[str, Any]]:
    """The record's whole lines; what is torn is left out."""
    try:
        lines = (folder / "record.jsonl").read_bytes().splitlines()
    except OSError:
        return []
    found = [parsed(line) for line in lines]
    return [entry for entry in found if "event" in entry]


def parsed(line: bytes) -> dict[str, Any]:
    """A line, or nothing."""
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def synced(path: Path, text: str) -> None:
    """A file that is whole, or not there at all; for its owner alone."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(file, "w", encoding="utf-8") as opened:  # noqa: PTH123 - it is open already
        opened.write(text)
        opened.flush()
        os.fsync(file)
    draft.replace(path)


def short(said: object) -> str:
    """One line of what something said."""
    text = "".join(part for part in " ".join(str(said).split()) if part.isprintable())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
