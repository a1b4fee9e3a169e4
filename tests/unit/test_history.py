"""Pages of past experiments: complete, in order, and found without reading all of them."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from chaos_engine import moments
from chaos_engine.cli import VERDICTS, cli
from chaos_engine.history import Wanted, page
from chaos_engine.journal import FILE_NAME, SCHEMA_VERSION, Journal
from chaos_engine.model import Experiment, Judged, Ran, Recovered, Result, Step, Target, Verdict

NAMES = ("shop", "shop, db", "db")
LABELS = ("crash", "slow")
RESULTS = (
    None,
    Result(Ran.COMPLETED, Judged.SUPPORTED, Recovered.RECOVERED, time_to_recover=4.5),
    Result(Ran.COMPLETED, Judged.NOT_SUPPORTED, reason='it said "no", twice'),
    Result(Ran.FAILED),
)


def told(journal: Journal, number: int, at: float, label: str, targets: str, result: Result | None) -> str:
    steps = tuple(Step(label, Target(name)) for name in targets.split(", "))
    journal.begin(f"e{number}", Experiment(f"{label}, again", label, steps, 1.0), at)
    if result is not None:
        journal.end(f"e{number}", result, at + 10)
    return f"e{number}"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path)
    yield opened
    opened.close()


LIVES = st.lists(
    st.tuples(
        st.sampled_from((100.0, 200.0, 200.5, 300.0)),  # the clock may have been set back
        st.sampled_from(LABELS),
        st.sampled_from(NAMES),
        st.sampled_from(RESULTS),
    ),
    max_size=12,
)
WANTED = st.builds(
    Wanted,
    scenario=st.sampled_from(("", *LABELS)),
    target=st.sampled_from(("", "shop", "db", "nobody")),
    verdict=st.sampled_from(("", "supported", "failed")),
    since=st.sampled_from((None, 200.0)),
    until=st.sampled_from((None, 200.5)),
)


def fits(row: dict[str, Any], wanted: Wanted) -> bool:
    return (
        wanted.scenario in ("", row["scenario"])
        and (not wanted.target or wanted.target in row["target"].split(", "))
        and wanted.verdict in ("", row["verdict"])
        and (wanted.since is None or row["started_at"] >= wanted.since)
        and (wanted.until is None or row["started_at"] < wanted.until)
    )


@given(lives=LIVES, wanted=WANTED, size=st.integers(1, 4))
def test_pages_are_what_was_wanted_newest_first_each_once(
    lives: list[Any], wanted: Wanted, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    journal = Journal(tmp_path_factory.mktemp("history"))
    for number, (at, label, targets, result) in enumerate(lives, 1):
        told(journal, number, at, label, targets, result)
    everything = journal.history(100)
    assert [r["id"] for r in everything] == [
        f"e{n}" for n in sorted(range(1, len(lives) + 1), key=lambda n: (lives[n - 1][0], n), reverse=True)
    ]
    narrowed = {name: getattr(wanted, name) for name in ("scenario", "target", "verdict", "since", "until")}
    seen: list[dict[str, Any]] = []
    while rows := journal.history(size, **narrowed, before=seen[-1]["id"] if seen else None):
        seen += rows
    journal.close()
    assert seen == [row for row in everything if fits(row, wanted)]


def test_no_page_follows_one_that_is_not_known(journal: Journal) -> None:
    told(journal, 1, 100, "crash", "shop", None)
    assert journal.history(5, before="e9") == []


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(),
        Wanted("crash"),
        Wanted(target="shop"),
        Wanted(verdict="failed"),
        Wanted("crash", "db", "failed", 1, 2, "e7"),
    ],
)
def test_no_page_reads_the_whole_table(journal: Journal, wanted: Wanted) -> None:
    asked: list[str] = []
    journal._db.set_trace_callback(asked.append)
    page(journal._db, 5, wanted)
    journal._db.set_trace_callback(None)
    plan = [row["detail"] for row in journal._db.execute(f"EXPLAIN QUERY PLAN {asked[0]}")]
    assert not [line for line in plan if "SCAN experiments" in line and "COVERING INDEX" not in line]
    assert plan.count("USE TEMP B-TREE FOR ORDER BY") == 1  # of the page's own rows; the index is in order


@pytest.mark.parametrize(
    "question",
    [
        lambda journal: journal.last_number(), lambda journal: journal.unfinished(),
        lambda journal: journal.injections_since(5.0), lambda journal: journal.closed_since(5.0),
        lambda journal: journal.fault_windows(5.0), lambda journal: journal.open_entries(),
    ],
)  # fmt: skip
def test_what_an_engine_asks_reads_no_whole_table(journal: Journal, question: Any) -> None:
    asked: list[str] = []
    journal._db.set_trace_callback(asked.append)
    question(journal)
    journal._db.set_trace_callback(None)
    plans = [row["detail"] for text in asked for row in journal._db.execute(f"EXPLAIN QUERY PLAN {text}")]
    assert plans
    assert not [line for line in plans if line.startswith("SCAN") and "INDEX" not in line]


def test_a_journal_of_the_third_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    Journal(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as db:
        for name in ("scenario", "verdict", "injection", "number"):
            db.execute(f"DROP INDEX experiments_by_{name}")
        db.executescript(
            "DROP INDEX experiments_unfinished; DROP INDEX faults_by_number;"
            "DROP INDEX experiments_by_start; CREATE INDEX experiments_by_start ON experiments (started_at);"
            "DROP INDEX faults_by_status; CREATE INDEX faults_by_status ON faults (status);"
            "PRAGMA user_version = 3;"
        )
    db.close()
    journal = Journal(tmp_path)
    names = {
        row["name"] for row in journal._db.execute("SELECT name FROM sqlite_master WHERE type = 'index'")
    }
    version = journal._db.execute("PRAGMA user_version").fetchone()
    journal.close()
    assert version == {"user_version": SCHEMA_VERSION}
    assert {"experiments_by_scenario", "experiments_by_verdict", "experiments_unfinished"} <= names


def test_a_journal_of_the_fourth_schema_gets_its_summaries(tmp_path: Path) -> None:
    """What has ended before there were any is in a report all the same, without what nobody had kept."""
    old = Journal(tmp_path)
    told(old, 1, 100.0, "crash", "shop", RESULTS[1])
    told(old, 2, 200.0, "slow", "db", RESULTS[2])
    told(old, 3, 300.0, "slow", "db", None)
    wanted = list(old.summaries(0, 1e9))
    for id_ in ("e1", "e2"):  # results of then had neither
        row = old.find(id_)
        assert row is not None
        result = {key: value for key, value in row["result"].items() if key not in ("before", "after")}
        old._db.execute("UPDATE experiments SET result = ? WHERE id = ?", (json.dumps(result), id_))
    old._db.commit()
    old._db.executescript("DROP TABLE summaries; DROP TABLE notes; PRAGMA user_version = 4;")
    old.close()
    journal = Journal(tmp_path)
    assert list(journal.summaries(0, 1e9)) == wanted
    assert [row[0] for row in wanted] == ["e1", "e2"]
    journal.annotate("e1", 5.0, "issue", "mo", "a word")
    assert [note["text"] for note in journal.annotations(0, 1e9)] == ["a word"]
    journal.close()


def test_the_command_line_knows_every_verdict() -> None:
    assert set(VERDICTS) == {verdict.value for verdict in Verdict}


# --- the command ------------------------------------------------------------------------------


@pytest.fixture
def told_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHAOS_DATA_DIR", str(tmp_path))
    opened = Journal(tmp_path)
    for number, result in enumerate(RESULTS, 1):
        told(opened, number, 1_000_000.0 * number, LABELS[number % 2], NAMES[number % 3], result)
    opened.close()
    return tmp_path


def asked(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["history", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.usefixtures("told_folder")
def test_csv_is_read_back_by_a_csv_reader() -> None:
    rows = list(csv.DictReader(io.StringIO(asked("--csv"))))
    assert [row["id"] for row in rows] == ["e4", "e3", "e2", "e1"]
    assert rows[1]["reason"] == 'it said "no", twice'
    assert (rows[2]["time_to_recover"], rows[2]["started_at"]) == ("4.5", "1970-01-24T03:33:20.000Z")
    assert rows[3]["verdict"] == ""


@pytest.mark.usefixtures("told_folder")
def test_filters_and_pages_of_the_command() -> None:
    assert [row["id"] for row in json.loads(asked("--json", "--verdict", "failed"))] == ["e4"]
    assert [row["id"] for row in json.loads(asked("--json", "--until", "1970-01-20"))] == ["e1"]
    assert json.loads(asked("--json", "--since", "1h")) == []
    assert [row["id"] for row in json.loads(asked("--json", "--before", "e3", "--limit", "1"))] == ["e2"]


@pytest.mark.usefixtures("told_folder")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--since", "yesterday"], "'yesterday' is no moment; allowed: how long ago"),
        (["--before", "e99"], "unknown experiment 'e99'"),
        (["--verdict", "bad"], "not_supported"),
        (["--csv", "--json"], "not both"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(cli, ["history", *arguments])
    assert result.exit_code == 2
    assert words in result.output


@given(st.floats(0, 4e9))
def test_a_moment_that_is_written_is_read(at: float) -> None:
    assert moments.parse(moments.iso(at), now=0.0) == pytest.approx(at, abs=0.001)
    assert moments.parse("30d", now=at) == at - 30 * 86400
