"""The durable record: experiments, the ledger of faults, events, and commands to a running daemon.

SQLite with `synchronous=FULL`: what a call has returned from is on disk. One connection a thread.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from chaos_engine.model import Experiment, Fault, Result, Window

SCHEMA_VERSION = 1
FILE_NAME = "journal.db"
_MODE_TRIES, _MODE_PAUSE = 100, 0.05
STALE = 60.0  # seconds after which a command that nobody took is void
# Shared memory, which WAL needs, does not work across machines (sqlite.org/wal.html).
_NETWORK_FILE_SYSTEMS = ("nfs", "cifs", "smb", "9p", "fuse", "ceph", "glusterfs")

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE experiments (
  id TEXT PRIMARY KEY, started_at REAL NOT NULL, ended_at REAL, title TEXT NOT NULL, scenario TEXT NOT NULL,
  target TEXT NOT NULL, phase TEXT NOT NULL, plan TEXT NOT NULL, injected_at REAL, verdict TEXT, result TEXT);
CREATE INDEX experiments_by_start ON experiments (started_at);
CREATE TABLE faults (
  id TEXT PRIMARY KEY, experiment TEXT NOT NULL, owner TEXT NOT NULL, epoch INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('intent', 'applied', 'cleared', 'gone')),
  armed_at REAL NOT NULL, applied_at REAL, cleared_at REAL, deadline REAL NOT NULL, fault TEXT NOT NULL);
CREATE INDEX faults_by_status ON faults (status);
CREATE TABLE events (
  seq INTEGER PRIMARY KEY, at REAL NOT NULL, experiment TEXT, kind TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE commands (
  id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, arguments TEXT NOT NULL,
  taken_at REAL, outcome TEXT);
"""


class JournalError(Exception):
    """The journal cannot be used; the message says which file and why. The file is left untouched."""


@dataclass(frozen=True, slots=True)
class Command:
    """Something that an operator asked of the running daemon."""

    id: int
    kind: str
    arguments: Mapping[str, Any]


