"""A journal as text, to keep elsewhere: one JSON object a line (docs/report.md#export-and-import).

The first line says what it is, the last how many lines there were: a file that was cut off is seen to be.
Between them come experiments, then their faults, notes and events.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

FORMAT, VERSION = "chaos-engine journal", 1
_KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = {  # kind -> its rows, and which of their texts are JSON
    "experiment": (
        "SELECT id, started_at, ended_at, title, scenario, target, phase, plan, injected_at, verdict, result"
        " FROM experiments ORDER BY rowid",
        ("plan", "result"),
    ),
    "fault": (
        "SELECT id, experiment, owner, epoch, status, armed_at, applied_at, taken_at, cleared_at, deadline,"
        " fault FROM faults ORDER BY rowid",
        ("fault",),
    ),
    "note": ("SELECT experiment, at, kind, who, text FROM notes ORDER BY seq", ()),
    "event": (
        "SELECT experiment, at, kind, data FROM events WHERE experiment IS NOT NULL ORDER BY seq",
        ("data",),
    ),
}


def lines(db: sqlite3.Connection, owner: str, number: int, at: float) -> Iterator[str]:
    """Everything at one moment, also while an engine writes. `number`: the highest there was."""
    head = {"format": FORMAT, "version": VERSION, "owner": owner, "exported_at": at, "highest": number}
    yield json.dumps(head)
    counted: Counter[str] = Counter()
    db.execute("BEGIN")  # one view of all tables
    try:
        for kind, (query, texts) in _KINDS.items():
            for row in db.execute(query):
                counted[kind] += 1
                yield json.dumps({kind: {**row, **{name: _unfolded(row[name]) for name in texts}}})
    finally:
        db.rollback()
    yield json.dumps({"end": {kind: counted[kind] for kind in _KINDS}})


def _unfolded(text: str | None) -> Any:
    return None if text is None else json.loads(text)
