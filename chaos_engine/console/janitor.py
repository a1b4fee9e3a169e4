"""`janitor`: a second process that clears what an engine left in, when the engine's sign of life is gone."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from chaos_engine.adapters import folder
from chaos_engine.adapters.real_world import world_of
from chaos_engine.adapters.threads import Inbox
from chaos_engine.console.clearing import settings_of
from chaos_engine.console.log import log_of_environment
from chaos_engine.happenings import TellingLog
from chaos_engine.janitor import POLL
from chaos_engine.journal import FILE_NAME, Journal, JournalError
from chaos_engine.narration import Log
from chaos_engine.notices import Notices
from chaos_engine.ports import World
from chaos_engine.rounds import Round
from scenarios.base import Scenario
from scenarios.registry import load

HEARTBEAT = "janitor-heartbeat"


@dataclass(frozen=True, slots=True)
class Janitor:
    """Opens the journal for each round anew: it may be replaced while the janitor runs."""

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
                age = folder.heartbeat_age(self.data, self.world.clock.now().wall)
                Round(journal, self.scenarios, self.world, self.log, age).go()
        except (JournalError, OSError, sqlite3.Error) as error:
            self.log.error(f"The journal could not be used: {error}", kind="journal")


def run(config: Path | None) -> int:
    """Until a signal."""
    own, inbox = log_of_environment(), Inbox()
    settings, notices = settings_of(config, os.environ), Notices(own)
    notices.take(settings.notify if settings else {}, os.environ)
    log = TellingLog(own, (notices,), time.time)
    inbox.take_signals((signal.SIGTERM, signal.SIGINT))
    world = world_of(lambda text: log.warning(text, kind="world"))
    janitor = Janitor(folder.of_environment(), settings.scenarios if settings else load(), world, log)
    log.info(f"The janitor watches {janitor.data}", kind="banner")
    while True:
        began = time.monotonic()
        janitor.look()
        if inbox.take(POLL - (time.monotonic() - began)) is not None:
            notices.close()
            return 0