class Journal:
    """An open journal. `owner` is the id of its data folder."""

    def __init__(self, folder: Path, warn: Callable[[str], None] = lambda _: None) -> None:
        self.path = folder / FILE_NAME
        self._db = _open(self.path, warn)
        self.owner: str = json.loads(
            self._db.execute("SELECT value FROM meta WHERE key = 'owner'").fetchone()["value"]
        )

    def close(self) -> None:
        """Flush and close."""
        self._db.close()

    # --- the ledger ---

    def arm(self, fault: Fault) -> None:
        """The intent, on disk before anything is injected."""
        with self._db:
            self._db.execute(
                "INSERT INTO faults (id, experiment, owner, epoch, status, armed_at, deadline, fault)"
                " VALUES (?, ?, ?, ?, 'intent', ?, ?, ?)",
                (
                    fault.id, fault.experiment, fault.owner, fault.epoch, fault.armed_at.wall,
                    fault.deadline.wall, _codec(Fault).dump_json(fault).decode(),
                ),
            )  # fmt: skip

    def applied(self, fault: Fault, at: float) -> None:
        """The scenario has acted."""
        with self._db:
            self._db.execute(
                "UPDATE faults SET status = 'applied', applied_at = ? WHERE id = ? AND status = 'intent'",
                (at, fault.id),
            )
            self._db.execute(
                "UPDATE experiments SET injected_at = coalesce(injected_at, ?) WHERE id = ?",
                (at, fault.experiment),
            )

    def cleared(self, fault: Fault, at: float) -> None:
        """The fault is out."""
        with self._db:
            self._db.execute(
                "UPDATE faults SET status = 'cleared', cleared_at = ? WHERE id = ?", (at, fault.id)
            )

    def open_faults(self) -> list[Fault]:
        """Every fault that may still be in the world, oldest first."""
        rows = self._db.execute(
            "SELECT fault FROM faults WHERE status IN ('intent', 'applied') ORDER BY armed_at"
        )
        return [_codec(Fault).validate_json(row["fault"]) for row in rows]

    def fault_windows(self, since: float) -> list[Window]:
        """From when to when faults were in, as far as they ended after `since`."""
        rows = self._db.execute(
            "SELECT armed_at, coalesce(cleared_at, deadline) AS ended FROM faults WHERE ended > ?", (since,)
        )
        return [Window(row["armed_at"], row["ended"]) for row in rows]

    # --- experiments ---

    def begin(self, id_: str, experiment: Experiment, at: float) -> None:
        """An experiment is at its gate."""
        with self._db:
            self._db.execute(
                "INSERT INTO experiments (id, started_at, title, scenario, target, phase, plan)"
                " VALUES (?, ?, ?, ?, ?, 'gate', ?)",
                (
                    id_, at, experiment.title, experiment.label, ", ".join(experiment.targets),
                    _codec(Experiment).dump_json(experiment).decode(),
                ),
            )  # fmt: skip

    def phase(self, id_: str, phase: str, at: float) -> None:
        """An experiment entered a phase."""
        with self._db:
            self._db.execute("UPDATE experiments SET phase = ? WHERE id = ?", (phase, id_))
            self._event(at, "phase", id_, {"phase": phase})

    def end(self, id_: str, result: Result, at: float) -> None:
        """An experiment has its result."""
        plain = json.loads(_codec(Result).dump_json(result))  # NaN is null, which JSON has a word for
        text = json.dumps({**plain, "verdict": result.verdict.value})
        with self._db:
            self._db.execute(
                "UPDATE experiments SET ended_at = ?, phase = 'done', verdict = ?, result = ?,"
                " injected_at = ? WHERE id = ?",
                (at, result.verdict.value, text, result.injected_at, id_),
            )

    def unfinished(self) -> list[str]:
        """Experiments without a result: the engine died in the middle of them."""
        return [row["id"] for row in self._db.execute("SELECT id FROM experiments WHERE result IS NULL")]

    def count(self) -> int:
        """How many experiments there are."""
        return int(self._db.execute("SELECT coalesce(max(rowid), 0) AS n FROM experiments").fetchone()["n"])

    def injections_since(self, at: float) -> tuple[float, ...]:
        """Start times (wall) of the experiments that injected since then, ascending."""
        rows = self._db.execute(
            "SELECT started_at FROM experiments WHERE injected_at > ? ORDER BY started_at", (at,)
        )
        return tuple(row["started_at"] for row in rows)

    def history(self, limit: int, *, scenario: str = "", target: str = "") -> list[dict[str, Any]]:
        """The newest experiments first, each with its result."""
        rows = self._db.execute(
            "SELECT id, started_at, ended_at, title, scenario, target, phase, injected_at, verdict, result"
            " FROM experiments WHERE (? = '' OR scenario = ?) AND (? = '' OR target = ?)"
            " ORDER BY started_at DESC LIMIT ?",
            (scenario, scenario, target, target, limit),
        )
        return [{**row, "result": json.loads(row["result"]) if row["result"] else None} for row in rows]

    def find(self, id_: str) -> dict[str, Any] | None:
        """One experiment, with its plan."""
        row = self._db.execute("SELECT * FROM experiments WHERE id = ?", (id_,)).fetchone()
        if row is None:
            return None
        result = json.loads(row["result"]) if row["result"] else None
        return {**row, "result": result, "plan": json.loads(row["plan"])}

    def tally(self) -> dict[str, int]:
        """How often each scenario was injected."""
        rows = self._db.execute(
            "SELECT scenario, count(*) AS n FROM experiments WHERE injected_at IS NOT NULL GROUP BY scenario"
        )
        return {row["scenario"]: row["n"] for row in rows}

    def note(self, at: float, kind: str, **data: Any) -> None:
        """Anything else that is worth keeping: a skip, a reload, a switch."""
        with self._db:
            self._event(at, kind, None, data)

    def events(self, limit: int) -> list[dict[str, Any]]:
        """The newest events first."""
        rows = self._db.execute("SELECT * FROM events ORDER BY seq DESC LIMIT ?", (limit,))
        return [{**row, "data": json.loads(row["data"])} for row in rows]

    # --- commands and small facts ---

    def post(self, kind: str, arguments: Mapping[str, Any], at: float) -> int:
        """Ask something of the daemon that runs on this journal. Returns the command's id."""
        with self._db:
            cursor = self._db.execute(
                "INSERT INTO commands (at, kind, arguments) VALUES (?, ?, ?)",
                (at, kind, json.dumps(dict(arguments))),
            )
        return int(cursor.lastrowid or 0)

    def take(self, at: float) -> list[Command]:
        """Commands that nobody has taken yet, oldest first; they are taken now.

        One whose sender has long gone is not obeyed: it was posted to a daemon that died.
        """
        rows = self._db.execute("SELECT * FROM commands WHERE taken_at IS NULL ORDER BY id").fetchall()
        if not rows:
            return []
        with self._db:  # by id: another may have been posted since
            self._db.executemany(
                "UPDATE commands SET taken_at = ? WHERE id = ?", [(at, row["id"]) for row in rows]
            )
        fresh = [row for row in rows if row["at"] > at - STALE]
        return [Command(row["id"], row["kind"], json.loads(row["arguments"])) for row in fresh]

    def withdraw(self, command: int, at: float) -> bool:
        """Take back a command; False: it was taken already."""
        with self._db:
            cursor = self._db.execute(
                "UPDATE commands SET taken_at = ? WHERE id = ? AND taken_at IS NULL", (at, command)
            )
        return cursor.rowcount == 1

    def answer(self, command: int, outcome: Mapping[str, Any]) -> None:
        """What became of a command."""
        with self._db:
            self._db.execute(
                "UPDATE commands SET outcome = ? WHERE id = ?", (json.dumps(dict(outcome)), command)
            )

    def outcome(self, command: int) -> dict[str, Any] | None:
        """What became of a command; None: not yet known."""
        row = self._db.execute("SELECT outcome FROM commands WHERE id = ?", (command,)).fetchone()
        return json.loads(row["outcome"]) if row and row["outcome"] else None

    def get(self, key: str) -> Any:
        """A small fact; None where it was never set."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return json.loads(row["value"]) if row else None

    def put(self, key: str, value: Any) -> None:
        """Remember a small fact."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))

    # --- within ---

    def _event(self, at: float, kind: str, experiment: str | None, data: Mapping[str, Any]) -> None:
        self._db.execute(
            "INSERT INTO events (at, experiment, kind, data) VALUES (?, ?, ?, ?)",
            (at, experiment, kind, json.dumps(dict(data))),
        )


def _open(path: Path, warn: Callable[[str], None]) -> sqlite3.Connection:
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
    """Create the tables, once: another process may be opening the same new journal."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        if _check_version(path, db) == 0:
            for statement in _SCHEMA.split(";")[:-1]:
                db.execute(statement)
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


@cache
def _codec(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
