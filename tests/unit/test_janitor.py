"""Which faults somebody other than their engine clears, and when."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.adapters.clock import SystemClock
from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.janitor import GRACE, LEASE, engine_is_gone, to_take_over, to_watch
from chaos_engine.ledger import Entry
from chaos_engine.model import Fault, Target
from chaos_engine.ports import World
from chaos_engine.rounds import Round
from scenarios.registry import load
from tests.unit.test_ledger import FAULT

DEADLINE = FAULT.deadline.wall
OVERDUE = DEADLINE + GRACE


@pytest.mark.parametrize(
    ("age", "gone"), [(None, True), (0.0, False), (LEASE, False), (LEASE + 1, True), (-LEASE - 1, True)]
)
def test_an_engine_is_gone_without_a_sign_of_life_within_a_lease(age: float | None, gone: bool) -> None:
    assert engine_is_gone(age) is gone


@pytest.mark.parametrize("status", ["intent", "applied"])
def test_an_overdue_fault_whose_engine_is_gone_is_taken_over(status: str) -> None:
    entry = Entry(FAULT, status)
    assert to_take_over([entry], OVERDUE, None) == [entry]
    assert to_take_over([entry], OVERDUE - 0.1, None) == []


def test_a_living_engine_clears_its_own() -> None:
    assert to_take_over([Entry(FAULT, "applied")], OVERDUE + 100, 1.0) == []


def test_what_is_out_is_left_alone() -> None:
    entries = [Entry(FAULT, status) for status in ("cleared", "gone")]
    assert to_take_over(entries, OVERDUE, None) == []


def test_another_remover_has_one_lease() -> None:
    entry = Entry(FAULT, "taken over", taken_at=OVERDUE)
    assert to_take_over([entry], OVERDUE + LEASE, None) == []
    assert to_take_over([entry], OVERDUE + LEASE + 1, None) == [entry]
    assert to_take_over([entry], OVERDUE + LEASE + 1, 0.0) == [entry], "its holder is no engine"


def test_what_was_taken_over_and_cleared_is_watched_for_a_lease() -> None:
    entry = Entry(FAULT, "cleared", taken_at=OVERDUE, cleared_at=OVERDUE + 1)
    own = Entry(FAULT, "cleared", cleared_at=OVERDUE + 1)
    assert to_watch([entry, own], OVERDUE + 1 + LEASE) == [entry]
    assert to_watch([entry], OVERDUE + 2 + LEASE) == []


class Lines:
    """A log that is a list."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def info(self, event: str, **fields: Any) -> None:
        self.said.append(event)

    debug = warning = error = info


class FullLedger:
    """Can be read; nothing can be written."""

    def __init__(self, *entries: Entry) -> None:
        self.entries = entries

    def open_entries(self) -> Sequence[Entry]:
        return [entry for entry in self.entries if entry.open]

    def closed_since(self, at: float) -> Sequence[Entry]:
        return [entry for entry in self.entries if not entry.open]

    def take_over(self, fault: Fault, at: float) -> Fault | None:
        raise sqlite3.OperationalError("database or disk is full")

    def cleared(self, fault: Fault, at: float) -> bool:
        raise sqlite3.OperationalError("database or disk is full")


def test_a_full_disk_stops_no_clearing(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    fault = replace(FAULT, target=Target("shop", path), scenario="slowdown")
    path.write_text(json.dumps({"mode": "slow", "id": fault.id, "owner": fault.owner}))
    log, world = Lines(), World(StateFiles(), SystemClock())
    Round(FullLedger(Entry(fault, "applied")), load(), world, log, None).go()
    assert json.loads(path.read_text())["mode"] == "healthy"
    assert [line for line in log.said if "could not be written: database or disk is full" in line]
    Round(FullLedger(Entry(fault, "applied")), load(), world, log, None).go()
    assert len([line for line in log.said if line.startswith("Cleared")]) == 1, "it is out already"
