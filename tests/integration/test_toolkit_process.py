"""The process of a Chaos Toolkit experiment: signals and kills."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.integration.engine_process import until
from tests.integration.toolkit_cases import experiment, guarded, noting, process, python
from tests.integration.toolkit_one import ACTIVITIES, WAITING, events, killed, ran, rolled_back, started
from tests.integration.toolkit_side_by_side import (
    Case,
)

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
    ("strategy", "back"),
    [("never", []), ("always", ["awaited", "second back"]), ("deviated", ["awaited", "second back"])],
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
