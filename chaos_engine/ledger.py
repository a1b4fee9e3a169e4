"""The ledger: every fault that was ever intended, how it is undone, and whose duty that is.

A row's epoch says who holds the duty. Whoever takes it over raises the epoch, in one statement: of several
who try, one does. What an earlier holder says of the row after that changes nothing, and it is told so.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

from pydantic import TypeAdapter

from chaos_engine.model import Fault, Window

OPEN = ("intent", "applied", "taken over")
SCHEMA = """
CREATE TABLE faults (
  id TEXT PRIMARY KEY, experiment TEXT NOT NULL, owner TEXT NOT NULL, epoch INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('intent', 'applied', 'taken over', 'cleared', 'gone')),
  armed_at REAL NOT NULL, applied_at REAL, taken_at REAL, cleared_at REAL, deadline REAL NOT NULL,
  fault TEXT NOT NULL);
CREATE INDEX faults_by_status ON faults (status);
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One fault as the ledger has it; its epoch is the present one. Times are wall times."""

    fault: Fault
    status: str
    taken_at: float | None = None
    cleared_at: float | None = None

    @property
    def open(self) -> bool:
        """Whether it may still be in the world."""
        return self.status in OPEN


class Ledger:
    """The table of faults. Every call returns when it is on disk."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def arm(self, fault: Fault) -> None:
        """The intent, before anything is injected."""
        with self._db:
            self._db.execute(
                "INSERT INTO faults (id, experiment, owner, epoch, status, armed_at, deadline, fault)"
                " VALUES (?, ?, ?, ?, 'intent', ?, ?, ?)",
                (
                    fault.id, fault.experiment, fault.owner, fault.epoch, fault.armed_at.wall,
                    fault.deadline.wall, codec().dump_json(fault).decode(),
                ),
            )  # fmt: skip

    def applied(self, fault: Fault, at: float) -> bool:
        """The scenario has acted. False: somebody else has taken the duty over; it must be undone at once.

        What `undo` has learnt by it is kept in any case: whoever clears it may need it.
        """
        text, open_ = codec().dump_json(fault).decode(), ("intent", "applied")
        if self._change(fault, "status = 'applied', applied_at = ?, fault = ?", at, text, among=open_):
            return True
        with self._db:
            self._db.execute("UPDATE faults SET fault = ? WHERE id = ?", (text, fault.id))
        return False

    def take_over(self, fault: Fault, at: float) -> Fault | None:
        """Take the duty from whoever holds it at the fault's epoch; None: somebody else was faster."""
        taken = self._change(fault, "status = 'taken over', epoch = epoch + 1, taken_at = ?", at)
        return replace(fault, epoch=fault.epoch + 1) if taken else None

    def resume(self, fault: Fault) -> Fault | None:
        """Go on holding a fault that is in, at a new epoch; None: another has the duty by now."""
        resumed = self._change(fault, "epoch = epoch + 1", among=("applied",))
        return replace(fault, epoch=fault.epoch + 1) if resumed else None

    def cleared(self, fault: Fault, at: float, *, gone: bool = False) -> bool:
        """The fault is out; `gone`: it was out already. False: the duty was not ours any more."""
        return self._change(fault, "status = ?, cleared_at = ?", "gone" if gone else "cleared", at)

    def open_entries(self) -> list[Entry]:
        """Every fault that may still be in the world, oldest first."""
        return self._entries(f"status IN ({_quoted(OPEN)})", ())

    def closed_since(self, at: float) -> list[Entry]:
        """Faults that were cleared after then."""
        return self._entries("status IN ('cleared', 'gone') AND cleared_at > ?", (at,))

    def open_faults(self) -> list[Fault]:
        """The same without their history."""
        return [entry.fault for entry in self.open_entries()]

    def fault_windows(self, since: float) -> list[Window]:
        """From when to when faults were in that were cleared after `since`."""
        rows = self._db.execute(
            "SELECT armed_at, cleared_at FROM faults WHERE status IN ('cleared', 'gone') AND cleared_at > ?",
            (since,),
        )
        return [Window(row["armed_at"], row["cleared_at"]) for row in rows]

    def _change(self, fault: Fault, change: str, *values: object, among: Iterable[str] = OPEN) -> bool:
        """Change the row in one statement; False: its epoch or status is not what the caller thinks."""
        with self._db:
            changed = self._db.execute(
                f"UPDATE faults SET {change} WHERE id = ? AND epoch = ? AND status IN ({_quoted(among)})",  # noqa: S608
                (*values, fault.id, fault.epoch),
            )
        return changed.rowcount == 1

    def _entries(self, where: str, values: Iterable[float]) -> list[Entry]:
        rows = self._db.execute(
            f"SELECT fault, epoch, status, taken_at, cleared_at FROM faults WHERE {where}"  # noqa: S608
            " ORDER BY armed_at",
            tuple(values),
        )
        return [
            Entry(
                replace(codec().validate_json(row["fault"]), epoch=row["epoch"]),
                row["status"],
                row["taken_at"],
                row["cleared_at"],
            )
            for row in rows
        ]


def _quoted(statuses: Iterable[str]) -> str:
    return ", ".join(f"'{status}'" for status in statuses)


@cache
def codec() -> TypeAdapter[Fault]:
    """Between faults and JSON."""
    return TypeAdapter(Fault)
