"""The process of a Chaos Toolkit experiment: its record, signals, kills, full disks, other environments."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine_process import until
from tests.integration.toolkit_cases import experiment, guarded, noting, process, python
from tests.integration.toolkit_side_by_side import (
    ROOM,
    Case,
    Ran,
    by_ours,
    laid_out,
    prepared,
    surroundings,
)

WAITING = {"before": 0, "after": 60}


@contextmanager
def started(folder: Path, case: Case, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Ours, under way."""
    prepared(folder, case)
    laid_out(folder, case)
    with (folder / "said.txt").open("wb") as said:
        running = subprocess.Popen(
            [sys.executable, str(ROOM), "run", "run"],
            cwd=folder,
            env={**os.environ, **surroundings(case)},
            stdout=said,
            stderr=said,
            **more,
        )
        try:
            yield running
        finally:
            running.kill()
            running.wait(10)


def rolled_back(folder: Path, case: Case, **more: Any) -> int:
    with (folder / "rollback.txt").open("ab") as said:
        return subprocess.run(
            [sys.executable, str(ROOM), "rollback", "run"],
            cwd=folder,
            env={**os.environ, **surroundings(case)},
            timeout=60,
            check=False,
            stdout=said,
            stderr=said,
            **more,
        ).returncode


def ran(folder: Path, code: int = 0) -> Ran:
    return Ran(folder, code, (folder / "said.txt").read_text())


def events(found: Ran) -> list[str]:
    return [line["event"] for line in found.record]


# -- the record


def test_the_record(tmp_path: Path) -> None:
    method = (noting("in"), process("p", "echo well; exit 3"), python("probe", "look", "fail", what="no"))
    found = by_ours(tmp_path / "run", Case("all", experiment(*method)))
    assert [(line["event"], line.get("name", line.get("when"))) for line in found.record] == [
        ("started", None),
        ("hypothesis-started", "before"),
        ("activity-started", "steady"),
        ("activity-ended", "steady"),
        ("hypothesis", "before"),
        ("method-started", None),
        *((event, name) for name in ("in", "p", "look") for event in ("activity-started", "activity-ended")),
        ("method-ended", None),
        ("hypothesis-started", "after"),
        ("activity-started", "steady"),
        ("activity-ended", "steady"),
        ("hypothesis", "after"),
        ("rollbacks-started", None),
        *(
            (f"activity-{what}", f"{which} back")
            for which in ("first", "second")
            for what in ("started", "ended")
        ),
        ("rollbacks-ended", None),
        ("ended", None),
    ]
    assert all(isinstance(line["at"], float) for line in found.record)
    assert [line["at"] for line in found.record] == sorted(line["at"] for line in found.record)
    by_name = {line.get("name"): line for line in found.told("activity-ended")}
    assert {
        key: by_name["p"][key] for key in ("section", "kind", "provider", "status", "said", "exit", "index")
    } == {
        "section": "method",
        "kind": "action",
        "provider": "process",
        "status": "succeeded",
        "said": "well",
        "exit": 3,
        "index": 1,
    }
    assert by_name["look"]["status"] == "failed"
    assert by_name["look"]["said"] == "RuntimeError: no could not be done"
    assert found.told("hypothesis")[0]["probes"] == [
        {"name": "steady", "status": "succeeded", "tolerance_met": True, "said": "True"}
    ]
    ended = found.told("ended")[0]
    assert ended["journal"] == str(tmp_path / "run" / "out.json")
    assert (tmp_path / "run" / "out.json").read_text() == (
        tmp_path / "run" / "run" / "journal.json"
    ).read_text()
    assert json.loads((tmp_path / "run" / "run" / "experiment.json").read_text()) == experiment(*method)


def test_a_hypothesis_out_of_tolerance_is_told_with_its_probe(tmp_path: Path) -> None:
    found = by_ours(tmp_path / "run", Case("gate", experiment(noting("in")), files={"broken": ""}))
    told = found.told("hypothesis")[0]
    assert (told["when"], told["met"]) == ("before", False)
    assert told["probes"] == [
        {"name": "steady", "status": "succeeded", "tolerance_met": False, "said": "False"}
    ]
    assert found.told("rollbacks-ended")[0] == {
        **found.told("rollbacks-ended")[0],
        "failed": [],
        "skipped": True,
    }
    assert not found.told("rollbacks-started")


def test_a_continuous_hypothesis_is_told_by_iteration(tmp_path: Path) -> None:
    options = {"hypothesis_strategy": "continuously", "hypothesis_frequency": 0.05}
    paused = {**noting("in"), "pauses": {"after": 0.4}}
    found = by_ours(tmp_path / "run", Case("often", experiment(paused), options))
    during = [line for line in found.told("hypothesis") if line["when"] == "during"]
    assert [line["iteration"] for line in during] == list(range(1, len(during) + 1))
    assert len(during) > 1
    sections = {line["section"] for line in found.told("activity-started") if line["name"] == "steady"}
    assert sections == {"before", "during", "after"}


