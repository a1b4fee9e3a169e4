"""The journal's in-memory twin: what it was told last stays when an engine dies."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chaos_engine.journal import STALE
from chaos_engine.ledger import Entry
from chaos_engine.model import Experiment, Fault, Result, Window
from tests.simulate.clockwork import Violated
from tests.simulate.twins import Watch


@dataclass(frozen=True, slots=True)
class Command:
    """Fulfils `ports.OperatorCommand`."""

    id: int
    kind: str
    arguments: Mapping[str, Any]
    at: float


@dataclass(slots=True)
class Story:
    """One experiment as the journal tells it."""

    experiment: Experiment
    began: float
    phases: list[tuple[str, float]] = field(default_factory=list)
    injected_at: float | None = None
    snapshot: str | None = None
    result: Result | None = None


class MemoryJournal:
    """Fulfils `ports.Journal` and `rounds.Duties`; one contract with the real one (test_contract.py).

    `before(name, *what)` is called before each write, and may raise: then it did not take hold. `after`, with
    what the call will return, may raise too: then it did.
    """

    owner = "simulated"

    def __init__(self) -> None:
        self.before: Watch = lambda *_: None
        self.after: Watch = lambda *_: None
        self.ledger: dict[str, Entry] = {}
        self.stories: dict[str, Story] = {}
        self.facts: dict[str, Any] = {}
        self.history: list[tuple[Any, ...]] = []  # every write, to compare two lives with
        self._open: dict[str, None] = {}  # in the order of arming
        self._last_cleared = 0.0
        self._commands: list[Command] = []
        self._posted = 0
        self._highest = 0

    def _write(self, *what: Any) -> None:
        self.before(*what)
        self.history.append(what)

    # --- the ledger ---

    def arm(self, fault: Fault) -> None:
        self._write("arm", fault)
        if fault.id in self.ledger:
            raise sqlite3.IntegrityError("UNIQUE constraint failed: faults.id")
        self.ledger[fault.id] = Entry(fault, "intent")
        self._open[fault.id] = None
        self.after("arm", fault, None)

    def applied(self, fault: Fault, at: float) -> bool:
        self._write("applied", fault, at)
        story = self.stories.get(fault.experiment)
        if story is not None and story.injected_at is None:
            story.injected_at = at
        entry = self._held(fault)
        ours = entry is not None and entry.status in ("intent", "applied")
        if entry is not None and ours:
            self.ledger[fault.id] = replace(entry, status="applied")
        self.after("applied", fault, ours)
        return ours

    def take_over(self, fault: Fault, at: float) -> Fault | None:
        self._write("take over", fault, at)
        entry, taken = self._held(fault), None
        if entry is not None and entry.open:
            taken = replace(fault, epoch=fault.epoch + 1)
            self.ledger[fault.id] = replace(
                entry, fault=replace(entry.fault, epoch=taken.epoch), status="taken over", taken_at=at
            )
        self.after("take over", fault, taken)
        return taken

    def resume(self, fault: Fault) -> Fault | None:
        self._write("resume", fault)
        entry, held = self._held(fault), None
        if entry is not None and entry.status == "applied":
            held = replace(fault, epoch=fault.epoch + 1)
            self.ledger[fault.id] = replace(entry, fault=replace(entry.fault, epoch=held.epoch))
        self.after("resume", fault, held)
        return held

    def cleared(self, fault: Fault, at: float, *, gone: bool = False) -> bool:
        self._write("cleared", fault, at)
        entry = self._held(fault)
        ours = entry is not None and entry.open
        if entry is not None and ours:
            self.ledger[fault.id] = replace(entry, status="gone" if gone else "cleared", cleared_at=at)
            self._open.pop(fault.id, None)
            self._last_cleared = at
        self.after("cleared", fault, ours)
        return ours

    def open_entries(self) -> list[Entry]:
        if not self._open:
            return []
        return sorted((self.ledger[id_] for id_ in self._open), key=_armed)

    def closed_since(self, at: float) -> list[Entry]:
        closed = (e for e in self.ledger.values() if e.cleared_at is not None and e.cleared_at > at)
        return sorted(closed, key=_armed)

    def idle(self, since: float) -> bool:
        """Whether nothing is open, and nothing was cleared since then."""
        return not self._open and self._last_cleared < since

    def open_faults(self) -> list[Fault]:
        return [entry.fault for entry in self.open_entries()]

    def fault_windows(self, since: float) -> list[Window]:
        return [Window(e.fault.armed_at.wall, e.cleared_at or 0.0) for e in self.closed_since(since)]

    def _held(self, fault: Fault) -> Entry | None:
        """Its row, if the epoch is the present one."""
        entry = self.ledger.get(fault.id)
        return entry if entry is not None and entry.fault.epoch == fault.epoch else None

    # --- experiments ---

    def begin(self, id_: str, experiment: Experiment, at: float) -> None:
        self._write("begin", id_, experiment.title, at)
        if id_ in self.stories:
            raise Violated(f"{id_} begins twice")
        self.stories[id_] = Story(experiment, at)
        self.after("begin", id_, None)

    def phase(self, id_: str, phase: str, at: float) -> None:
        self._write("phase", id_, phase, at)
        if id_ in self.stories:  # its beginning may not have been written: the disk was full
            self.stories[id_].phases.append((phase, at))
            self.stories[id_].snapshot = None
        self.after("phase", id_, phase)

    def keep(self, id_: str, snapshot: str) -> None:
        self._write("keep", id_, snapshot)
        if id_ in self.stories:
            self.stories[id_].snapshot = snapshot
        self.after("keep", id_, None)

    def kept(self, id_: str) -> str | None:
        return self.stories[id_].snapshot if id_ in self.stories else None

    def end(self, id_: str, result: Result, at: float) -> None:
        self._write("end", id_, result, at)
        story = self.stories.get(id_)
        if story is not None:
            story.result, story.snapshot = result, None
            story.injected_at = story.injected_at if result.injected_at is None else result.injected_at
        self.after("end", id_, None)

    def unfinished(self) -> list[str]:
        return [id_ for id_, story in self.stories.items() if story.result is None]

    def last_number(self) -> int:
        numbers = [self._highest, *(int(id_[1:]) for id_ in self.stories)]
        numbers += [int(entry.fault.experiment[1:]) for entry in self.ledger.values()]
        return max(numbers, default=0)

    def injections_since(self, at: float) -> tuple[float, ...]:
        return tuple(sorted(s.began for s in self.stories.values() if (s.injected_at or 0.0) > at))

    # --- what is old ---

    def prune(self, before: float, most: int) -> int:
        open_ = {self.ledger[id_].fault.experiment for id_ in self._open}
        old = sorted(
            (story.began, order, id_)
            for order, (id_, story) in enumerate(self.stories.items())
            if story.began < before and story.result is not None and id_ not in open_
        )[:most]
        if old:
            self._write("prune", before, most)
            self._highest = self.last_number()
        for _, _, id_ in old:
            del self.stories[id_]
        dropped = {id_ for _, _, id_ in old}
        self.ledger = {id_: e for id_, e in self.ledger.items() if not self._is_old(e, before, dropped)}
        return len(old)

    def _is_old(self, entry: Entry, before: float, dropped: set[str]) -> bool:
        """Its experiment is dropped, or was never there."""
        name = entry.fault.experiment
        stray = name not in self.stories and entry.cleared_at is not None and entry.cleared_at < before
        return name in dropped or stray

    def begun_at(self, rank: int) -> float | None:
        newest = sorted((story.began for story in self.stories.values()), reverse=True)
        return newest[rank - 1] if len(newest) >= rank else None

    # --- the rest ---

    def note(self, at: float, kind: str, **data: Any) -> None:
        self._write("note", at, kind, data)

    def post(self, kind: str, arguments: Mapping[str, Any], at: float) -> int:
        self._posted += 1
        self._commands.append(Command(self._posted, kind, arguments, at))
        return self._posted

    def take(self, at: float) -> Sequence[Command]:
        self.before("take")
        if not self._commands:
            return ()
        self._write("taken", at)
        taken, self._commands = self._commands, []
        return [command for command in taken if command.at > at - STALE]

    @property
    def waiting(self) -> bool:
        """Whether somebody has asked for something."""
        return bool(self._commands)

    def answer(self, command: int, outcome: Mapping[str, Any]) -> None:
        self._write("answer", command, dict(outcome))

    def get(self, key: str) -> Any:
        return self.facts.get(key)

    def put(self, key: str, value: Any) -> None:
        self._write("put", key, value)
        self.facts[key] = value


def _armed(entry: Entry) -> float:
    return entry.fault.armed_at.wall
