"""Settings that are changed while running: checked as the file is, kept, laid over it, and taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chaos_engine import effective
from chaos_engine.config import Settings
from chaos_engine.configured import Configured
from chaos_engine.steering import Steering

FILE = """
schedule: {every: 100s, min_interval: 0s, recovery: 5s}
targets: {shop: {state_file: /chaos/state.json}, other: {state_file: /chaos/other.json}}
scenarios:
  crash: {weight: 0.3}
  slow.shop: {scenario: slowdown, targets: [shop]}
"""


class Facts:
    """A journal, as far as it is asked."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.full = False

    def get(self, key: str) -> Any:
        return self.facts.get(key)

    def put(self, key: str, value: Any) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.facts[key] = value

    def note(self, at: float, kind: str, **data: Any) -> None:
        self.notes.append((kind, data))


class Engine:
    """What takes the settings."""

    def __init__(self, file: Path, facts: Facts, environment: dict[str, str] | None = None) -> None:
        self.configured = Configured(file, environment or {}, lambda settings: settings)
        self.steering = Steering.over(facts, self.configured.settings, self.configured.reread)
        self.settings, self.problems = self.steering.fitting()

    def asks(self, **arguments: Any) -> dict[str, Any]:
        new, outcome = self.steering.obey({"who": "ann", "why": "a sale", **arguments}, self.settings, 7.0)
        self.settings = new or self.settings
        return outcome

    @property
    def every(self) -> float:
        return self.settings.rules.every


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "chaos.yml"
    file.write_text(FILE)
    return file


def test_a_change_is_told_kept_and_noted_with_who_and_why(file: Path) -> None:
    facts = Facts()
    engine = Engine(file, facts)
    outcome = engine.asks(changes={"schedule.every": "60s", "scenarios.slow.shop.weight": 0.5})
    changed = {
        "schedule.every": {"old": 100.0, "new": 60.0}, "scenarios.slow.shop.weight": {"old": 1.0, "new": 0.5},
    }  # fmt: skip
    assert outcome["changed"] == changed
    assert (engine.every, effective.weights(engine.settings)["slow.shop"]) == (60.0, 0.5)
    assert outcome["settings"]["schedule"]["every"] == 60.0
    assert facts.facts["settings"]["changes"]["schedule.every"] == {
        "value": "60s", "who": "ann", "why": "a sale", "at": 7.0,
    }  # fmt: skip
    assert facts.notes == [("settings", {"who": "ann", "why": "a sale", "changes": changed})]


