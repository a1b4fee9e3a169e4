"""A journal as a file: everything that has ended comes back, nothing that is open is taken on."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import made_up
from chaos_engine.adapters.folder import FolderLock
from chaos_engine.archive_lines import ArchiveError
from chaos_engine.cli import cli
from chaos_engine.journal import Journal
from chaos_engine.model import (
    Evidence,
    Experiment,
    Fault,
    Judged,
    Judgement,
    Now,
    Outcome,
    Ran,
    Recovered,
    Result,
    Step,
    Target,
    Window,
)

TARGET = Target("shop", Path("/chaos/state.json"))
TIMES = st.floats(0, 4e9)
TEXTS = st.text(max_size=12)
JUDGEMENTS = st.builds(
    Judgement, TEXTS, st.sampled_from(Outcome), TEXTS,
    st.builds(
        Evidence, TEXTS, st.builds(Window, TIMES, TIMES), st.integers(0, 9), st.none(), st.floats(),
        measured=st.dictionaries(st.sampled_from(["success", "p95", "mean"]), st.floats()),
    ),
)  # fmt: skip
FEW = st.lists(JUDGEMENTS, max_size=2).map(tuple)
RESULTS = st.builds(
    Result, st.sampled_from(Ran), st.sampled_from(Judged), st.sampled_from(Recovered), reason=TEXTS,
    time_to_recover=st.one_of(st.none(), st.floats(0, 1e6)), cleared_at=st.one_of(st.none(), TIMES),
    judgements=FEW, before=FEW, after=FEW,
)  # fmt: skip
LIVES = st.lists(
    st.tuples(TIMES, TEXTS, st.sampled_from(["crash", "slow"]), st.one_of(st.none(), RESULTS),
              st.sampled_from(["", "open", "cleared", "gone"]), st.booleans()),
    max_size=6,
)  # fmt: skip


def fault(experiment: str, at: float) -> Fault:
    now = Now(at, 5.0)
    return Fault(f"{experiment}-0", experiment, "crash", TARGET, {"x": None}, {"undo": 1}, ("state",),
                 "me", 0, now, now.plus(60))  # fmt: skip


def live(journal: Journal, lives: list[Any], first: int = 1) -> None:
    for number, (at, title, label, result, left, noted) in enumerate(lives, first):
        id_ = f"e{number}"
        journal.begin(id_, Experiment(title, label, (Step(label, TARGET),), 1.0), at)
        if left:
            journal.arm(fault(id_, at))
        if left in ("cleared", "gone"):
            journal.cleared(fault(id_, at), at + 5, gone=left == "gone")
        if noted:
            journal.annotate(id_, at, "issue", "mo", f"of {number}")
            journal.phase(id_, "hold", at)
        if result is not None:
            journal.end(id_, result, at + 9)


def content(journal: Journal) -> dict[str, list[Any]]:
    """Every row, with JSON as what it means."""
    found = {}
    for table in ("experiments", "summaries", "faults", "notes", "events"):
        rows = journal._db.execute(f"SELECT * FROM {table}").fetchall()
        found[table] = sorted(
            ({key: _meant(value) for key, value in row.items() if key != "seq"} for row in rows), key=str
        )
    return found


def _meant(value: Any) -> Any:
    text = isinstance(value, str) and value[:1] in ("{", "[")
    try:
        return json.loads(value) if text else value
    except ValueError:
        return value


@pytest.fixture
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Journal]]:
    journals: list[Journal] = []

    def make() -> Journal:
        journals.append(Journal(tmp_path_factory.mktemp("journal")))
        return journals[-1]

    yield make
    for journal in journals:
        journal.close()


@settings(max_examples=60, deadline=None)
@given(lives=LIVES)
def test_what_has_ended_comes_back_whole(lives: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    there, here = Journal(tmp_path_factory.mktemp("there")), Journal(tmp_path_factory.mktemp("here"))
    live(there, lives)
    ended = {f"e{n}" for n, one in enumerate(lives, 1) if one[3] is not None}
    before = content(there)
    taken = here.take_in(list(there.export(5.0)))
    after = content(here)
    for table, rows in before.items():
        key = "id" if table == "experiments" else "experiment"
        wanted = [r for r in rows if r[key] in ended and r.get("status") not in ("intent", "applied")]
        assert after[table] == wanted
    assert here.open_faults() == []
    assert here.unfinished() == []
    assert here.last_number() == there.last_number()
    assert set(taken.unfinished) == {f"e{n}" for n in range(1, len(lives) + 1)} - ended
    assert len(taken.open_faults) == len(there.open_faults())
    again = here.take_in(list(here.export(6.0)))  # and once more changes nothing
    assert (again.here, sum(again.counted.values())) == (len(ended), 0)
    assert content(here) == after
    there.close()
    here.close()


def told(journal: Journal, count: int, start: float = 1e9) -> None:
    made_up.tell(journal, seed=int(start) % 97, count=count, start=start, every=3600)


def test_numbers_that_clash_are_refused_and_nothing_is_written(opened: Callable[[], Journal]) -> None:
    there, here = opened(), opened()
    told(there, 12)
    told(here, 7, 2e9)
    before = content(here)
    with pytest.raises(ArchiveError, match=r"^7 experiments are other ones here \(e1, e2, e3, e4, e5, …\)"):
        here.take_in(there.export(5.0))
    assert content(here) == before
    assert here.last_number() == 7


def test_renumbered_they_stand_beside_each_other(opened: Callable[[], Journal]) -> None:
    there, here = opened(), opened()
    told(there, 3)
    there.arm(fault("e2", 1e9))
    there.cleared(fault("e2", 1e9), 1e9 + 5)
    there.annotate("e2", 5.0, "issue", "mo", "a word")
    there.end("e3", Result(Ran.FAILED, details=({"fault": "e3-0", "scenario": "crash"},)), 6.0)
    told(here, 4, 2e9)
    taken = here.take_in(there.export(5.0), renumber=True)
    assert taken.renumbered == 3
    assert here.last_number() == 7
    row = here.find("e6")
    assert row is not None
    assert [note["text"] for note in row["notes"]] == ["a word"]
    [entry] = [entry for entry in here.closed_since(0) if entry.fault.experiment == "e6"]
    assert (entry.fault.id, entry.fault.owner) == ("e6-0", "me")
    failed = here.find("e7")
    assert failed is not None
    assert failed["result"]["details"][0]["fault"] == "e7-0"
    assert len(list(here.summaries(0, 4e9))) == 7


def test_an_open_fault_is_told_and_nobodys_duty(opened: Callable[[], Journal]) -> None:
    there, here = opened(), opened()
    live(
        there,
        [(1e9, "a", "crash", Result(Ran.COMPLETED), "open", False), (2e9, "b", "slow", None, "open", False)],
    )
    taken = here.take_in(there.export(5.0))
    assert taken.open_faults == ["e1-0 (crash on shop, of engine me)", "e2-0 (crash on shop, of engine me)"]
    assert taken.unfinished == ["e2"]
    assert here.open_entries() == []
    assert here.last_number() == 2  # and the number of what was left out is not used


Lines = list[str]


def without(index: int) -> Callable[[Lines], Lines]:
    return lambda lines: lines[:index] + lines[index + 1 :]


def more(index: int, text: str) -> Callable[[Lines], Lines]:
    return lambda lines: [*lines[:index], text or lines[1], *lines[index:]]


def changed(index: int, old: str, new: str) -> Callable[[Lines], Lines]:
    def change(lines: Lines) -> Lines:
        assert old in lines[index]
        return [*lines[:index], lines[index].replace(old, new, 1), *lines[index + 1 :]]

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without(3), "the file was cut off: its last line is missing"),
        (without(1), "lines are missing before the end"),
        (more(4, ""), "line 5: there is more after the end"),
        (lambda _: [], "line 1: is no JSON object; is it an exported journal"),
        (more(0, "hello"), "line 1: is no JSON object"),
        (changed(0, '"version": 1', '"version": 9'), "version 9; allowed: 1"),
        (changed(0, "chaos-engine j", "other j"), "line 1: format:"),
        (more(1, '{"wish": {}}'), "line 2: 'wish' is no kind of line; allowed: experiment, fault"),
        (more(1, ""), "line 3: e1 is in the file twice"),
        (changed(1, '"e1"', '"../e1"'), "line 2: id: String should match"),
        (changed(1, '"started_at": ', '"started_at": "soon", "x": '), "line 2: started_at: "),
        (changed(1, '"probe": "', '"probe": 7, "x": "'), r"line 2: result\.(before|judgements)\.0\.probe: "),
        (changed(3, "{", "["), "line 4: is no JSON object"),
    ],
)
def test_what_is_no_journal_is_refused_whole(
    opened: Callable[[], Journal], change: Callable[[list[str]], list[str]], words: str
) -> None:
    there, here = opened(), opened()
    told(there, 2)
    lines = list(there.export(5.0))
    assert len(lines) == 4
    with pytest.raises(ArchiveError, match=words):
        here.take_in(change(lines))
    assert content(here) == content(opened())


def test_an_export_is_of_one_moment(tmp_path: Path) -> None:
    journal, writer = Journal(tmp_path), Journal(tmp_path)
    told(journal, 3)
    lines = journal.export(5.0)
    first = [next(lines), next(lines)]
    writer.begin("e4", Experiment("a", "a", (Step("crash", TARGET),), hold=1.0), 9.0)
    writer.arm(replace(fault("e4", 9.0)))
    rest = list(lines)
    assert not [line for line in first + rest if "e4" in line]
    journal.begin("e5", Experiment("a", "a", (Step("crash", TARGET),), hold=1.0), 9.0)
    writer.close()
    journal.close()


# --- the commands -------------------------------------------------------------------------------


def call(folder: Path, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(cli, list(arguments), env={"CHAOS_DATA_DIR": str(folder)})
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.parametrize("name", ["journal.jsonl", "journal.jsonl.gz"])
def test_out_of_one_folder_and_into_another(tmp_path: Path, name: str) -> None:
    there, here, file = tmp_path / "there", tmp_path / "here", tmp_path / name
    there.mkdir()
    journal = Journal(there)
    live(
        journal,
        [
            (1e9, "a", "crash", Result(Ran.COMPLETED), "cleared", True),
            (2e9, "b", "slow", None, "open", False),
        ],
    )
    owner = journal.owner
    journal.close()
    call(there, "export", str(file))
    assert (file.read_bytes()[:2] == b"\x1f\x8b") is name.endswith("gz")
    said = call(here, "import", str(file))
    assert f"took in 1 experiments, 1 faults, 1 notes, 1 events, of engine {owner}" in said
    assert "e2 had no result yet: not taken in" in said
    assert "e2-0 (crash on shop, of engine me) was open at the export: not taken in, and nothing here" in said
    assert [row["id"] for row in json.loads(call(here, "history", "--json"))] == ["e1"]
    assert json.loads(call(there, "export").splitlines()[0])["owner"] == owner
    assert not list(tmp_path.glob("*.part"))


def test_not_beside_an_engine(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    told(journal, 1)
    journal.close()
    call(tmp_path, "export", str(tmp_path / "out"))
    lock = FolderLock(tmp_path)
    assert "held by another engine" in call(tmp_path, "import", str(tmp_path / "out"), code=2)
    lock.release()


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", gzip.compress(b"{}", mtime=0)[:-6], b"no gzip"])
def test_a_broken_file_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / ("a.gz" if data != b"\xff\xfe\x00" else "a")
    file.write_bytes(data)
    assert f"chaos-engine: {file}: " in call(tmp_path / "here", "import", str(file), code=2)


def test_there_is_nothing_to_export(tmp_path: Path) -> None:
    assert "there is no journal to export" in call(tmp_path / "none", "export", code=2)