def test_background_and_dry_are_told(tmp_path: Path) -> None:
    method = ({**noting("in"), "background": True}, python("probe", "look", "steady"))
    found = by_ours(tmp_path / "run", Case("dry", experiment(*method), {"dry": "actions"}))
    told = {line["name"]: (line["background"], line["dry"]) for line in found.told("activity-started")}
    assert told == {
        "steady": (False, False),
        "in": (True, True),
        "look": (False, False),
        "first back": (False, True),
        "second back": (False, True),
    }
    assert found.told("ended")[0]["dry"] == "actions"


def test_what_is_not_valid_is_refused(tmp_path: Path) -> None:
    document = {**experiment(process("p", "${nobody}")), "title": ""}
    found = by_ours(tmp_path / "run", Case("bad", document))
    assert found.code == 2
    assert events(found) == ["started", "refused"]
    assert [problem["path"] for problem in found.told("refused")[0]["problems"]] == [
        "title",
        "method[0].provider.arguments[1]",
    ]


def test_without_validation_it_is_not(tmp_path: Path) -> None:
    found = by_ours(tmp_path / "run", Case("bad", experiment(noting("${nobody}")), {"no_validation": True}))
    assert found.code == 0
    assert found.notes[0] == "${nobody}"


def test_settings_of_another_shape_are_refused(tmp_path: Path) -> None:
    case = Case("settings", experiment(noting("in")), {"settings": "s.yaml"}, files={"s.yaml": "[1]"})
    found = by_ours(tmp_path / "run", case)
    assert (found.code, found.notes, events(found)) == (2, [], ["started", "refused"])


def test_secrets_are_not_told(tmp_path: Path) -> None:
    told = python("action", "tell", "told", secret="${token}")
    failing = python("action", "fail", "fail", what="a ${token}")
    declared = {"secrets": {"g": {"token": {"type": "env", "key": "TOKEN"}}}}
    case = Case("secrets", experiment(told, failing, **declared), environment={"TOKEN": "open sesame"})
    found = by_ours(tmp_path / "run", case)
    said = [line["said"] for line in found.told("activity-ended") if line["section"] == "method"]
    assert said[0] == "{'configuration': {}, 'secrets': None, 'secret': '***'}"
    assert said[1] == "RuntimeError: a *** could not be done"
    assert "sesame" not in (tmp_path / "run" / "run" / "record.jsonl").read_text()


def test_strictly_what_chaos_leaves_is_left(tmp_path: Path) -> None:
    """Only a run that was killed is rolled back after it."""
    case = Case("after", experiment(noting("in", make="dead")), {"strict": True})
    found = by_ours(tmp_path / "a", case)
    assert found.notes == ["in"]
    assert rolled_back(tmp_path / "a", case) == 0
    assert found.notes == ["in"]
    assert found.record[-1]["skipped"] is True


# -- signals


def test_sigterm_in_a_pause_rolls_back_and_only_once(tmp_path: Path) -> None:
    """A second one does not cut the rollbacks."""
    slow = [python("action", "slow back", "awaited", path="go"), noting("second back")]
    case = Case("paused", experiment({**noting("in"), "pauses": WAITING}, rollbacks=slow))
    with started(tmp_path / "a", case) as running:
        found = ran(tmp_path / "a")
        until(lambda: "in" in found.notes)
        running.send_signal(signal.SIGTERM)
        until(lambda: "awaited" in found.notes)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2):
            running.send_signal(number)
        (tmp_path / "a" / "go").touch()
        assert running.wait(30) == 1
    assert found.notes == ["in", "awaited", "second back"]
    assert found.verdict == ("interrupted", False, 1)
    assert found.told("rollbacks-ended")[0]["failed"] == []


def test_sigterm_is_not_held_up_by_what_works_in_the_background(tmp_path: Path) -> None:
    endless = {**python("action", "endless", "awaited", path="never", seconds=300), "background": True}
    case = Case("background", experiment(endless, {**noting("in"), "pauses": WAITING}))
    with started(tmp_path / "a", case) as running:
        found = ran(tmp_path / "a")
        until(lambda: {"in", "awaited"} <= set(found.notes))
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 1
    assert found.notes[-2:] == ["first back", "second back"]


def test_the_process_does_not_wait_for_what_is_left_in_the_background(tmp_path: Path) -> None:
    endless = {
        **process("endless", "for i in $(seq 900); do test -e go && exit; sleep 0.1; done"),
        "background": True,
    }
    leaving = {**python("action", "leave", "leaving", how="ungracefully"), "pauses": {"before": 0.3}}
    with started(tmp_path / "a", Case("left", experiment(endless, leaving))) as running:
        assert running.wait(45) == 1
    (tmp_path / "a" / "go").touch()
    assert ran(tmp_path / "a").notes == ["ungracefully", "first back", "second back"]


def test_sigterm_before_the_run_ends_it_quietly(tmp_path: Path) -> None:
    waiting = {"type": "probe", "name": "w", **python("probe", "w", "awaited", path="never")}
    case = Case("loading", experiment(noting("in"), configuration={"x": waiting}))
    with started(tmp_path / "a", case) as running:
        found = ran(tmp_path / "a")
        until(lambda: "awaited" in found.notes)
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == -signal.SIGTERM
    assert events(found) == ["started"]
    assert found.notes == ["awaited"]


