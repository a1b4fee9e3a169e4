"""What is seen from outside: by an application, in the raw file, and in the ledger."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Self

from chaos_engine.adapters.clock import SystemClock
from chaos_engine.adapters.flag_files import FlagFiles
from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.journal import FILE_NAME
from chaos_engine.ledger import codec
from chaos_engine.model import Fault, Observation, Seen
from chaos_engine.ports import World
from scenarios.base import Scenario
from tests.killed.matrix import ROOT

POLL = 0.02


class _AllWords:
    """An application that knows the modes of the plugins too."""

    def __contains__(self, mode: object) -> bool:
        return mode != "healthy"


def _reader_module() -> ModuleType:
    """The published reader, copied as its first line says, with more modes than it came with."""
    path = ROOT / "target_app" / "failure_state.py"
    spec = importlib.util.spec_from_file_location("killed_failure_state", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    module.FAILURES = _AllWords()  # type: ignore[attr-defined]
    return module


_READER = _reader_module()


def by_reader(state_file: Path) -> Callable[[], str]:
    """Tells the id of the fault that an application sees now; empty: it is healthy."""
    reader = _READER.FailureStateReader(state_file)

    def look() -> str:
        state = reader.state()
        return "" if state.mode == "healthy" else str(state.id or state.mode)

    return look


def by_scenario(scenario: Scenario, ledger: Ledger) -> Callable[[], str]:
    """The same for what is no state file: the scenario looks at the world."""
    world = World(StateFiles(), SystemClock(), flags=FlagFiles())
    known: list[Fault] = []

    def look() -> str:
        if not known or known[-1].deadline.wall < time.time():
            known[:] = [row.fault for row in ledger.rows()]
        seen = (f.id for f in known if _sees(scenario.observe(f, world)))
        return next(seen, "")

    return look


def by_mark(mark: Path, ledger: Ledger) -> Callable[[], str]:
    """The same for a run that leaves a mark: it is the newest fault's."""

    def look() -> str:
        if not mark.exists():
            return ""
        rows = ledger.rows()
        return rows[-1].fault.id if rows and mark.exists() else ""

    return look


def _sees(seen: Observation | Seen) -> bool:
    return (seen.observation if isinstance(seen, Seen) else seen) is not Observation.GONE


def raw_mode(state_file: Path) -> str:
    """What a reader sees that knows no expiry."""
    try:
        return str(json.loads(state_file.read_text()).get("mode", "healthy"))
    except FileNotFoundError:
        return "healthy"


def litter(state_file: Path) -> list[str]:
    """Temporary files of writes that did not end."""
    return [path.name for path in state_file.parent.glob(f".{state_file.name}.*")]


@dataclass(frozen=True, slots=True)
class Row:
    """One fault in the ledger."""

    fault: Fault
    status: str

    @property
    def open(self) -> bool:
        return self.status not in ("cleared", "gone")

    @property
    def deadline(self) -> float:
        return self.fault.deadline.wall


@dataclass(frozen=True, slots=True)
class Ledger:
    """Read without the engine's help, and without hindering it."""

    data: Path

    def rows(self) -> list[Row]:
        """All, oldest first; none where there is no journal yet."""
        path = self.data / FILE_NAME
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
            try:
                found = db.execute("SELECT fault, status FROM faults ORDER BY armed_at").fetchall()
            except sqlite3.OperationalError:  # its tables are being made
                return []
        return [Row(codec().validate_json(fault), status) for fault, status in found]


@dataclass(slots=True)
class Spell:
    """A time in which one fault was seen without a break (wall)."""

    fault: str
    begun: float
    ended: float


@dataclass
class Watch:
    """Looks every 20 ms, in a thread, while the context lasts."""

    look: Callable[[], str]
    spells: list[Spell] = field(default_factory=list)
    seen: str = ""
    gap: float = 0.0  # the longest time between two looks
    failure: BaseException | None = None
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self.failure is not None:
            raise self.failure

    def _work(self) -> None:
        try:
            before = time.time()
            while not self._over.wait(POLL):
                now = time.time()
                self.gap, before = max(self.gap, now - before), now
                self._note(self.look(), now)
        except BaseException as failure:  # noqa: BLE001 - a watch that sees nothing must not pass
            self.failure = failure

    def _note(self, seen: str, now: float) -> None:
        if seen and self.spells and self.seen == seen:
            self.spells[-1].ended = now
        elif seen:
            self.spells.append(Spell(seen, now, now))
        self.seen = seen
