"""Failure-state files on disk: replaced whole, or written in place where a rename cannot be."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from chaos_engine.adapters.whole_files import Writer, renamed

MOST_BYTES = 65536
STATE_MODE = 0o644  # engine and app may run under different users


class StateFiles:
    """Fulfils `ports.FailureStates`. `warn` is told once for each file that is written in place."""

    def __init__(
        self,
        warn: Callable[[str], None] = lambda _: None,
        rename: Callable[[Path, Path], object] = renamed,
    ) -> None:
        self._writer = Writer(warn, rename)

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
        self._writer.write(path, data, STATE_MODE)

    def remove(self, path: Path) -> None:
        """Leave nothing to read; a full disk has room for that. OSError where neither way works."""
        try:
            path.unlink(missing_ok=True)
        except OSError:  # a mounted file stays; an empty one reads as healthy too
            os.truncate(path, 0)