# -- kills

ACTIVITIES = experiment(
    python("action", "in", "awaited", path="go"),
    rollbacks=[python("action", "first back", "awaited", path="gone"), noting("second back")],
)


def killed(folder: Path, case: Case, notes: int) -> Ran:
    """Once it has noted so much."""
    with started(folder, case) as running:
        found = ran(folder)
        until(lambda: len(found.notes) == notes)
        running.send_signal(signal.SIGKILL)
        running.wait(10)
    return found


def test_killed_in_the_method(tmp_path: Path) -> None:
    case = Case("killed", ACTIVITIES)
    found = killed(tmp_path / "a", case, 1)
    (tmp_path / "a" / "gone").touch()
    assert rolled_back(tmp_path / "a", case) == 0
    assert found.notes == ["awaited", "awaited", "second back"]
    assert events(found)[-1] == "rollbacks-ended"
    again = [line for line in found.record if line["event"] == "started"]
    assert [line["rollback"] for line in again] == [False, True]


def test_killed_in_the_rollbacks_what_went_well_is_not_played_again(tmp_path: Path) -> None:
    document = experiment(
        noting("in"),
        rollbacks=[noting("first back"), python("action", "second", "awaited", path="go"), noting("third")],
    )
    case = Case("killed", document)
    found = killed(tmp_path / "a", case, 3)
    (tmp_path / "a" / "go").touch()
    assert rolled_back(tmp_path / "a", case) == 0
    assert found.notes == ["in", "first back", "awaited", "awaited", "third"]
    assert rolled_back(tmp_path / "a", case) == 0
    assert len(found.notes) == 5


def test_killed_before_the_method_there_is_nothing_to_roll_back(tmp_path: Path) -> None:
    waiting = {**python("probe", "gate", "awaited", path="go"), "tolerance": True}
    case = Case("killed", experiment(noting("in"), hypothesis={"title": "slow", "probes": [waiting]}))
    found = killed(tmp_path / "a", case, 1)
    assert rolled_back(tmp_path / "a", case) == 0
    assert found.notes == ["awaited"]
    assert found.record[-1] == {**found.record[-1], "event": "rollbacks-ended", "skipped": True}


@pytest.mark.parametrize(
    ("strategy", "back"), [("never", []), ("always", ["awaited", "second back"]), ("deviated", [])]
)
def test_killed_the_strategy_counts(tmp_path: Path, strategy: str, back: list[str]) -> None:
    case = Case("killed", ACTIVITIES, {"rollback_strategy": strategy})
    found = killed(tmp_path / "a", case, 1)
    (tmp_path / "a" / "gone").touch()
    assert rolled_back(tmp_path / "a", case) == 0
    assert found.notes == ["awaited", *back]


def test_killed_what_a_probe_chose_is_what_is_rolled_back(tmp_path: Path) -> None:
    choose = {"type": "probe", "name": "choose", "provider": python("probe", "p", "chosen")["provider"]}
    document = experiment(
        python("action", "in", "awaited", path="go"),
        rollbacks=[noting("back ${id}")],
        configuration={"id": choose},
    )
    case = Case("killed", document)
    found = killed(tmp_path / "a", case, 1)
    assert rolled_back(tmp_path / "a", case) == 0
    assert found.notes == ["awaited", "back i-1"]


def test_killed_the_rollbacks_have_their_variables_secrets_and_controls(tmp_path: Path) -> None:
    declared = {
        "configuration": {"who": "nobody"},
        "secrets": {"g": {"token": {"type": "env", "key": "TOKEN"}}},
    }
    document = experiment(
        python("action", "in", "awaited", path="go"),
        rollbacks=[noting("${who} ${token}")],
        controls=[guarded("")],
        **declared,
    )
    case = Case("killed", document, {"var": ["who=me"]}, {"TOKEN": "secret"})
    found = killed(tmp_path / "a", case, 1)
    assert rolled_back(tmp_path / "a", case) == 0
    assert found.notes[-1] == "me secret"
    assert found.heard[-4:] == [
        "configured",
        "before ${who} ${token}",
        "after ${who} ${token}: succeeded",
        "cleaned up",
    ]


def test_killed_a_rollback_that_fails_is_told_and_played_again(tmp_path: Path) -> None:
    rollbacks = [process("first", "test -e mended"), noting("second back")]
    case = Case("killed", experiment(python("action", "in", "awaited", path="go"), rollbacks=rollbacks))
    found = killed(tmp_path / "a", case, 1)
    assert rolled_back(tmp_path / "a", case) == 1
    assert found.record[-1]["failed"] == ["first"]
    (tmp_path / "a" / "mended").touch()
    assert rolled_back(tmp_path / "a", case) == 0
    assert found.record[-1]["failed"] == []
    assert found.notes == ["awaited", "second back"]


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
