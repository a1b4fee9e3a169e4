"""Failure-state files on disk: replaced whole, or written in place where a rename cannot be."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

MOST_BYTES = 65536
LITTER_AFTER = 60.0  # seconds after which a temporary file is nobody's any more
# A single bind-mounted file cannot be renamed over; a read-only folder may hold a writable file.
_IN_PLACE = (errno.EBUSY, errno.EACCES, errno.EPERM, errno.EROFS, errno.EXDEV)


class StateFiles:
    """Fulfils `ports.FailureStates`. `warn` is told once for each file that is written in place."""

    def __init__(
        self,
        warn: Callable[[str], None] = lambda _: None,
        rename: Callable[[Path, Path], object] = lambda temporary, path: temporary.replace(path),
    ) -> None:
        self._warn = warn
        self._rename = rename
        self._warned: set[Path] = set()

    def read(self, path: Path) -> Mapping[str, Any] | None:
        """The state; None where there is no file, empty where it is torn, too large or not an object.

        OSError where it cannot be read: that is not the same as nothing to read.
        """
        try:
            with path.open("rb") as file:
                state = json.loads(file.read(MOST_BYTES))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except (ValueError, RecursionError):
            return {}
        return state if isinstance(state, dict) else {}

    def write(self, path: Path, state: Mapping[str, Any]) -> None:
        """Replace the state. OSError where neither way works."""
        data = json.dumps(dict(state), allow_nan=False).encode() + b"\n"
        try:
            _replace(path, data, self._rename)
        except OSError as error:
            if error.errno not in _IN_PLACE or not path.exists():
                raise
            self._warn_once(path)
            _write_in_place(path, data)

    def remove(self, path: Path) -> None:
        """Leave nothing to read; a full disk has room for that. OSError where neither way works."""
        try:
            path.unlink(missing_ok=True)
        except OSError:  # a mounted file stays; an empty one reads as healthy too
            os.truncate(path, 0)

    def _warn_once(self, path: Path) -> None:
        if path not in self._warned:
            self._warned.add(path)
            self._warn(f"{path} cannot be replaced, so it is written in place; mount its folder instead")


def _replace(path: Path, data: bytes, rename: Callable[[Path, Path], object]) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), 0o644)  # engine and app may run under different users
            os.fsync(file.fileno())
        rename(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    _sweep(path)


def _sweep(path: Path) -> None:
    """Remove what earlier writes left that were killed; one under way is younger."""
    with suppress(OSError):  # the state is written: that counts
        for other in path.parent.iterdir():
            if other.name.startswith(f".{path.name}.") and time.time() - other.stat().st_mtime > LITTER_AFTER:
                other.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_in_place(path: Path, data: bytes) -> None:
    """Padded to the old length first, so that a reader never sees the tail of the old state."""
    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        old = os.fstat(file.fileno()).st_size
        file.write(data.ljust(old, b" "))
        file.flush()
        os.ftruncate(file.fileno(), len(data))
        os.fsync(file.fileno())
