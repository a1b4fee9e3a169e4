"""Takes an exported journal into another one: all of it, or nothing.

What is open in it is never taken on: such a fault is another engine's duty, or was undone long ago, and
nobody here knows which. It is told, and left out; so is an experiment without a result.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from chaos_engine import history, summaries
from chaos_engine.archive import VERSION
from chaos_engine.archive_lines import (
    KINDS,
    ArchiveError,
    EventLine,
    ExperimentLine,
    FaultLine,
    Head,
    NoteLine,
    parsed,
    shaped,
)
from chaos_engine.ledger import OPEN, codec

_SHOWN = 5


@dataclass(slots=True)
class Taken:
    """What became of an exported journal."""

    owner: str = ""
    counted: Counter[str] = field(default_factory=Counter)  # lines taken in, by kind
    here: int = 0  # experiments that were here already
    renumbered: int = 0
    unfinished: list[str] = field(default_factory=list)  # experiments that were not taken in
    open_faults: list[str] = field(default_factory=list)  # nor these, each in a few words


def take_in(db: sqlite3.Connection, lines: Iterable[str], *, renumber: bool) -> Taken:
    """Write it into the tables. ArchiveError: it is no such file, or numbers clash; nothing is written then.

    `renumber`: an experiment that is not here yet gets a new number, after the highest here.
    """
    with db:
        db.execute("BEGIN IMMEDIATE")
        return _Import(db, renumber=renumber).read(lines)


class _Import:
    """One file on its way in."""

    def __init__(self, db: sqlite3.Connection, *, renumber: bool) -> None:
        self._db = db
        self._renumber = renumber
        self._last = history.last_number(db)
        self._ids: dict[str, str] = {}  # of the experiments that are taken in: there -> here
        self._others: set[str] = set()  # those that are not
        self._clashes: list[str] = []
        self._seen: Counter[str] = Counter()
        self._taken = Taken()

    def read(self, lines: Iterable[str]) -> Taken:
        numbered = enumerate(lines, 1)
        head = self._head(next(numbered, (1, ""))[1])
        ended = False
        for number, text in numbered:
            if ended:
                raise ArchiveError(f"line {number}: there is more after the end")
            ended = self._line(number, text)
        if not ended:
            raise ArchiveError("the file was cut off: its last line is missing")
        self._check_clashes()
        if not self._renumber:
            history.remember(self._db, head.highest)
        for id_ in self._ids.values():
            summaries.fill(self._db, id_)
        return self._taken

    def _head(self, text: str) -> Head:
        head = shaped(Head, parsed(1, text), 1)
        if head.version != VERSION:
            raise ArchiveError(f"line 1: version {head.version}; allowed: {VERSION}, which this engine knows")
        self._taken.owner = head.owner
        return head

    def _check_clashes(self) -> None:
        if self._clashes:
            named = ", ".join(self._clashes[:_SHOWN]) + (", …" if len(self._clashes) > _SHOWN else "")
            raise ArchiveError(
                f"{len(self._clashes)} experiments are other ones here ({named}); `--renumber` gives those of"
                " the file new numbers"
            )

    def _line(self, number: int, text: str) -> bool:
        """Take one in; True: it was the last."""
        found = parsed(number, text)
        kind = next(iter(found), "")
        if kind == "end" and len(found) == 1:
            if found["end"] != {name: self._seen[name] for name in KINDS}:
                raise ArchiveError(f"line {number}: lines are missing before the end")
            return True
        if len(found) != 1 or kind not in KINDS:
            raise ArchiveError(
                f"line {number}: {kind!r} is no kind of line; allowed: {', '.join(KINDS)}, end"
            )
        self._seen[kind] += 1
        self._take(shaped(KINDS[kind], found[kind], number), number)
        return False

    def _take(self, line: object, number: int) -> None:
        match line:
            case ExperimentLine():
                self._experiment(line, number)
            case FaultLine() if self._wanted(line.experiment):
                self._fault(line, number)
            case NoteLine() if self._wanted(line.experiment):
                note = (self._ids[line.experiment], line.at, line.kind, line.who, line.text)
                self._insert("note", "notes (experiment, at, kind, who, text)", note)
            case EventLine() if self._wanted(line.experiment):
                event = (self._ids[line.experiment], line.at, line.kind, json.dumps(line.data))
                self._insert("event", "events (experiment, at, kind, data)", event)
            case FaultLine(status=status) if status in OPEN:
                self._left_open(line)

    def _wanted(self, experiment: str) -> bool:
        return experiment in self._ids

    # --- experiments ---

    def _experiment(self, line: ExperimentLine, number: int) -> None:
        if line.id in self._ids or line.id in self._others:
            raise ArchiveError(f"line {number}: {line.id} is in the file twice")
        there = self._db.execute("SELECT * FROM experiments WHERE id = ?", (line.id,)).fetchone()
        if line.result is None or line.verdict is None:
            self._taken.unfinished.append(line.id)
        elif there is not None and _same(there, line):
            self._taken.here += 1
        elif there is not None and not self._renumber:
            self._clashes.append(line.id)
        else:
            return self._write(line, line.result)
        return self._others.add(line.id)

    def _write(self, line: ExperimentLine, result: dict[str, Any]) -> None:
        id_ = self._ids[line.id] = self._number(line.id)
        values = (
            id_, line.started_at, line.ended_at, line.title, line.scenario, line.target, line.phase,
            json.dumps(line.plan), line.injected_at, line.verdict, json.dumps(_renamed(result, line.id, id_)),
            None,
        )  # fmt: skip
        self._insert("experiment", "experiments", values)

    def _number(self, id_: str) -> str:
        if not self._renumber:
            return id_
        self._last += 1
        self._taken.renumbered += 1
        return f"e{self._last}"

    # --- faults ---

    def _fault(self, line: FaultLine, number: int) -> None:
        if line.status in OPEN:
            self._left_open(line)
            return
        experiment = self._ids[line.experiment]
        id_ = line.id.replace(line.experiment, experiment, 1)
        text = json.dumps({**line.fault, "id": id_, "experiment": experiment})
        try:
            codec().validate_json(text)
        except ValidationError:
            raise ArchiveError(f"line {number}: {line.id} is no fault that this engine knows") from None
        values = (
            id_, experiment, line.owner, line.epoch, line.status, line.armed_at, line.applied_at,
            line.taken_at, line.cleared_at, line.deadline, text,
        )  # fmt: skip
        self._insert("fault", "faults", values)

    def _left_open(self, line: FaultLine) -> None:
        target = line.fault.get("target")
        named = target.get("name") if isinstance(target, dict) else "?"
        self._taken.open_faults.append(
            f"{line.id} ({line.fault.get('scenario', '?')} on {named}, of engine {line.owner})"
        )

    def _insert(self, kind: str, table: str, values: tuple[Any, ...]) -> None:
        try:
            self._db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608
        except sqlite3.IntegrityError:
            raise ArchiveError(f"{kind} {values[0]} is here already, or in the file twice") from None
        self._taken.counted[kind] += 1


def _same(there: dict[str, Any], line: ExperimentLine) -> bool:
    """Whether the experiment of that number is this one."""
    names = ("started_at", "title", "scenario", "target", "verdict")
    return all(there[name] == getattr(line, name) for name in names)


def _renamed(result: dict[str, Any], before: str, now: str) -> dict[str, Any]:
    """The result, with the faults that its details name under their new numbers."""
    details = result.get("details")
    if before == now or not isinstance(details, list):
        return result
    told = [
        {**one, "fault": one["fault"].replace(f"{before}-", f"{now}-", 1)}
        if isinstance(one, dict) and isinstance(one.get("fault"), str)
        else one
        for one in details
    ]
    return {**result, "details": told}
