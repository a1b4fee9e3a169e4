"""What a run of the Chaos Toolkit puts on record."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.toolkit_cases import experiment, noting, process, python
from tests.integration.toolkit_one import events, rolled_back
from tests.integration.toolkit_side_by_side import (
    Case,
    by_ours,
)


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


def test_of_a_continuous_hypothesis_the_first_and_the_last_answer_are_told(tmp_path: Path) -> None:
    options = {"hypothesis_strategy": "continuously", "hypothesis_frequency": 0.05}
    paused = {**noting("in"), "pauses": {"after": 0.4}}
    found = by_ours(tmp_path / "run", Case("often", experiment(paused), options))
    during = [line for line in found.told("hypothesis") if line["when"] == "during"]
    first, last = during
    assert first["iteration"] == 1
    assert last["iteration"] == len(found.journal["steady_states"]["during"]) > 1
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
