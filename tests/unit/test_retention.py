"""What is dropped from a journal, and what never is; and that nothing waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos_engine.config import load_settings
from chaos_engine.journal import Journal
from chaos_engine.journal_fields import LEAST_AGE, Keep
from chaos_engine.model import Experiment, Now, Ran, Result, Step
from chaos_engine.retention import BITE, PATIENCE, REST, SOON, Retention
from chaos_engine.written import ConfigError
from tests.unit.test_archive import LIVES, TARGET, content, fault, live

DAY = 86400.0
ENDED = Result(Ran.COMPLETED)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path)
    yield opened
    opened.close()


def told(journal: Journal, ages: list[float], now: float = 100 * DAY) -> None:
    live(journal, [(now - age, "a", "crash", ENDED, "cleared", True) for age in ages])


@settings(max_examples=60, deadline=None)
@given(lives=LIVES, before=st.floats(0, 4e9), most=st.integers(1, 4))
def test_what_is_open_unfinished_or_young_is_never_dropped(
    lives: list[Any], before: float, most: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal"))
    live(journal, lives)
    rows, number, open_ = content(journal), journal.last_number(), journal.open_faults()
    dropped = journal.prune(before, most)
    assert dropped <= most
    while more := journal.prune(before, most):
        dropped += more
    after = content(journal)
    held = {fault.experiment for fault in open_}
    kept = {
        row["id"] for row in rows["experiments"]
        if row["started_at"] >= before or row["verdict"] is None or row["id"] in held
    }  # fmt: skip
    assert {row["id"] for row in after["experiments"]} == kept
    assert dropped == len(rows["experiments"]) - len(kept)
    assert journal.open_faults() == open_
    assert journal.last_number() == number
    for table in ("summaries", "notes", "faults"):
        assert after[table] == [row for row in rows[table] if row["experiment"] in kept]
    journal.close()


def test_a_number_is_not_used_again_when_all_are_dropped(journal: Journal) -> None:
    told(journal, [50 * DAY, 40 * DAY])
    assert journal.prune(100 * DAY, 10) == 2
    assert (journal.count(), journal.last_number()) == (0, 2)
    journal.begin("e3", Experiment("a", "a", (Step("crash", TARGET),), 1.0), 1e8)
    assert journal.last_number() == 3


def test_old_events_commands_and_stray_faults_go_too(journal: Journal) -> None:
    journal.note(5.0, "skip", rule="pause")
    journal.note(1e9, "skip", rule="pause")
    journal.post("pause", {}, 5.0)
    journal.take(6.0)
    waiting = journal.post("pause", {}, 5.0)
    journal.arm(fault("e9", 5.0))  # whose experiment could not be written
    journal.cleared(fault("e9", 5.0), 7.0)
    assert journal.prune(10.0, 10) == 0
    assert [event["at"] for event in journal.events(9)] == [1e9]
    assert journal._db.execute("SELECT id FROM commands").fetchall() == [{"id": waiting}]
    assert journal.closed_since(0.0) == []


def test_each_bite_looks_at_few_rows(journal: Journal) -> None:
    """The index is followed in order, and left at the first rows that fit."""
    asked: list[str] = []
    journal._db.set_trace_callback(asked.append)
    told(journal, [50 * DAY])
    asked.clear()
    journal.prune(100 * DAY, 1)
    journal.begun_at(5)
    journal._db.set_trace_callback(None)
    words = ("SELECT", "DELETE")
    plans = [
        row["detail"]
        for text in asked if text.startswith(words) or text.strip().startswith(words)
        for row in journal._db.execute(f"EXPLAIN QUERY PLAN {text}")
    ]  # fmt: skip
    assert any("experiments_by_start" in line for line in plans)
    bounded = ("SCAN events", "SCAN commands", "SCAN (subquery", "SCAN old")  # each with a LIMIT of its own
    scans = [line for line in plans if line.startswith("SCAN") and not line.startswith(bounded)]
    assert [line for line in scans if "INDEX" not in line] == []


# --- when -----------------------------------------------------------------------------------------


class Watched:
    """A journal that counts."""

    def __init__(self, old: int = 0, begun: float | None = None) -> None:
        self.old, self.begun = old, begun
        self.bites: list[float] = []

    def prune(self, before: float, most: int) -> int:
        self.bites.append(before)
        dropped = min(self.old, most)
        self.old -= dropped
        return dropped

    def begun_at(self, rank: int) -> float | None:
        return self.begun


def looking(watched: Watched, keep: Keep, times: list[float], *, idle: bool = True) -> list[float]:
    """At which of the times (seconds) it dropped something, or tried to."""
    retention = Retention(watched, lambda write: write(), Now(100 * DAY, 0.0))  # type: ignore[arg-type]
    bites = []
    for at in times:
        before = len(watched.bites)
        retention.look(keep, Now(100 * DAY + at, at), idle=idle)
        bites += [at] * (len(watched.bites) - before)
    return bites


MINUTES = [60.0 * n for n in range(120)]


def test_it_looks_rarely_and_goes_on_soon_while_there_is_something() -> None:
    every = [float(n) for n in range(1300)]
    assert looking(Watched(), Keep(age=3 * DAY), every) == [SOON, SOON + REST, SOON + 2 * REST]
    busy = looking(Watched(old=2 * BITE + 1), Keep(age=3 * DAY), every)
    assert busy == [SOON, 2 * SOON, 3 * SOON, 4 * SOON, 4 * SOON + REST, 4 * SOON + 2 * REST]


def test_it_waits_for_a_moment_without_experiments_an_hour_long() -> None:
    assert looking(Watched(), Keep(age=3 * DAY), MINUTES, idle=False)[0] == pytest.approx(
        SOON + PATIENCE, abs=60
    )


@pytest.mark.parametrize(
    ("keep", "begun", "before"),
    [
        (Keep(age=9 * DAY, experiments=None), None, 91 * DAY),
        (Keep(age=9 * DAY, experiments=500), 95 * DAY, 95 * DAY),
        (Keep(age=9 * DAY, experiments=500), 20 * DAY, 91 * DAY),
        (Keep(age=None, experiments=500), 99.9 * DAY, 98 * DAY),  # too many within two days: they stay
    ],
)
def test_the_older_bound_and_two_days_at_least(keep: Keep, begun: float | None, before: float) -> None:
    watched = Watched(begun=begun)
    looking(watched, keep, [10.0])
    assert watched.bites == [pytest.approx(before, abs=20)]


@pytest.mark.parametrize("keep", [Keep(None, None), Keep(None, 100)])
def test_without_a_bound_nothing_is_dropped(keep: Keep) -> None:
    assert looking(Watched(), keep, MINUTES) == []


# --- as it is written -----------------------------------------------------------------------------


def read(tmp_path: Path, text: str) -> Keep:
    file = tmp_path / "chaos.yml"
    file.write_text(text)
    return load_settings(file, {}).keep


def test_what_users_write(tmp_path: Path) -> None:
    assert read(tmp_path, "") == Keep(None, 100_000)
    assert read(tmp_path, "journal: {keep: 90d, keep_experiments: 5000}") == Keep(90 * DAY, 5000)
    assert read(tmp_path, "journal: {keep_experiments: null}") == Keep(None, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("journal: {keep: 1d}", "'1d' is too short; allowed: at least 2d"),
        ("journal: {keep: soon}", "'soon' is not a duration"),
        ("journal: {keep_experiments: 5}", "journal.keep_experiments"),
        ("journal: {kept: 90d}", "unknown key 'kept'; did you mean 'keep'"),
    ],
)
def test_what_they_may_not(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert words in str(caught.value)
    assert LEAST_AGE == 2 * DAY
