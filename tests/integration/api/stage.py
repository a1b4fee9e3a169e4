"""A real engine in a thread of this process, and the API's application on its journal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI

import engine
from chaos_engine.adapters.terminal import logger
from chaos_engine.adapters.threads import Inbox
from chaos_engine.config import load_settings
from chaos_engine.journal import Journal
from chaos_engine.metrics import Metrics
from chaos_engine.ports import SignalReceived
from chaos_engine.surroundings import of_this_machine
from chaos_engine.web.access import Access
from chaos_engine.web.app import application
from chaos_engine.web.door import Limits
from chaos_engine.web.facts import Facts
from chaos_engine.web.rates import Rate
from chaos_engine.web.readers import Readers
from chaos_engine.web.ring import Ring

TOKEN = "a-token"
SETTINGS = """
schedule: {every: 1h, startup_wait: 1h, recovery: 200ms, min_interval: 0s, seed: 1}
targets: {shop: {state_file: STATE}}
"""
ANY_RATE = Limits(*(Rate(1e6, 10**6),) * 3)


@contextmanager
def staged(folder: Path, access: Access, limits: Limits = ANY_RATE) -> Iterator[FastAPI]:
    """While its engine runs, which looks at commands 50 times a second."""
    (folder / "data").mkdir()
    (folder / "chaos.yml").write_text(SETTINGS.replace("STATE", str(folder / "state.json")))
    settings, inbox, ring, metrics = load_settings(folder / "chaos.yml", {}), Inbox(), Ring("boot"), Metrics()
    lives = threading.Event()

    def run() -> None:
        journal = Journal(folder / "data")
        journal.put("settings", {"weights": {"crash": 0.3}, "seed": 1})
        log = logger("text", "error")
        outside = of_this_machine(folder / "data", journal, log, inbox, listeners=(ring, metrics))
        beat = outside.beat

        def alive(doing: str) -> None:
            beat(doing)
            lives.set()

        engine.main(settings, replace(outside, beat=alive), 1, tick=0.02)
        journal.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert lives.wait(20)
    readers = [Readers(folder / "data", name) for name in ("reading", "asking")]
    facts: dict[str, Any] = {"reading": readers[0], "asking": readers[1], "registry": metrics.registry}
    facts |= {"data": folder / "data", "access": access, "ring": ring}
    try:
        yield application(Facts(**facts, settings=lambda: settings, reconciled=lives.is_set), limits)
    finally:
        inbox.put(SignalReceived(signal.SIGTERM))
        thread.join(20)
        for reader in readers:
            reader.close()


def access(token: str = TOKEN, hosts: tuple[str, ...] = ("*",)) -> Access:
    return Access("127.0.0.1", 8700, asked=True, hosts=frozenset(hosts), token=token)
