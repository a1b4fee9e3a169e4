"""The durable record: what it takes over, what it leaves alone, and what it gives back."""

from __future__ import annotations

import json
import math
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chaos_engine.journal import FILE_NAME, SCHEMA_VERSION, STALE, Journal, JournalError
from chaos_engine.model import (
    Evidence,
    Experiment,
    Fault,
    Judged,
    Judgement,
    Now,
    Outcome,
    Ran,
    Result,
    Step,
    Target,
    Window,
)

TARGET = Target("shop", Path("/chaos/state.json"))
EXPERIMENT = Experiment("slow on shop", "slow", (Step("slowdown", TARGET, {"delay": "1s"}),), 30.0)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path)
    yield opened
    opened.close()


def fault(number: int = 0, at: float = 1000.0) -> Fault:
    now = Now(at, 5.0)
    return Fault(
        id=f"e1-{number}", experiment="e1", scenario="slowdown", target=TARGET,
        parameters={"delay": 12.5, "heals_on": "restart", "umlaut": "ü", "none": None},
        undo={"state_file": "/chaos/state.json"}, resources=("state-file:/chaos/state.json",), owner="me",
        epoch=3, armed_at=now, deadline=now.plus(60),
    )  # fmt: skip


# --- opening --------------------------------------------------------------------------------


def spoil(folder: Path, kind: str) -> Path:
    path = folder / FILE_NAME
    if kind == "no database":
        path.write_bytes(b"this is no database at all, but long enough to look at" * 50)
    elif kind == "torn":
        Journal(folder).close()
        path.write_bytes(path.read_bytes()[:3000])
    else:
        db = sqlite3.connect(path)
        if kind == "newer":
            Journal(folder).close()
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        elif kind == "somebody else's":
            db.execute("CREATE TABLE customers (name TEXT)")
        elif kind == "somebody else's, with our version":
            db.execute("CREATE TABLE meta (name TEXT)")
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.commit()
        db.close()
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("no database", "cannot be used as the journal"),
        ("torn", "cannot be used as the journal"),
        ("newer", f"schema {SCHEMA_VERSION + 1} is newer than {SCHEMA_VERSION}"),
        ("somebody else's", "is a database, and not a journal"),
        ("somebody else's, with our version", "is a database, and not a journal"),
    ],
)
def test_what_is_not_ours_stays_untouched(tmp_path: Path, kind: str, words: str) -> None:
    path = spoil(tmp_path, kind)
    before = path.read_bytes()
    with pytest.raises(JournalError, match=words) as caught:
        Journal(tmp_path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"missing/journal\.db: cannot be used as the journal"):
        Journal(tmp_path / "missing")


def test_it_is_on_disk_when_a_call_returns(journal: Journal) -> None:
    asked = {n: next(iter(journal._db.execute(f"PRAGMA {n}").fetchone().values())) for n in (
        "journal_mode", "synchronous", "user_version",
    )}  # fmt: skip
    assert asked == {"journal_mode": "wal", "synchronous": 2, "user_version": SCHEMA_VERSION}


def test_a_network_file_system_gets_a_rollback_journal_and_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chaos_engine.database._file_system", lambda _: "nfs4")
    warned: list[str] = []
    opened = Journal(tmp_path, warned.append)
    mode = opened._db.execute("PRAGMA journal_mode").fetchone()["journal_mode"]
    opened.close()
    assert mode == "delete"
    assert len(warned) == 1
    assert "nfs4" in warned[0]


OPEN = "import sys; from pathlib import Path; from chaos_engine.journal import Journal as J; "


def test_processes_that_open_a_new_journal_at_once_agree_on_its_owner(tmp_path: Path) -> None:
    script = OPEN + "sys.stdin.read(); j = J(Path(sys.argv[1])); j.put(sys.argv[2], 1); print(j.owner)"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), f"key{n}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for n in range(6)
    ]  # fmt: skip
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    said = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0] * 6, said
    assert len({out for out, _ in said}) == 1
    opened = Journal(tmp_path)
    assert [opened.get(f"key{n}") for n in range(6)] == [1] * 6
    assert f"{opened.owner}\n" == said[0][0]
    opened.close()


def test_the_owner_lasts(tmp_path: Path) -> None:
    owners = set()
    for _ in range(3):
        opened = Journal(tmp_path)
        owners.add(opened.owner)
        opened.close()
    assert len(owners) == 1


# --- the ledger -----------------------------------------------------------------------------


