"""The data folder: who holds it, and the sign of life in it."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from contextlib import suppress
from pathlib import Path

LOCK = "engine.lock"
HEARTBEAT = "heartbeat"
HALT = "HALT"
MOST_REASON = 1000  # characters of a halt's reason that are read
TRIES, PAUSE = 10, 0.02


def of_environment() -> Path:
    """Where everything is that must last."""
    return Path(os.environ.get("CHAOS_DATA_DIR") or ".chaos")


class HeldError(Exception):
    """Another engine holds the data folder; the message says which."""


class FolderLock:
    """Held while the process lives: the kernel lets go of it, whatever ends the process."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK
        self._file = self._path.open("a+")
        if not self._take():
            holder = _holder(self._path)
            self._file.close()
            raise HeldError(f"{folder}: held by another engine ({holder})")
        self._file.truncate(0)
        self._file.write(f"pid {os.getpid()} on {socket.gethostname()}")
        self._file.flush()

    def _take(self) -> bool:
        """Tried for a moment: whoever looks whether it is held (`is_held`) holds it for an instant."""
        for _ in range(TRIES):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                time.sleep(PAUSE)
            else:
                return True
        return False

    def release(self) -> None:
        """Let go."""
        self._file.close()


def is_held(folder: Path) -> bool:
    """Whether an engine runs on this folder."""
    path = folder / LOCK
    if not path.exists():
        return False
    with path.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def prepare(folder: Path) -> None:
    """Make the folder. OSError where that cannot be."""
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder}: cannot be written by user {os.getuid()}")


def state_file_refusal(path: Path) -> str | None:
    """Why a failure state cannot be written there; None: it can. Nothing is left behind."""
    folder = path.parent
    if not folder.is_dir():
        return f"the folder {str(folder)!r} does not exist"
    if path.is_dir():
        return f"{str(path)!r} is a folder; allowed: a file"
    if os.access(folder, os.W_OK | os.X_OK) or (path.exists() and os.access(path, os.W_OK)):
        return None
    return f"the folder {str(folder)!r} cannot be written by user {os.getuid()}"


def beat(folder: Path, name: str = HEARTBEAT) -> None:
    """A sign of life: the file's age is what a health check looks at.

    A folder that is gone or full shows in that age; it must not end an engine that has faults to clear.
    """
    with suppress(OSError):
        (folder / name).touch()


def heartbeat_age(folder: Path, now: float) -> float | None:
    """Seconds since the last sign of life; None: there was none."""
    try:
        return now - (folder / HEARTBEAT).stat().st_mtime
    except OSError:
        return None


def halt_reason(folder: Path) -> str | None:
    """The text of the HALT file; None: there is none. One that cannot be read halts all the same."""
    try:
        with (folder / HALT).open(encoding="utf-8", errors="replace") as file:
            return file.read(MOST_REASON).strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return f"the file {HALT} is there, and cannot be read: {error.strerror}"


def _holder(path: Path) -> str:
    try:
        return path.read_text() or "it has not said which"
    except OSError:
        return "unreadable"
