"""The durable record: experiments, the ledger of faults, events, and commands to a running daemon.

SQLite with `synchronous=FULL`: what a call has returned from is on disk. One connection a thread.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from chaos_engine import archive, database, history, notes, pruning, summaries, taking_in
from chaos_engine.database import SCHEMA_VERSION, JournalError
from chaos_engine.ledger import Ledger
from chaos_engine.model import Experiment, Fault, Result
from chaos_engine.taking_in import Taken

__all__ = ["FILE_NAME", "SCHEMA_VERSION", "STALE", "Command", "Journal", "JournalError"]

FILE_NAME = "journal.db"
STALE = 60.0  # seconds after which a command that nobody took is void


@dataclass(frozen=True, slots=True)
class Command:
    """Something that an operator asked of the running daemon."""

    id: int
    kind: str
    arguments: Mapping[str, Any]


class Journal(Ledger):
    """An open journal. `owner` is the id of its data folder."""

    def __init__(self, folder: Path, warn: Callable[[str], None] = lambda _: None) -> None:
        self.path = folder / FILE_NAME
        super().__init__(database.opened(self.path, warn))
        self.owner: str = json.loads(
            self._db.execute("SELECT value FROM meta WHERE key = 'owner'").fetchone()["value"]
        )

    def close(self) -> None:
        """Flush and close."""
        self._db.close()

    # --- experiments ---

    def applied(self, fault: Fault, at: float) -> bool:
        """The scenario has acted: for the ledger, and for the experiment."""
        with self._db:
            self._db.execute(
                "UPDATE experiments SET injected_at = coalesce(injected_at, ?) WHERE id = ?",
                (at, fault.experiment),
            )
        return super().applied(fault, at)

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
        """An experiment entered a phase. What was kept of the one before is void: nobody goes back to it."""
        with self._db:
            self._db.execute("UPDATE experiments SET phase = ?, snapshot = NULL WHERE id = ?", (phase, id_))
            self._event(at, "phase", id_, {"phase": phase})

    def keep(self, id_: str, snapshot: str) -> None:
        """What another engine needs to go on with the experiment."""
        with self._db:
            self._db.execute("UPDATE experiments SET snapshot = ? WHERE id = ?", (snapshot, id_))

    def kept(self, id_: str) -> str | None:
        """What was kept of an experiment; None: nothing."""
        row = self._db.execute("SELECT snapshot FROM experiments WHERE id = ?", (id_,)).fetchone()
        return row["snapshot"] if row else None

    def end(self, id_: str, result: Result, at: float) -> None:
        """An experiment has its result."""
        plain = json.loads(_codec(Result).dump_json(result))  # NaN is null, which JSON has a word for
        text = json.dumps({**plain, "verdict": result.verdict.value})
        with self._db:
            self._db.execute(
                "UPDATE experiments SET ended_at = ?, phase = 'done', verdict = ?, result = ?,"
                " injected_at = coalesce(?, injected_at), snapshot = NULL WHERE id = ?",
                (at, result.verdict.value, text, result.injected_at, id_),
            )
            summaries.fill(self._db, id_)

    def unfinished(self) -> list[str]:
        """Experiments without a result, in their order: the engine died in the middle of them."""
        rows = self._db.execute(
            "SELECT id FROM experiments INDEXED BY experiments_unfinished WHERE result IS NULL ORDER BY rowid"
        )
        return [row["id"] for row in rows]

    def count(self) -> int:
        """How many experiments there are."""
        return int(self._db.execute("SELECT count(*) AS n FROM experiments").fetchone()["n"])

    def last_number(self) -> int:
        """The highest number that an experiment has had: also one whose beginning could not be written."""
        return history.last_number(self._db)

    def injections_since(self, at: float) -> tuple[float, ...]:
        """Start times (wall) of the experiments that injected since then, ascending."""
        rows = self._db.execute(
            "SELECT started_at FROM experiments WHERE injected_at > ? ORDER BY started_at", (at,)
        )
        return tuple(row["started_at"] for row in rows)

    def history(
        self,
        limit: int,
        *,
        scenario: str = "",
        target: str = "",
        verdict: str = "",
        since: float | None = None,
        until: float | None = None,
        before: str | None = None,
    ) -> list[dict[str, Any]]:
        """The newest experiments first, each with its result; empty and None: not narrowed by that.

        `target`: among those of its experiment. Begun at or after `since`, and before `until` (wall times).
        `before`: the last id of the page before; none where that id is not known.
        """
        wanted = history.Wanted(scenario, target, verdict, since, until, before)
        return history.page(self._db, limit, wanted)

    def find(self, id_: str) -> dict[str, Any] | None:
        """One experiment, with its plan, and the notes on it."""
        row = self._db.execute("SELECT * FROM experiments WHERE id = ?", (id_,)).fetchone()
        if row is None:
            return None
        result = json.loads(row["result"]) if row["result"] else None
        return {
            **row,
            "result": result,
            "plan": json.loads(row["plan"]),
            "notes": notes.of_experiment(self._db, id_),
        }

    def tally(self) -> dict[str, int]:
        """How often each scenario was injected."""
        rows = self._db.execute(
            "SELECT scenario, count(*) AS n FROM experiments WHERE injected_at IS NOT NULL GROUP BY scenario"
        )
        return {row["scenario"]: row["n"] for row in rows}

    def annotate(self, id_: str, at: float, kind: str, who: str, text: str) -> None:
        """Keep what somebody has to say of an experiment. ValueError: it is not one, or nothing is said."""
        with self._db:
            notes.add(self._db, id_, at, kind, who, text)

    def summaries(self, since: float, until: float, *, spans: bool = True) -> Iterator[tuple[Any, ...]]:
        """What a report needs of the experiments that ended: begun from `since` to before `until`."""
        return summaries.between(self._db, since, until, spans=spans)

    def annotations(self, since: float, until: float) -> Iterator[dict[str, Any]]:
        """The notes on them."""
        return notes.between(self._db, since, until)

    def export(self, at: float) -> Iterator[str]:
        """The journal as lines of text, as it is at one moment; `at`: which, by the clock."""
        return archive.lines(self._db, self.owner, self.last_number(), at)

    def take_in(self, lines: Iterable[str], *, renumber: bool = False) -> Taken:
        """Take in what was exported, all of it or nothing (ArchiveError). No engine may run on this."""
        return taking_in.take_in(self._db, lines, renumber=renumber)

    def prune(self, before: float, most: int) -> int:
        """Drop up to `most` experiments that began before then and have ended; how many there were."""
        return pruning.prune(self._db, before, most)

    def begun_at(self, rank: int) -> float | None:
        """When the experiment began that is the so manieth from the newest; None: there are fewer."""
        return pruning.begun_at(self._db, rank)

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


@cache
def _codec(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