def test_every_setting_of_the_schedule_can_be_changed(file: Path) -> None:
    wanted: dict[str, Any] = {
        "every": "50s", "startup_wait": "1s", "recovery": "2s", "enabled": "false",
        "windows": '["* 9-16 * * 1-5"]', "timezone": "Europe/Berlin", "max_concurrent": "2",
        "min_interval": "3s", "max_per_hour": "4", "max_per_day": "5", "seed": "6",
        "when_not_recovered": "2x", "resume": "true",
    }  # fmt: skip
    engine = Engine(file, Facts())
    assert set(wanted) == set(effective.schedule(engine.settings))
    before = effective.schedule(engine.settings)
    assert "error" not in engine.asks(changes={f"schedule.{key}": value for key, value in wanted.items()})
    after = effective.schedule(engine.settings)
    assert not [key for key in wanted if before[key] == after[key]]
    assert {experiment.hold for experiment in engine.settings.experiments.values()} == {2.0}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schedule.evry": "60s"}, "is no setting that can be changed while running; did you mean 'schedule"),
        ({"scenarios.crsh.weight": 1}, "did you mean 'scenarios.crash.weight'"),
        ({"scenarios.latency.weight": 1}, "is no setting that can be changed"),
        ({"scenarios.crash.delay": 1}, "is no setting that can be changed"),
        ({"targets.shop.state_file": "/etc/passwd"}, "is no setting that can be changed"),
        ({"schedule.every": "0s"}, "settings schedule.every: '0s' is too short; allowed: above 0s"),
        ({"schedule.every": [1]}, "settings schedule.every"),
        ({"scenarios.crash.weight": "heavy"}, "settings scenarios.crash.weight: 'heavy' is no weight"),
        ({"schedule.windows": "[nine to five]"}, "is no cron line"),
        ({"scenarios.crash.weight": 0, "scenarios.slow.shop.weight": 0}, "every weight is 0"),
        ({"schedule.every": "60s", "schedule.max_per_day": 0}, "max_per_day"),
        ([1], "is no mapping"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_changed(file: Path, changes: Any, words: str) -> None:
    facts = Facts()
    engine = Engine(file, facts)
    before = engine.settings
    assert words in engine.asks(changes=changes)["error"]
    assert engine.settings is before
    assert not facts.facts
    assert not facts.notes


def test_what_cannot_be_kept_is_not_changed(file: Path) -> None:
    facts = Facts()
    engine = Engine(file, facts)
    facts.full = True
    assert "No space left" in engine.asks(changes={"schedule.every": "60s"})["error"]
    assert engine.every == 100.0
    assert engine.steering.changes == {}


def test_changes_survive_a_restart_over_file_and_environment_until_they_are_reset(file: Path) -> None:
    facts, environment = Facts(), {"CHAOS_INTERVAL": "80s"}
    engine = Engine(file, facts, environment)
    assert engine.every == 80.0
    engine.asks(changes={"schedule.every": "60s", "scenarios.crash.weight": 9})
    again = Engine(file, facts, environment)
    assert again.every == 60.0
    again.asks(reset=["schedule.every"])
    assert (again.every, effective.weights(again.settings)["crash"]) == (80.0, 9.0)
    again.asks(reset=True, changes={"schedule.max_per_day": 3})
    assert effective.weights(again.settings)["crash"] == 0.3
    assert again.settings.rules.max_per_day == 3
    assert "was not changed" in again.asks(reset=["schedule.every"])["error"]


def test_a_change_does_not_bring_in_what_stands_in_the_file_by_now(file: Path) -> None:
    engine = Engine(file, Facts())
    file.write_text("schedule: [broken")
    assert "error" not in engine.asks(changes={"schedule.max_per_day": 3})
    assert engine.every == 100.0


def test_a_reload_keeps_the_changes_and_tells_what_is_different(file: Path) -> None:
    facts = Facts()
    engine = Engine(file, facts)
    engine.asks(changes={"schedule.every": "60s"})
    file.write_text(
        FILE.replace("weight: 0.3", "weight: 0.6").replace("min_interval: 0s", "min_interval: 1s")
    )
    found = engine.steering.reloaded(engine.settings, "signal SIGHUP", 8.0)
    assert found is not None
    settings, changed = found
    expected = {
        "schedule.min_interval": {"old": 0.0, "new": 1.0}, "scenarios.crash.weight": {"old": 0.3, "new": 0.6},
    }  # fmt: skip
    assert changed == expected
    assert settings.rules.every == 60.0
    told = {"source": str(file), "who": "signal SIGHUP", "why": "", "changes": expected}
    assert facts.notes[-1] == ("reload", told)


def test_a_change_that_does_not_fit_the_file_any_more_is_left_out_and_told(file: Path) -> None:
    facts = Facts()
    Engine(file, facts).asks(changes={"schedule.every": "60s", "scenarios.slow.shop.weight": 5})
    file.write_text(FILE.replace("slow.shop", "slower"))
    again = Engine(file, facts)
    assert again.every == 60.0
    assert "scenarios.slow.shop.weight" in again.problems[0]
    assert set(again.steering.changes) == {"schedule.every"}


def test_experiments_that_came_and_went_are_told(file: Path) -> None:
    one = Configured(file, {}, lambda settings: settings).settings({})
    file.write_text(FILE.replace("targets: [shop]", "targets: [other]"))
    two: Settings = Configured(file, {}, lambda settings: settings).settings({})
    told = effective.difference(one, two)
    assert told == {
        "scenarios.slow.shop on shop": {"old": "slow.shop on shop", "new": None},
        "scenarios.slow.shop on other": {"old": None, "new": "slow.shop on other"},
    }