def test_a_fault_comes_back_as_it_was_armed(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    first.arm(fault(1, at=2000))
    first.arm(fault(0, at=1000))
    first.applied(fault(0), 1001)
    first.close()
    again = Journal(tmp_path)
    assert again.open_faults() == [fault(0, at=1000), fault(1, at=2000)]
    again.cleared(fault(0), 1010)
    assert again.open_faults() == [fault(1, at=2000)]
    again.close()


def test_a_cleared_fault_stays_cleared_when_its_injection_reports_late(journal: Journal) -> None:
    journal.arm(fault())
    journal.cleared(fault(), 1010)
    journal.applied(fault(), 1011)
    assert journal.open_faults() == []


def test_an_intent_is_written_once(journal: Journal) -> None:
    journal.arm(fault())
    with pytest.raises(sqlite3.IntegrityError):
        journal.arm(fault())


def test_fault_windows_are_of_what_was_cleared(journal: Journal) -> None:
    journal.arm(fault(0, at=1000))
    journal.arm(fault(1, at=2000))
    journal.cleared(fault(0), 1010)
    assert journal.fault_windows(0) == [Window(1000, 1010)]
    assert journal.fault_windows(1500) == []


# --- experiments ----------------------------------------------------------------------------


def test_an_experiment_from_gate_to_result(journal: Journal) -> None:
    journal.begin("e1", EXPERIMENT, 1000.0)
    assert journal.unfinished() == ["e1"]
    assert journal.injections_since(0) == ()
    journal.arm(fault())
    journal.applied(fault(), 1005.0)
    journal.phase("e1", "hold", 1005.0)
    row = journal.find("e1")
    assert row is not None
    assert (row["phase"], row["injected_at"], row["verdict"]) == ("hold", 1005.0, None)
    evidence = Evidence("q", Window(1, 2), low=math.nan, high=math.inf, broke_at=1.5, broke_value=math.nan)
    judged = Judgement("p", Outcome.BROKEN, "why", evidence)
    result = Result(Ran.COMPLETED, Judged.NOT_SUPPORTED, injected_at=1005.0, judgements=(judged,))
    journal.end("e1", result, 1040.0)
    row = journal.find("e1")
    assert row is not None
    assert (row["phase"], row["verdict"], row["ended_at"]) == ("done", "not_supported", 1040.0)
    assert row["plan"]["steps"][0]["parameters"] == {"delay": "1s"}
    assert "NaN" not in json.dumps(row)  # which is no JSON
    assert row["result"]["judgements"][0]["evidence"]["broke_at"] == 1.5
    assert journal.unfinished() == []
    assert journal.injections_since(0) == (1000.0,)
    assert journal.tally() == {"slow": 1}


def test_history_is_newest_first_and_can_be_narrowed(journal: Journal) -> None:
    for n in range(5):
        journal.begin(f"e{n}", EXPERIMENT, 1000.0 + n)
    assert [row["id"] for row in journal.history(3)] == ["e4", "e3", "e2"]
    assert len(journal.history(10, scenario="slow", target="shop")) == 5
    assert journal.history(10, scenario="slo") == []
    assert journal.count() == 5
    assert journal.find("nobody") is None


def test_nobody_goes_back_to_a_phase_that_was_left(journal: Journal) -> None:
    """An engine that was told to abort, and died before it had cleared, must not be gone on with."""
    journal.begin("e1", EXPERIMENT, 1000.0)
    journal.phase("e1", "hold", 1001.0)
    journal.keep("e1", "holding")
    journal.phase("e1", "clear", 1002.0)
    assert journal.kept("e1") is None


def test_a_number_is_never_used_again(journal: Journal) -> None:
    """The disk may have been full when it began: its fault, or the next experiment, is known all the same."""
    assert journal.last_number() == 0
    for n in (1, 2, 10):
        journal.begin(f"e{n}", EXPERIMENT, 1000.0 + n)
    assert journal.last_number() == 10
    journal.arm(replace(fault(), experiment="e12"))
    assert journal.last_number() == 12


# --- commands -------------------------------------------------------------------------------


def test_a_command_is_taken_once_and_answered(journal: Journal) -> None:
    first, second = journal.post("pause", {"reason": "x"}, 10.0), journal.post("resume", {}, 11.0)
    taken = journal.take(12.0)
    assert [(c.id, c.kind, dict(c.arguments)) for c in taken] == [
        (first, "pause", {"reason": "x"}),
        (second, "resume", {}),
    ]
    assert journal.take(13.0) == []
    assert journal.outcome(first) is None
    journal.answer(first, {"paused": True})
    assert journal.outcome(first) == {"paused": True}


def test_a_command_whose_sender_has_long_gone_is_not_obeyed(journal: Journal) -> None:
    journal.post("inject", {"scenario": "crash"}, 10.0)
    assert journal.take(10.0 + STALE + 1) == []
    assert journal.take(11.0) == []


def test_a_command_can_be_withdrawn_until_it_is_taken(journal: Journal) -> None:
    command = journal.post("inject", {}, 10.0)
    assert journal.withdraw(command, 11.0)
    assert journal.take(12.0) == []
    command = journal.post("inject", {}, 10.0)
    assert len(journal.take(12.0)) == 1
    assert not journal.withdraw(command, 13.0)


def test_no_command_is_lost_between_two_connections(tmp_path: Path) -> None:
    script = OPEN + "j = J(Path(sys.argv[1])); [print(j.post('clear', {}, 1000)) for _ in range(200)]"
    daemon = Journal(tmp_path)
    poster = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    taken = []
    while poster.poll() is None:
        taken += [command.id for command in daemon.take(1000.0)]
    taken += [command.id for command in daemon.take(1000.0)]
    daemon.close()
    posted = poster.communicate()[0].split()
    assert [str(id_) for id_ in taken] == posted
    assert len(posted) == 200


def test_notes_and_small_facts(journal: Journal) -> None:
    journal.note(1.0, "skip", rule="pause")
    journal.put("next", None)
    assert journal.get("next") is None
    assert journal.get("never set") is None
    journal.put("switches", {"halted": True})
    assert journal.get("switches") == {"halted": True}
    assert [(e["kind"], e["data"]) for e in journal.events(5)] == [("skip", {"rule": "pause"})]


def test_an_interrupted_experiment_keeps_its_injection(journal: Journal) -> None:
    journal.begin("e1", EXPERIMENT, 1000.0)
    journal.arm(fault())
    journal.applied(fault(), 1005.0)
    journal.end("e1", Result(Ran.INTERRUPTED), 1100.0)
    assert journal.injections_since(0) == (1000.0,)
    assert journal.tally() == {"slow": 1}
