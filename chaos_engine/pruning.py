"""Drops from the journal what is older than it is to be kept: a few rows at a time, the oldest first.

Never dropped: a fault that is open, an experiment that has such a fault or no result, and the highest number.
The file does not become smaller by it: SQLite uses the room again for what comes.
"""

from __future__ import annotations

import sqlite3

from chaos_engine import history
from chaos_engine.ledger import OPEN

_OPEN = ", ".join(f"'{status}'" for status in OPEN)
_OLDEST = f"""
SELECT id FROM experiments INDEXED BY experiments_by_start
  WHERE started_at < ? AND verdict IS NOT NULL
    AND id NOT IN (SELECT experiment FROM faults WHERE status IN ({_OPEN}))
  ORDER BY started_at, rowid LIMIT ?
"""  # noqa: S608
_OF_EXPERIMENT = (
    "DELETE FROM summaries WHERE experiment = ?",
    "DELETE FROM notes WHERE experiment = ?",
    "DELETE FROM faults WHERE CAST(substr(experiment, 2) AS INTEGER) = CAST(substr(?1, 2) AS INTEGER)"
    " AND experiment = ?1",
    "DELETE FROM experiments WHERE id = ?",
)
# Of each a bounded look at the oldest alone, not a search through all of them.
_STRAY = (  # the newest of those that are counted stays: else its number would be used again
    "DELETE FROM events WHERE seq IN (SELECT seq FROM (SELECT seq, at FROM events ORDER BY seq LIMIT ?2)"
    " WHERE at < ?1 AND seq < (SELECT max(seq) FROM events))",
    "DELETE FROM commands WHERE id IN (SELECT id FROM (SELECT id, at, taken_at FROM commands ORDER BY id"
    " LIMIT ?2) WHERE at < ?1 AND taken_at IS NOT NULL AND id < (SELECT max(id) FROM commands))",
    "DELETE FROM faults WHERE id IN (SELECT id FROM (SELECT id, experiment FROM faults"
    " WHERE status IN ('cleared', 'gone') AND cleared_at < ?1 ORDER BY status, cleared_at LIMIT ?2) AS old"
    " WHERE NOT EXISTS (SELECT 1 FROM experiments WHERE experiments.id = old.experiment))",
)
_EVENTS = 12  # so many times as many events as experiments


def prune(db: sqlite3.Connection, before: float, most: int) -> int:
    """Drop up to `most` experiments that began before then (wall time), with all that belongs to them.

    Returns how many; 0: there is nothing of that age, or nothing that may be dropped.
    """
    old = [row["id"] for row in db.execute(_OLDEST, (before, most))]
    with db:
        if old:
            history.remember(db, 0)  # the highest number may be among them
        for statement in _OF_EXPERIMENT:
            db.executemany(statement, [(id_,) for id_ in old])
        for statement in _STRAY:
            db.execute(statement, (before, most * _EVENTS))
    return len(old)


def begun_at(db: sqlite3.Connection, rank: int) -> float | None:
    """When the experiment began that is the so manieth, counted from the newest; None: there are fewer."""
    row = db.execute(
        "SELECT started_at FROM experiments ORDER BY started_at DESC LIMIT 1 OFFSET ?", (rank - 1,)
    ).fetchone()
    return float(row["started_at"]) if row else None
