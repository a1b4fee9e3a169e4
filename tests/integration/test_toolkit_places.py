"""Where a Chaos Toolkit experiment runs: its folder, a full disk, other environments."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine_process import until
from tests.integration.toolkit_cases import experiment, noting, python
from tests.integration.toolkit_one import ACTIVITIES, WAITING, killed, ran, rolled_back, started
from tests.integration.toolkit_side_by_side import (
    ROOM,
    Case,
    by_ours,
)

# -- the folder


def test_two_at_one_folder(tmp_path: Path) -> None:
    case = Case("held", experiment({**noting("in"), "pauses": WAITING}))
    with started(tmp_path / "a", case) as running:
        found = ran(tmp_path / "a")
        until(lambda: "in" in found.notes)
        before = found.record
        assert rolled_back(tmp_path / "a", case) == 3
        assert found.record == before
        running.send_signal(signal.SIGKILL)
        running.wait(10)
    assert rolled_back(tmp_path / "a", case) == 0


def full(size: int) -> Any:
    """No file may become larger."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("room", [300, 2000, 3000])
def test_on_a_full_disk_nothing_begins_that_is_not_on_record(tmp_path: Path, room: int) -> None:
    case = Case("full", experiment(noting("in"), *[{"ref": "in"}] * 30))
    with started(tmp_path / "a", case, preexec_fn=full(room)) as running:
        assert running.wait(30) == 4
    found = ran(tmp_path / "a")
    begun = [line["name"] for line in found.told("activity-started") if line["section"] == "method"]
    assert found.notes == begun
    assert len(begun) < 31
    assert (tmp_path / "a" / "run" / "record.jsonl").stat().st_size <= room


def test_on_a_full_disk_the_rollbacks_are_played_all_the_same(tmp_path: Path) -> None:
    case = Case("full", ACTIVITIES)
    found = killed(tmp_path / "a", case, 1)
    (tmp_path / "a" / "gone").touch()
    (tmp_path / "a" / "rollback.txt").write_text("x" * (size := 500))
    before = found.record
    assert (tmp_path / "a" / "run" / "record.jsonl").stat().st_size > size
    assert rolled_back(tmp_path / "a", case, preexec_fn=full(size)) == 0
    assert found.notes == ["awaited", "awaited", "second back"]
    assert found.record == before


def test_a_journal_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    case = Case("nowhere", experiment(noting("in")), {"journal_path": "no/such/folder.json"})
    found = by_ours(tmp_path / "a", case)
    ended = found.told("ended")[0]
    assert (ended["status"], ended["exit_code"], found.code) == ("completed", 1, 1)
    assert "No such file" in ended["journal_error"]
    assert ended["journal"] == str(tmp_path / "a" / "run" / "journal.json")


# -- the environment


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has nothing of it."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    return folder / "bin" / "python"


@pytest.mark.parametrize("mode", ["check", "run", "rollback"])
def test_an_environment_without_it(tmp_path: Path, bare: Path, mode: str) -> None:
    found = subprocess.run(
        [bare, ROOM, mode, tmp_path],
        capture_output=True,
        text=True,
        input="[]",
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert found.returncode == 2
    assert "chaostoolkit-lib is not installed in this environment" in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_a_mode_that_is_none() -> None:
    found = subprocess.run(
        [sys.executable, ROOM, "walk"], capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 2
    assert "one of check, run, rollback" in found.stderr


def test_nothing_of_ours_shadows_what_the_user_has(tmp_path: Path) -> None:
    """Neither the packages beside the room, nor its own files, nor those of the folder it runs in."""
    (tmp_path / "theirs").mkdir()
    for name in ("record", "scenarios", "chaos_engine"):
        (tmp_path / "theirs" / f"{name}.py").write_text("def where():\n    return __file__\n")
    method = [python("probe", name, "where", module=name) for name in ("record", "scenarios", "chaos_engine")]
    case = Case(
        "shadows",
        experiment(*method),
        environment={"PYTHONPATH": f"{tmp_path}/theirs:{Path(__file__).parent}/toolkit_modules"},
    )
    found = by_ours(tmp_path / "a", case, forked=False)
    told = [line["said"] for line in found.told("activity-ended") if line["section"] == "method"]
    assert told == [
        str(tmp_path / "theirs" / f"{name}.py") for name in ("record", "scenarios", "chaos_engine")
    ]


def test_the_folder_it_runs_in_is_not_on_the_path(tmp_path: Path) -> None:
    probe = python("probe", "here", "f", module="only_here")
    case = Case("here", experiment(probe), files={"only_here.py": "def f():\n    return 1\n"})
    found = by_ours(tmp_path / "a", case, forked=False)
    assert found.code == 2
    assert "only_here.py" not in found.said
    assert f"put {Path()} on PYTHONPATH" in found.told("refused")[0]["problems"][0]["text"]


def test_check_answers_with_one_document_whatever_modules_print(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text("print('imported')\ndef f():\n    return 1\n")
    specs = [
        {"source": "e.json", "experiment": experiment(python("probe", "p", "f", module="loud"))},
        {"source": "no.json"},
    ]
    found = subprocess.run(
        [sys.executable, ROOM, "check"],
        capture_output=True,
        text=True,
        input=json.dumps(specs),
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{Path(__file__).parent / 'toolkit_modules'}"},
    )
    first, second = json.loads(found.stdout)
    assert (first["problems"], first["title"]) == ([], "one of many")
    assert [problem["text"] for problem in second["problems"]] == ['Path "no.json" does not exist.']
    assert "imported" in found.stderr
