"""What `doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass

OK, BAD, NOTE = "ok", "bad", "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: str  # ok, bad, note
    text: str
