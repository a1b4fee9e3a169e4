"""What a report needs of each experiment that has ended: small beside its whole result, and in order of time.

A summary is derived from the result alone, by one statement: for one experiment when it ends, and for all
of them where a journal is brought up to date or taken in.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

# A span is [stage, probe, outcome, start, end, measured, why it is no pass] of one judgement.
SCHEMA = """
CREATE TABLE IF NOT EXISTS summaries (
  experiment TEXT PRIMARY KEY, started_at REAL NOT NULL, ended_at REAL, title TEXT NOT NULL,
  scenario TEXT NOT NULL, target TEXT NOT NULL, injected_at REAL, cleared_at REAL, verdict TEXT NOT NULL,
  run TEXT, hypothesis TEXT, recovery TEXT, cleanup TEXT, witness TEXT, time_to_recover REAL, ended_by TEXT,
  reason TEXT, spans TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS summaries_by_start ON summaries (started_at);
"""
_FACTS = ("run", "hypothesis", "recovery", "cleanup", "witness", "time_to_recover", "ended_by")
_STAGES = (("before", "before"), ("during", "judgements"), ("after", "after"))
_SPAN = ", ".join(
    f"json_extract(value, '$.{path}')"
    for path in ("probe", "outcome", "evidence.window.start", "evidence.window.end", "evidence.measured")
)
_REASON = """CASE json_extract(value, '$.outcome')
  WHEN 'pass' THEN '' ELSE substr(json_extract(value, '$.reason'), 1, 200) END"""
_SPANS = " UNION ALL ".join(
    f"SELECT json_array('{stage}', {_SPAN}, {_REASON}) AS span"  # noqa: S608
    f" FROM json_each(result, '$.{place}')"
    for stage, place in _STAGES
)
FILL = f"""
INSERT OR REPLACE INTO summaries
  SELECT id, started_at, ended_at, title, scenario, target, injected_at, json_extract(result, '$.cleared_at'),
    verdict, {", ".join(f"json_extract(result, '$.{fact}')" for fact in _FACTS)},
    substr(json_extract(result, '$.reason'), 1, 300),
    (SELECT json_group_array(json(span)) FROM ({_SPANS}))
  FROM experiments WHERE result IS NOT NULL AND id >= ? AND id <= ?
"""  # noqa: S608
LAST_ID = "\U0010ffff"  # after every id


def fill(db: sqlite3.Connection, experiment: str | None = None) -> None:
    """Summarize one experiment, or all of them. The caller's transaction."""
    db.execute(FILL, ("", LAST_ID) if experiment is None else (experiment, experiment))


_TEXTS = ("run", "hypothesis", "recovery", "cleanup", "witness", "ended_by", "reason")
COLUMNS = (
    "experiment", "started_at", "ended_at", "title", "scenario", "target", "injected_at", "cleared_at",
    "verdict", "run", "hypothesis", "recovery", "cleanup", "witness", "time_to_recover",
    "ended_by", "reason", "spans",
)  # fmt: skip


def between(
    db: sqlite3.Connection, since: float, until: float, *, spans: bool = True
) -> Iterator[tuple[Any, ...]]:
    """Summaries of what began at or after `since`, and before `until`, oldest first, as `COLUMNS` says.

    `spans` is JSON text; where they are not asked for an empty list.
    """
    columns = [f"coalesce({name}, '')" if name in _TEXTS else name for name in COLUMNS]
    columns[-1] = "spans" if spans else "'[]'"
    cursor = db.cursor()
    cursor.row_factory = None  # plain tuples: a year of experiments is many
    yield from cursor.execute(
        f"SELECT {', '.join(columns)} FROM summaries"  # noqa: S608
        " WHERE started_at >= ? AND started_at < ? ORDER BY started_at, rowid",
        (since, until),
    )
