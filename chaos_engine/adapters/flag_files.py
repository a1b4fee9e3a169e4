"""Files of feature flags on disk: changed as text, so that everything else in them stays as it is."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos_engine.adapters.whole_files import IN_PLACE, renamed, replace, write_in_place

MOST_BYTES = 4_194_304


class FlagFiles:
    """Fulfils `ports.Flags`. `warn` is told once for each file that is written in place."""

    def __init__(
        self,
        warn: Callable[[str], None] = lambda _: None,
        rename: Callable[[Path, Path], object] = renamed,
    ) -> None:
        self._warn = warn
        self._rename = rename
        self._warned: set[Path] = set()

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
        try:
            replace(path, data, stat.S_IMODE(before.st_mode), self._owned_as(before))
        except OSError as error:
            if error.errno not in IN_PLACE:
                raise
            if path not in self._warned:
                self._warned.add(path)
                self._warn(f"{path} cannot be replaced, so it is written in place; mount its folder instead")
            write_in_place(path, data, locked=True)

    def _owned_as(self, before: os.stat_result) -> Callable[[Path, Path], object]:
        """A rename that keeps the owner, or fails with PermissionError: then it is written in place."""

        def rename(temporary: Path, path: Path) -> None:
            made = temporary.stat()
            if (made.st_uid, made.st_gid) != (before.st_uid, before.st_gid):
                os.chown(temporary, before.st_uid, before.st_gid)
            self._rename(temporary, path)

        return rename


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
