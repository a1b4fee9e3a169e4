"""Reads past experiments out of a journal of any size: which ones, from an index alone; then their rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_COLUMNS = "id, started_at, ended_at, title, scenario, target, phase, injected_at, verdict, result"
_HIGHEST = "highest_number"  # a fact of the journal


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which experiments; empty and None: not narrowed by that. Times are wall times."""

    scenario: str = ""
    target: str = ""
    verdict: str = ""
    since: float | None = None
    until: float | None = None
    before: str | None = None  # the last id of the page before

    def conditions(self) -> Iterator[tuple[str, tuple[object, ...]]]:
        """Each as SQL with its values."""
        if self.scenario:
            yield "scenario = ?", (self.scenario,)
        if self.target:  # one of several has a comma beside it
            yield "instr(', ' || target || ', ', ', ' || ? || ', ')", (self.target,)
        if self.verdict:
            yield "verdict = ?", (self.verdict,)
        if self.since is not None:
            yield "started_at >= ?", (self.since,)
        if self.until is not None:
            yield "started_at < ?", (self.until,)
        if self.before is not None:  # two may have begun at once
            last = "(SELECT started_at, rowid FROM experiments WHERE id = ?)"
            yield f"(started_at, rowid) < {last}", (self.before,)


def page(db: sqlite3.Connection, limit: int, wanted: Wanted) -> list[dict[str, Any]]:
    """So many of them, newest first, each with its result."""
    found = list(wanted.conditions())
    where = " AND ".join(condition for condition, _ in found) or "TRUE"
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM experiments WHERE rowid IN"  # noqa: S608
        f" (SELECT rowid FROM experiments WHERE {where} ORDER BY started_at DESC, rowid DESC LIMIT ?)"
        " ORDER BY started_at DESC, rowid DESC",
        (*(value for _, values in found for value in values), limit),
    )
    return [{**row, "result": json.loads(row["result"]) if row["result"] else None} for row in rows]


def last_number(db: sqlite3.Connection) -> int:
    """The highest number that an experiment has had, also one that is no longer there; 0: there was none."""
    kept = db.execute("SELECT value FROM meta WHERE key = ?", (_HIGHEST,)).fetchone()
    known = [_highest(db, "experiments", "id"), _highest(db, "faults", "experiment")]
    return max(*known, int(json.loads(kept["value"])) if kept else 0)


def remember(db: sqlite3.Connection, number: int) -> None:
    """Never use a number again that is not higher than this one. The caller's transaction."""
    highest = json.dumps(max(number, last_number(db)))
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_HIGHEST, highest))


def _highest(db: sqlite3.Connection, table: str, column: str) -> int:
    row = db.execute(f"SELECT max(CAST(substr({column}, 2) AS INTEGER)) AS n FROM {table}").fetchone()  # noqa: S608
    return int(row["n"] or 0)
