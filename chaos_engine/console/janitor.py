"""`janitor`: a second process that clears what an engine left in, when the engine's sign of life is gone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from chaos_engine import durations
from chaos_engine.adapters import folder
from chaos_engine.adapters.clock import SystemClock
from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.adapters.threads import Inbox
from chaos_engine.console.clearing import scenarios_of
from chaos_engine.console.run import data_folder, log_of_environment
from chaos_engine.janitor import LEASE, to_take_over, to_watch
from chaos_engine.journal import FILE_NAME, Journal, JournalError
from chaos_engine.ledger import Entry
from chaos_engine.model import Fault, Observation
from chaos_engine.narration import Log
from chaos_engine.performing import undo
from chaos_engine.ports import World
from scenarios.base import Scenario

POLL = 1.0
HEARTBEAT = "janitor-heartbeat"


@dataclass(frozen=True, slots=True)
class Janitor:
    """Looks, takes over, clears. It keeps nothing between two looks: the ledger has it all."""

    data: Path
    scenarios: Mapping[str, Scenario]
    world: World
    log: Log

    def look(self) -> None:
        """Once. What fails now is tried again at the next look."""
        folder.beat(self.data, HEARTBEAT)
        if not (self.data / FILE_NAME).exists():
            return
        try:
            with closing(Journal(self.data)) as journal:
                self._clear_overdue(journal)
                self._watch_cleared(journal)
        except (JournalError, OSError) as error:
            self.log.error(f"The journal could not be used: {error}", kind="journal")

    def _clear_overdue(self, journal: Journal) -> None:
        now = self.world.clock.now().wall
        age = folder.heartbeat_age(self.data, now)
        for entry in to_take_over(journal.open_entries(), now, age):
            taken = journal.take_over(entry.fault, now)
            if taken is not None and self._clear(taken, "its engine is gone"):
                journal.cleared(taken, self.world.clock.now().wall)

    def _watch_cleared(self, journal: Journal) -> None:
        """An engine that was only frozen may have injected after the clearing."""
        now = self.world.clock.now().wall
        for entry in to_watch(journal.closed_since(now - LEASE), now):
            if self._is_back(entry):
                self._clear(entry.fault, "it came back after it was cleared")

    def _is_back(self, entry: Entry) -> bool:
        scenario = self.scenarios.get(entry.fault.scenario)
        return scenario is not None and scenario.observe(entry.fault, self.world) is not Observation.GONE

    def _clear(self, fault: Fault, why: str) -> bool:
        late = max(0.0, self.world.clock.now().wall - fault.deadline.wall)
        what = f"{fault.id} ({fault.scenario} on {fault.target.name})"
        try:
            undo(self.scenarios, fault, self.world)
        except Exception as error:  # noqa: BLE001 - the others are cleared all the same
            self.log.error(
                f"Could not clear {what}: {error}; trying again", kind="clear_failed", fault=fault.id
            )
            return False
        self.log.warning(
            f"Cleared {what}, {durations.show(round(late, 1))} overdue: {why}", kind="cleared", fault=fault.id
        )
        return True


def run(config: Path | None) -> int:
    """Until a signal."""
    log, inbox = log_of_environment(), Inbox()
    inbox.take_signals((signal.SIGTERM, signal.SIGINT))
    states = StateFiles(warn=lambda text: log.warning(text, kind="state_file"))
    janitor = Janitor(data_folder(), scenarios_of(config, os.environ), World(states, SystemClock()), log)
    log.info(f"The janitor watches {janitor.data}", kind="banner")
    while True:
        began = time.monotonic()
        janitor.look()
        if inbox.take(POLL - (time.monotonic() - began)) is not None:
            return 0
