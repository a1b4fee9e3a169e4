"""The journal's in-memory twin: what it was told last stays when an engine dies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chaos_engine.model import Experiment, Fault, Result, Window
from tests.simulate.twins import Violated, Watch


@dataclass(frozen=True, slots=True)
class Command:
    """Fulfils `ports.OperatorCommand`."""

    id: int
    kind: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger."""

    fault: Fault
    status: str = "intent"
    ended: float | None = None


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
    """Fulfils `ports.Journal`. `watch(*what)` is called before each write, and may raise."""

    owner = "simulated"

    def __init__(self) -> None:
        self.watch: Watch = lambda *_: None
        self.ledger: dict[str, Entry] = {}
        self.stories: dict[str, Story] = {}
        self.facts: dict[str, Any] = {}
        self.history: list[tuple[Any, ...]] = []  # every write, to compare two lives with
        self._commands: list[Command] = []
        self._posted = 0

    def _write(self, *what: Any) -> None:
        self.watch(*what)
        self.history.append(what)

    # --- the ledger ---

    def arm(self, fault: Fault) -> None:
        if fault.id in self.ledger:
            raise Violated(f"{fault.id} is armed twice")
        self._write("arm", fault)
        self.ledger[fault.id] = Entry(fault)

    def applied(self, fault: Fault, at: float) -> bool:
        self._write("applied", fault.id, at)
        entry = self.ledger[fault.id]
        ours = entry.fault.epoch == fault.epoch and entry.status != "cleared"
        if ours:
            self.ledger[fault.id] = replace(entry, status="applied")
        story = self.stories[fault.experiment]
        story.injected_at = at if story.injected_at is None else story.injected_at
        return ours

    def take_over(self, fault: Fault, at: float) -> Fault | None:
        self._write("take over", fault.id, at)
        entry = self.ledger[fault.id]
        if entry.fault.epoch != fault.epoch or entry.status == "cleared":
            return None
        taken = replace(fault, epoch=fault.epoch + 1)
        self.ledger[fault.id] = replace(entry, fault=taken, status="taken over")
        return taken

    def resume(self, fault: Fault) -> Fault | None:
        self._write("resume", fault.id)
        entry = self.ledger[fault.id]
        if entry.fault.epoch != fault.epoch or entry.status != "applied":
            return None
        held = replace(fault, epoch=fault.epoch + 1)
        self.ledger[fault.id] = replace(entry, fault=held)
        return held

    def cleared(self, fault: Fault, at: float, *, gone: bool = False) -> bool:
        self._write("cleared", fault.id, at)
        entry = self.ledger.get(fault.id)
        if entry is None or entry.fault.epoch != fault.epoch:
            return False
        self.ledger[fault.id] = replace(entry, status="cleared", ended=at)
        return True

    def open_faults(self) -> list[Fault]:
        return [entry.fault for entry in self.ledger.values() if entry.status != "cleared"]

    def fault_windows(self, since: float) -> list[Window]:
        ended = (e for e in self.ledger.values() if e.ended is not None and e.ended > since)
        return [Window(e.fault.armed_at.wall, e.ended or 0.0) for e in ended]

    # --- experiments ---

    def begin(self, id_: str, experiment: Experiment, at: float) -> None:
        if id_ in self.stories:
            raise Violated(f"{id_} begins twice")
        self._write("begin", id_, experiment.title, at)
        self.stories[id_] = Story(experiment, at)

    def phase(self, id_: str, phase: str, at: float) -> None:
        self._write("phase", id_, phase, at)
        self.stories[id_].phases.append((phase, at))

    def keep(self, id_: str, snapshot: str) -> None:
        self._write("keep", id_, snapshot)
        self.stories[id_].snapshot = snapshot

    def kept(self, id_: str) -> str | None:
        return self.stories[id_].snapshot

    def end(self, id_: str, result: Result, at: float) -> None:
        self._write("end", id_, result, at)
        self.stories[id_].result, self.stories[id_].injected_at = result, result.injected_at

    def unfinished(self) -> list[str]:
        return [id_ for id_, story in self.stories.items() if story.result is None]

    def count(self) -> int:
        return len(self.stories)

    def injections_since(self, at: float) -> tuple[float, ...]:
        return tuple(sorted(s.began for s in self.stories.values() if (s.injected_at or 0.0) > at))

    # --- the rest ---

    def note(self, at: float, kind: str, **data: Any) -> None:
        self._write("note", at, kind, data)

    def post(self, kind: str, arguments: Mapping[str, Any]) -> None:
        self._posted += 1
        self._commands.append(Command(self._posted, kind, arguments))

    def take(self, at: float) -> Sequence[Command]:
        taken, self._commands = self._commands, []
        return taken

    def answer(self, command: int, outcome: Mapping[str, Any]) -> None:
        self._write("answer", command, dict(outcome))

    def get(self, key: str) -> Any:
        return self.facts.get(key)

    def put(self, key: str, value: Any) -> None:
        self._write("put", key, value)
        self.facts[key] = value
