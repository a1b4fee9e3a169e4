"""What people add to an experiment: an observation, an issue it has discovered, an improvement."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

KINDS = ("observation", "issue", "improvement")
SCHEMA = """
CREATE TABLE IF NOT EXISTS notes (
  seq INTEGER PRIMARY KEY, experiment TEXT NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL,
  who TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS notes_by_experiment ON notes (experiment);
"""


def add(db: sqlite3.Connection, experiment: str, at: float, kind: str, who: str, text: str) -> None:
    """Keep one. ValueError: another kind, no text, or no such experiment. The caller's transaction."""
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of note; allowed: {', '.join(KINDS)}")
    if not text.strip():
        raise ValueError("the note is empty")
    if not db.execute("SELECT 1 FROM experiments WHERE id = ?", (experiment,)).fetchone():
        raise ValueError(f"unknown experiment {experiment!r}; `chaos-engine history` lists them")
    db.execute(
        "INSERT INTO notes (experiment, at, kind, who, text) VALUES (?, ?, ?, ?, ?)",
        (experiment, at, kind, who, text.strip()),
    )


def of_experiment(db: sqlite3.Connection, experiment: str) -> list[dict[str, Any]]:
    """Notes on one experiment, oldest first: at, kind, who, text."""
    rows = db.execute(
        "SELECT at, kind, who, text FROM notes WHERE experiment = ? ORDER BY seq", (experiment,)
    )
    return [dict(row) for row in rows]


def between(db: sqlite3.Connection, since: float, until: float) -> Iterator[dict[str, Any]]:
    """Notes on experiments that began at or after `since`, and before `until`."""
    yield from db.execute(
        "SELECT experiment, at, kind, who, text FROM notes WHERE experiment IN"
        " (SELECT experiment FROM summaries WHERE started_at >= ? AND started_at < ?) ORDER BY seq",
        (since, until),
    )
