"""The second remover, as a process: engines that are dead or frozen, and a ledger that was lost."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from chaos_engine.adapters import folder
from chaos_engine.janitor import LEASE
from chaos_engine.journal import FILE_NAME, Journal
from chaos_engine.model import Fault, Now, Target
from tests.integration.engine_process import Place, running, until

SETTINGS = """
schedule: {startup_wait: 200ms, every: 1h, recovery: 1s}
targets: {shop: {state_file: STATE}}
scenarios: {slowdown: {delay: 1s, heals_on: never}}
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(tmp_path)
    found.configure(SETTINGS)
    found.data.mkdir()
    return found


def left_in(place: Place, overdue: float) -> Fault:
    """A fault in the ledger and in the file, as an engine leaves it that is killed."""
    now = time.time()
    fault = Fault(
        id="e1-0", experiment="e1", scenario="slowdown", target=Target("shop", place.state_file),
        parameters={}, undo={"state_file": str(place.state_file)}, resources=(), owner="me", epoch=0,
        armed_at=Now(now - 60, 0), deadline=Now(now - overdue, 0),
    )  # fmt: skip
    journal = Journal(place.data)
    journal.arm(fault)
    journal.close()
    write(place, fault)
    return fault


def write(place: Place, fault: Fault) -> None:
    """Without an expiry, as older readers know it: nothing but a remover ends it."""
    state = {"mode": "slow", "delay": 1, "timestamp": time.time(), "id": fault.id, "owner": fault.owner}
    place.state_file.write_text(json.dumps(state))


def test_an_overdue_fault_of_a_dead_engine_is_cleared(place: Place) -> None:
    left_in(place, overdue=5)
    with running(place, "janitor") as janitor:
        janitor.says("Cleared e1-0 (slowdown on shop)")
        assert place.mode == "healthy"
        assert janitor.stop()[0] == 0
    journal = Journal(place.data)
    assert journal.open_faults() == []
    journal.close()


def test_a_living_engine_is_left_to_clear_its_own(place: Place) -> None:
    left_in(place, overdue=5)
    folder.beat(place.data)
    with running(place, "janitor") as janitor:
        janitor.says("The janitor watches")
        time.sleep(2.5)
        assert "Cleared" not in janitor.said
    assert place.mode == "slow"


def test_of_two_janitors_one_clears(place: Place) -> None:
    with running(place, "janitor") as one, running(place, "janitor") as two:
        one.says("watches")
        two.says("watches")
        left_in(place, overdue=5)
        until(lambda: place.mode == "healthy")
        time.sleep(2.5)
        assert (one.said + two.said).count("Cleared e1-0") == 1


def test_what_comes_back_after_it_was_cleared_is_cleared_again(place: Place) -> None:
    fault = left_in(place, overdue=5)
    with running(place, "janitor") as janitor:
        janitor.says("Cleared e1-0")
        write(place, fault)
        janitor.says("it came back after it was cleared")
        until(lambda: place.mode == "healthy")


def test_an_engine_that_thaws_finds_that_its_fault_was_taken_over(place: Place) -> None:
    """Frozen in the hold past its deadline (1 s of hold, 20 s of judging) and a lease."""
    with running(place, "run") as engine, running(place, "janitor") as janitor:
        engine.says("Marked injection e1-0")
        freeze_between_writes(engine.popen, place)
        try:
            janitor.says("Cleared e1-0 (slowdown on shop)", patience=21 + LEASE + 15)
            assert place.mode == "healthy"
            cleared_at = place.state_file.stat().st_mtime_ns
        finally:
            engine.popen.send_signal(signal.SIGCONT)
        engine.says("Verdict slowdown on shop")
        assert place.state_file.stat().st_mtime_ns == cleared_at, "it is cleared once"
        assert engine.stop()[0] == 0


def freeze_between_writes(engine: subprocess.Popen[str], place: Place) -> None:
    """One that is frozen in a write holds the journal's lock: another story, of clearing without a ledger."""
    engine.send_signal(signal.SIGSTOP)
    time.sleep(0.05)  # until it stands
    while is_locked(place.data / FILE_NAME):
        engine.send_signal(signal.SIGCONT)
        time.sleep(0.01)
        engine.send_signal(signal.SIGSTOP)
        time.sleep(0.05)


def is_locked(journal: Path) -> bool:
    db = sqlite3.connect(journal, timeout=0.0, isolation_level=None)
    try:
        db.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return True
    finally:
        db.close()
    return False


def test_a_sign_of_ours_without_an_entry_is_cleared_at_the_start(place: Place) -> None:
    journal = Journal(place.data)
    owner = journal.owner
    journal.close()
    lost = replace(left_in_nothing(place), owner=owner)
    write(place, lost)
    with running(place, "run") as engine:
        engine.says("left in by an earlier run: clearing it")
        engine.says("Cleared A STRAY SLOW on shop")


def left_in_nothing(place: Place) -> Fault:
    now = Now(time.time(), 0)
    return Fault("e9-0", "e9", "slowdown", Target("shop", place.state_file), {}, {}, (), "", 0, now, now)
