"""Files that others read as soon as they are there: replaced whole, never half written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def refusal(path: Path) -> str | None:
    """Why no file can be written there; None: one can. Nothing is left behind."""
    folder = path.parent
    if not folder.is_dir():
        return f"the folder {str(folder)!r} does not exist"
    if path.exists() and not path.is_file():
        return f"{str(path)!r} is no regular file; allowed: a file that may be written over"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"the folder {str(folder)!r} cannot be written by user {os.getuid()}"
    return None


def write(path: Path, text: str) -> None:
    """Replace the file. OSError where that cannot be."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)  # whoever collects it may be another user
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
