"""Whose duty a fault is: epochs, takers, and what an earlier holder is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chaos_engine.journal import FILE_NAME, Journal
from chaos_engine.ledger import Entry, codec
from chaos_engine.model import Experiment, Fault, Now, Step, Target

FAULT = Fault(
    id="e1-0", experiment="e1", scenario="crash", target=Target("shop", Path("/chaos/state.json")),
    parameters={}, undo={"state_file": "/chaos/state.json"}, resources=(), owner="me", epoch=0,
    armed_at=Now(1000, 5), deadline=Now(1060, 65),
)  # fmt: skip


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path)
    opened.arm(FAULT)
    yield opened
    opened.close()


def taken(journal: Journal, fault: Fault = FAULT, at: float = 1061) -> Fault:
    found = journal.take_over(fault, at)
    assert found is not None
    return found


def test_of_two_who_try_one_takes_it_over(journal: Journal) -> None:
    assert taken(journal).epoch == 1
    assert journal.take_over(FAULT, 1062) is None
    assert [entry.fault.epoch for entry in journal.open_entries()] == [1]


def test_whoever_stood_still_is_told_that_it_is_not_its_duty_any_more(journal: Journal) -> None:
    taken(journal)
    assert journal.applied(FAULT, 1063) is False
    assert journal.cleared(FAULT, 1063) is False
    assert [entry.status for entry in journal.open_entries()] == ["taken over"]


def test_whoever_took_it_over_is_there_to_clear_it_and_not_to_apply_it(journal: Journal) -> None:
    assert journal.applied(taken(journal), 1063) is False


def test_an_effect_that_is_reported_twice_counts_from_the_last(journal: Journal) -> None:
    assert journal.applied(FAULT, 1001) is True
    assert journal.applied(FAULT, 1002) is True
    assert journal._db.execute("SELECT applied_at FROM faults").fetchone()["applied_at"] == 1002


def test_the_new_holder_clears_it_once(journal: Journal) -> None:
    holder = taken(journal)
    assert journal.cleared(holder, 1064) is True
    assert journal.cleared(holder, 1065) is False
    assert journal.open_entries() == []
    [entry] = journal.closed_since(1063)
    assert (entry.status, entry.taken_at, entry.cleared_at, entry.open) == ("cleared", 1061, 1064, False)


def test_what_is_cleared_is_not_taken_over_nor_applied_again(journal: Journal) -> None:
    journal.cleared(FAULT, 1010)
    assert journal.take_over(FAULT, 1061) is None
    assert journal.applied(FAULT, 1062) is False
    assert journal.open_faults() == []


def test_a_remover_that_died_is_succeeded(journal: Journal) -> None:
    assert taken(journal, taken(journal), at=1080).epoch == 2


def test_the_holder_of_the_first_epoch_works_as_ever(journal: Journal) -> None:
    assert journal.applied(FAULT, 1001) is True
    assert journal.cleared(FAULT, 1031, gone=True) is True
    assert [entry.status for entry in journal.closed_since(0)] == ["gone"]


def test_the_oldest_open_fault_comes_first(journal: Journal) -> None:
    older = replace(FAULT, id="a9-0", armed_at=Now(900, 5))
    younger = replace(FAULT, id="a1-0", armed_at=Now(1100, 5))
    journal.arm(younger)
    journal.arm(older)
    assert journal.open_faults() == [older, FAULT, younger]


def test_a_journal_of_the_first_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    Journal(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as db:
        db.executescript(
            "ALTER TABLE experiments DROP COLUMN snapshot; DROP TABLE faults;"
            "CREATE TABLE faults (id TEXT PRIMARY KEY, experiment TEXT NOT NULL, owner TEXT NOT NULL,"
            " epoch INTEGER NOT NULL, status TEXT NOT NULL"
            " CHECK (status IN ('intent', 'applied', 'cleared', 'gone')), armed_at REAL NOT NULL,"
            " applied_at REAL, cleared_at REAL, deadline REAL NOT NULL, fault TEXT NOT NULL);"
            "CREATE INDEX faults_by_status ON faults (status); PRAGMA user_version = 1;"
        )
        text = codec().dump_json(FAULT).decode()
        db.execute(
            "INSERT INTO faults VALUES ('e1-0', 'e1', 'me', 0, 'applied', 1000, 1001, NULL, 1060, ?)", (text,)
        )
    db.close()
    journal = Journal(tmp_path)
    [entry] = journal.open_entries()
    assert (entry.fault, entry.status) == (FAULT, "applied")
    assert taken(journal, replace(FAULT)).epoch == 1
    journal.close()


def test_a_journal_of_the_second_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    Journal(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as db:
        db.executescript("ALTER TABLE experiments DROP COLUMN snapshot; PRAGMA user_version = 2;")
    db.close()
    journal = Journal(tmp_path)
    journal.begin("e1", Experiment("a", "a", (Step("crash", FAULT.target),), hold=1.0), 1000)
    journal.keep("e1", "something")
    assert journal.kept("e1") == "something"
    journal.close()


def test_a_fault_that_is_in_is_held_on_at_a_new_epoch(journal: Journal) -> None:
    journal.applied(FAULT, 1001)
    held = journal.resume(FAULT)
    assert held == replace(FAULT, epoch=1)
    assert journal.open_entries() == [Entry(held, "applied")]
    assert journal.resume(FAULT) is None  # the epoch is another's now
    assert journal.cleared(FAULT, 1010) is False
    assert journal.cleared(held, 1010) is True


def test_what_is_not_known_to_be_in_is_not_held_on(journal: Journal) -> None:
    assert journal.resume(FAULT) is None  # an intent only
    holder = taken(journal)
    assert journal.resume(holder) is None  # somebody is clearing it
