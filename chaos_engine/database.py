"""Opens the journal's file: checks that it is one, creates its tables, brings older ones up to date."""

from __future__ import annotations

import json
import os
import sqlite3
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chaos_engine import ledger, notes, summaries

SCHEMA_VERSION = 5
_MODE_TRIES, _MODE_PAUSE = 100, 0.05
# Shared memory, which WAL needs, does not work across machines (sqlite.org/wal.html).
_NETWORK_FILE_SYSTEMS = ("nfs", "cifs", "smb", "9p", "fuse", "ceph", "glusterfs")

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE experiments (
  id TEXT PRIMARY KEY, started_at REAL NOT NULL, ended_at REAL, title TEXT NOT NULL, scenario TEXT NOT NULL,
  target TEXT NOT NULL, phase TEXT NOT NULL, plan TEXT NOT NULL, injected_at REAL, verdict TEXT, result TEXT,
  snapshot TEXT);
CREATE INDEX experiments_by_start ON experiments (started_at);
CREATE TABLE events (
  seq INTEGER PRIMARY KEY, at REAL NOT NULL, experiment TEXT, kind TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE commands (
  id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, arguments TEXT NOT NULL,
  taken_at REAL, outcome TEXT);
"""

# A CHECK cannot be changed in place: the ledger is copied (sqlite.org/lang_altertable.html).
_TO_2 = f"""
ALTER TABLE faults RENAME TO faults_1;
DROP INDEX faults_by_status;
{ledger.SCHEMA}
INSERT INTO faults
  SELECT id, experiment, owner, epoch, status, armed_at, applied_at, NULL, cleared_at, deadline, fault
  FROM faults_1;
DROP TABLE faults_1;
"""  # noqa: S608
_TO_3 = "ALTER TABLE experiments ADD COLUMN snapshot TEXT;"
# Among a million each question is answered out of an index; then its few rows are read.
_TO_4 = """
DROP INDEX experiments_by_start;
CREATE INDEX experiments_by_start ON experiments (started_at, scenario, target, verdict);
CREATE INDEX IF NOT EXISTS experiments_by_scenario
  ON experiments (scenario, started_at, target, verdict, injected_at);
CREATE INDEX IF NOT EXISTS experiments_by_verdict ON experiments (verdict, started_at, scenario, target);
CREATE INDEX IF NOT EXISTS experiments_by_injection ON experiments (injected_at, started_at);
CREATE INDEX IF NOT EXISTS experiments_by_number ON experiments (CAST(substr(id, 2) AS INTEGER));
CREATE INDEX IF NOT EXISTS experiments_unfinished ON experiments (id) WHERE result IS NULL;
DROP INDEX IF EXISTS faults_by_status;
CREATE INDEX faults_by_status ON faults (status, cleared_at);
CREATE INDEX IF NOT EXISTS faults_by_number ON faults (CAST(substr(experiment, 2) AS INTEGER));
"""
_TO_5 = summaries.SCHEMA + notes.SCHEMA
_STEPS = {  # from which version
    0: _TABLES + ledger.SCHEMA + _TO_4 + _TO_5,
    1: _TO_2 + _TO_3 + _TO_4 + _TO_5,
    2: _TO_3 + _TO_4 + _TO_5,
    3: _TO_4 + _TO_5,
    4: _TO_5,
}


class JournalError(Exception):
    """The journal cannot be used; the message says which file and why. The file is left untouched."""


def opened(path: Path, warn: Callable[[str], None]) -> sqlite3.Connection:
    """A connection to the journal, which is made where there is none. JournalError: it cannot be used."""
    try:
        db = sqlite3.connect(path, timeout=10.0)
    except sqlite3.DatabaseError as error:
        raise JournalError(f"{path}: cannot be used as the journal: {error}") from error
    try:
        _make_ready(path, db, warn)
    except sqlite3.DatabaseError as error:
        db.close()
        raise JournalError(f"{path}: cannot be used as the journal: {error}") from error
    except BaseException:
        db.close()
        raise
    return db


def _make_ready(path: Path, db: sqlite3.Connection, warn: Callable[[str], None]) -> None:
    db.row_factory = _as_dict
    _check_version(path, db)  # before anything is written: what is not ours stays untouched
    _set_journal_mode(db, _journal_mode(path, warn))
    db.execute("PRAGMA synchronous = FULL")
    _migrate(path, db)


def _check_version(path: Path, db: sqlite3.Connection) -> int:
    version = int(db.execute("PRAGMA user_version").fetchone()["user_version"])
    tables = {row["name"] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and not {"meta", "experiments", "faults"} <= tables:
        raise JournalError(f"{path}: is a database, and not a journal of the chaos engine")
    if version > SCHEMA_VERSION:
        raise JournalError(
            f"{path}: schema {version} is newer than {SCHEMA_VERSION}, which this version knows"
        )
    return version if tables else 0


def _migrate(path: Path, db: sqlite3.Connection) -> None:
    """Create or renew the tables, once: another process may be opening the same journal."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        version = _check_version(path, db)
        if version < SCHEMA_VERSION:
            for statement in _STEPS[version].split(";")[:-1]:
                db.execute(statement)
            summaries.fill(db)
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        owner = json.dumps(uuid.uuid4().hex[:12])
        db.execute(
            "INSERT OR IGNORE INTO meta VALUES ('owner', ?)", (owner,)
        )  # drawn once, by whoever is first


def _set_journal_mode(db: sqlite3.Connection, mode: str) -> None:
    """Another process may be changing it on the same new file, and SQLite does not wait for that."""
    for attempt in range(_MODE_TRIES):
        try:
            db.execute(f"PRAGMA journal_mode = {mode}")
        except sqlite3.OperationalError:
            if attempt == _MODE_TRIES - 1:
                raise
            time.sleep(_MODE_PAUSE)
        else:
            return


def _journal_mode(path: Path, warn: Callable[[str], None]) -> str:
    kind = _file_system(path.parent)
    if not kind.startswith(_NETWORK_FILE_SYSTEMS):
        return "WAL"
    warn(f"{path} is on {kind}, where write-ahead logging is not safe; it uses a rollback journal")
    return "DELETE"


def _file_system(folder: Path) -> str:
    """Type of the mount that holds the folder; empty where /proc cannot say."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return ""
    real = os.path.realpath(folder)
    holding = [m for m in mounts if real == m[1] or real.startswith(m[1].rstrip("/") + "/")]
    return max(holding, key=lambda m: len(m[1]), default=["", "", ""])[2]


def _as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}
