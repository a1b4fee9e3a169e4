"""A file that others read is replaced whole, or written in place where a rename cannot be."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

LITTER_AFTER = 60.0  # seconds after which a temporary file is nobody's any more
# A single bind-mounted file cannot be renamed over; a read-only folder may hold a writable file.
IN_PLACE = (errno.EBUSY, errno.EACCES, errno.EPERM, errno.EROFS, errno.EXDEV)


def renamed(temporary: Path, path: Path) -> None:
    """What a machine does."""
    temporary.replace(path)


class Writer:
    """Replaces files, or writes them in place; `warn` is told of the latter, once for each file."""

    def __init__(self, warn: Callable[[str], None], rename: Callable[[Path, Path], object]) -> None:
        self._warn = warn
        self._rename = rename
        self._warned: set[Path] = set()

    def write(
        self,
        path: Path,
        data: bytes,
        mode: int,
        *,
        prepare: Callable[[Path], object] = lambda _: None,
        locked: bool = False,
    ) -> None:
        """`prepare` sees the new file before it takes the old one's place. OSError: neither way works."""

        def rename(temporary: Path, path: Path) -> None:
            prepare(temporary)
            self._rename(temporary, path)

        try:
            replace(path, data, mode, rename)
        except OSError as error:
            if error.errno not in IN_PLACE or not path.exists():
                raise
            self._warn_once(path)
            write_in_place(path, data, locked=locked)

    def _warn_once(self, path: Path) -> None:
        if path not in self._warned:
            self._warned.add(path)
            self._warn(f"{path} cannot be replaced, so it is written in place; mount its folder instead")


def replace(path: Path, data: bytes, mode: int, rename: Callable[[Path, Path], object]) -> None:
    """All of it at once, and on disk. OSError, one of IN_PLACE among them: as it was."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        rename(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    _sweep(path)


def write_in_place(path: Path, data: bytes, *, locked: bool = False) -> None:
    """Padded to the old length first, so that a reader never sees the tail of the old text.

    `locked`: the caller holds the file's lock.
    """
    with path.open("r+b") as file:
        if not locked:
            fcntl.flock(file, fcntl.LOCK_EX)
        old = os.fstat(file.fileno()).st_size
        file.write(data.ljust(old, b" "))
        file.flush()
        os.ftruncate(file.fileno(), len(data))
        os.fsync(file.fileno())


def _sweep(path: Path) -> None:
    """Remove what earlier writes left that were killed; one under way is younger."""
    with suppress(OSError):  # the file is written: that counts
        for other in path.parent.iterdir():
            if other.name.startswith(f".{path.name}.") and time.time() - other.stat().st_mtime > LITTER_AFTER:
                other.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
