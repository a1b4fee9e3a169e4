"""The journal, as `chaos run` writes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaoslib.log import encoder


@dataclass(frozen=True)
class Written:
    """Where it is, and what went wrong with it."""

    path: str | None
    error: str | None

    def told(self) -> dict[str, str | None]:
        """As it goes into the record."""
        return {"journal": self.path, "journal_error": self.error}


def write(journal: dict[str, Any], folder: Path, asked: str | None) -> Written:
    """Into the folder always, and to where it is asked for."""
    text, error = text_of(journal)
    kept, unkept = into(folder / "journal.json", text)
    if asked is None or error is not None:
        return Written(kept, error or unkept)
    path, unwritten = into(Path(asked).absolute(), text)
    return Written(path or kept, unwritten or unkept)


def text_of(journal: dict[str, Any]) -> tuple[str, str | None]:
    """What JSON cannot hold is an error there, and no journal; here it is also what it looks like."""
    try:
        return json.dumps(journal, indent=2, ensure_ascii=False, default=encoder), None
    except (TypeError, ValueError) as error:
        shown = json.dumps(journal, indent=2, ensure_ascii=False, default=repr, skipkeys=True)
        return shown, f"the journal cannot be written as JSON: {error}"


def into(path: Path, text: str) -> tuple[str | None, str | None]:
    """The path, or why not."""
    try:
        with path.open("w") as file:
            file.write(text)
    except (OSError, UnicodeError) as error:
        return None, f"{path}: {error}"
    return str(path), None
