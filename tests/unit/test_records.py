"""Asking a daemon that holds the folder: an answer, or a command that is taken back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos_engine.adapters.folder import FolderLock
from chaos_engine.console import records
from chaos_engine.journal import Journal


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder that an engine holds."""
    monkeypatch.setenv("CHAOS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(records, "PATIENCE", 0.4)
    lock = FolderLock(tmp_path)
    assert records.daemon_runs()
    yield tmp_path
    lock.release()


def test_a_daemon_that_does_not_answer_never_obeys_later(held: Path) -> None:
    with pytest.raises(records.NoAnswerError, match="the command was withdrawn"):
        records.ask("inject", {"scenario": "crash"})
    journal = Journal(held)
    assert journal.take(time.time()) == []
    journal.close()


def test_a_daemon_that_took_it_and_fell_silent_may_still_obey(held: Path) -> None:
    def take() -> None:
        journal = Journal(held)
        while not journal.take(time.time()):
            time.sleep(0.01)
        journal.close()

    daemon = threading.Thread(target=take)
    daemon.start()
    with pytest.raises(records.NoAnswerError, match="it took it, and may still obey"):
        records.ask("clear", {})
    daemon.join()


def test_an_answer(held: Path) -> None:
    def answer() -> None:
        journal = Journal(held)
        while not (taken := journal.take(time.time())):
            time.sleep(0.01)
        journal.answer(taken[0].id, {"paused": True})
        journal.close()

    daemon = threading.Thread(target=answer)
    daemon.start()
    assert records.ask("pause", {}) == {"paused": True}
    daemon.join()
