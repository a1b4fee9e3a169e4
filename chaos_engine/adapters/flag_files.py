"""Files of feature flags on disk: changed as text, so that everything else in them stays as it is."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from chaos_engine.adapters.whole_files import Writer, renamed

MOST_BYTES = 4_194_304


class FlagFiles:
    """Fulfils `ports.Flags`. `warn` is told once for each file that is written in place."""

    def __init__(
        self,
        warn: Callable[[str], None] = lambda _: None,
        rename: Callable[[Path, Path], object] = renamed,
    ) -> None:
        self._writer = Writer(warn, rename)

    def read(self, path: Path) -> str | None:
        """Its text; None where there is no file. OSError, ValueError: it cannot be read."""
        try:
            with path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if len(data) > MOST_BYTES:
            raise ValueError(f"{path}: is larger than {MOST_BYTES} bytes")
        return data.decode("utf-8")

    def change(self, path: Path, edit: Callable[[str], str]) -> None:
        """Read, edit and write under a lock; nothing is written where nothing changes, or there is no file.

        Raises what `edit` raises, and OSError where it cannot be written.
        """
        with _locked(path) as there:
            text = self.read(path) if there else None
            changed = None if text is None else edit(text)
            if changed is not None and changed != text:
                self._write(path, changed.encode())

    def _write(self, path: Path, data: bytes) -> None:
        before = path.stat()
        self._writer.write(
            path, data, stat.S_IMODE(before.st_mode), prepare=partial(_own, as_=before), locked=True
        )


def _own(temporary: Path, as_: os.stat_result) -> None:
    """Keep the owner; PermissionError where that cannot be: then it is written in place."""
    made = temporary.stat()
    if (made.st_uid, made.st_gid) != (as_.st_uid, as_.st_gid):
        os.chown(temporary, as_.st_uid, as_.st_gid)


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Nobody else of ours changes it meanwhile; False: there is no such file.

    The lock is on the file, and another who had it may have put another file in its place: so it is looked
    at again.
    """
    while True:
        try:
            file = path.open("rb")
        except (FileNotFoundError, NotADirectoryError):
            yield False
            return
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_still_there(file.fileno(), path):
                yield True
                return


def _is_still_there(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
