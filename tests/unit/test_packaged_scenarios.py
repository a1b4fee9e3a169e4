"""Scenarios of installed packages: found by name, imported when used; a clash names both origins."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.adapters.clock import SystemClock
from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.by_hand import by_hand
from chaos_engine.config import load_settings
from chaos_engine.experiment_file import load_experiment
from chaos_engine.model import Fault, Now, Target
from chaos_engine.performing import undo
from chaos_engine.ports import World
from chaos_engine.written import ConfigError
from scenarios.registry import PluginError, clash, load, merged, names

GOOD = """
from scenarios.state_file import StateFileScenario

class Closed(StateFileScenario):
    name = "closed"
    mode = "closed"

def inject_dim(state_file):
    state_file.write_text('{"mode": "dim"}')

def inject_nothing():
    pass

class Lacking(StateFileScenario):
    name = "lacking"
    observe = property()
    prepare = None
"""
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """A package with these entry points, as pip would have left it."""

    def installed(package: str, text: str, **points: str) -> None:
        folder = tmp_path / package
        info = folder / f"{package}-1.2.dist-info"
        info.mkdir(parents=True)
        (folder / f"{package}.py").write_text(text)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        lines = "".join(f"{name} = {value}\n" for name, value in points.items())
        (info / "entry_points.txt").write_text(f"[chaos_engine.scenarios]\n{lines}")
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, package, raising=False)

    return installed


def experiment(folder: Path, scenario: str) -> Any:
    file = folder / "one.chaos.yml"
    file.write_text(f"title: t\nscenario: {scenario}\ntarget: {{name: a, state_file: {folder}/s.json}}\n")
    return load_experiment(file, {})


def refused(folder: Path, scenario: str) -> str:
    with pytest.raises(ConfigError) as error:
        experiment(folder, scenario)
    (problem,) = error.value.problems
    assert problem.startswith(f"{folder}/one.chaos.yml:2: scenario: ")
    return problem.partition(": scenario: ")[2]


def test_they_are_found_by_name(install: Install, tmp_path: Path) -> None:
    install("pack_a", GOOD, closed="pack_a:Closed", dim="pack_a:inject_dim")
    assert experiment(tmp_path, "closed").scenarios["closed"].mode == "closed"
    assert experiment(tmp_path, "dim").scenarios["dim"].name == "dim"
    file = tmp_path / "chaos.yml"
    file.write_text("scenarios: {closed: {weight: 1}, other: {scenario: dim}}\n")
    settings = load_settings(file, {})
    assert {label for label, _ in settings.experiments} == {"closed", "other"}
    by_name = by_hand(load_settings(None, {}), {"scenario": "closed", "target": "target-app"})
    assert by_name.steps[0].scenario == "closed"


def test_one_that_is_not_used_is_not_imported(install: Install, tmp_path: Path) -> None:
    install("pack_b", "raise SystemExit('imported')", broken="pack_b:Closed")
    experiment(tmp_path, "crash")
    assert "pack_b" not in sys.modules
    assert "broken" in load()
    assert "broken" in names(load())


@pytest.mark.parametrize(
    ("text", "value", "words"),
    [
        ("raise SystemExit('no')", "pack_c:Closed", "SystemExit: no"),
        ("import nowhere_at_all", "pack_c:Closed", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        (GOOD, "pack_c:Missing", "AttributeError: "),
        (GOOD, "pack_c:inject_nothing", "is neither a Scenario class nor a function of a state_file"),
        (GOOD, "pack_c:GOOD", "AttributeError: "),
        ("class Closed:\n    name = 'closed'", "pack_c:Closed", "is neither a Scenario class nor a function"),
        (GOOD.replace('name = "closed"', 'name = "other"'), "pack_c:Closed", "calls itself 'other'"),
        (GOOD.replace('    name = "closed"\n', ""), "pack_c:Closed", "it lacks name"),
        (GOOD + "\n    def __init__(self):\n        1 / 0", "pack_c:Lacking", "ZeroDivisionError: "),
    ],
)
def test_a_broken_one_is_named_when_it_is_used(
    install: Install, tmp_path: Path, text: str, value: str, words: str
) -> None:
    install("pack_c", text, closed=value)
    told = refused(tmp_path, "closed")
    assert told.startswith(f"'closed' of pack_c 1.2 ({value}) ")
    assert words in told
    assert load().get("closed") is None
    with pytest.raises(PluginError, match="pack_c"):
        load()["closed"]


def test_what_a_broken_one_left_in_a_state_file_is_still_cleared(install: Install, tmp_path: Path) -> None:
    install("pack_i", "raise SystemExit('no')", closed="pack_i:Closed")
    file = tmp_path / "s.json"
    file.write_text('{"mode": "closed", "id": "e1-0", "timestamp": 1}')
    fault = Fault(
        "e1-0",
        "e1",
        "closed",
        Target("a", file),
        {},
        {"state_file": str(file)},
        (),
        "me",
        0,
        Now(1, 1),
        Now(2, 2),
    )
    undo(load(), fault, World(StateFiles(), SystemClock()))
    assert '"healthy"' in file.read_text()


def test_an_unknown_name_is_told_those_of_packages_too(install: Install, tmp_path: Path) -> None:
    install("pack_d", GOOD, closed="pack_d:Closed")
    assert "did you mean 'closed'?" in refused(tmp_path, "clsed")
    with pytest.raises(KeyError):
        load()["clsed"]
    assert load().get("clsed", 7) == 7


def test_a_clash_names_both_and_harms_nobody_else(install: Install, tmp_path: Path) -> None:
    install("pack_e", GOOD, closed="pack_e:Closed", crash="pack_e:Closed")
    install("pack_f", GOOD, closed="pack_f:Closed")
    told = refused(tmp_path, "closed")
    assert "pack_e 1.2 (pack_e:Closed)" in told
    assert "pack_f 1.2 (pack_f:Closed)" in told
    assert told.startswith("'closed' is a scenario of ")
    assert refused(tmp_path, "crash") == (
        "'crash' is a scenario of chaos-engine and of pack_e 1.2 (pack_e:Closed); allowed: one"
    )
    with pytest.raises(ValueError, match="is a scenario of chaos-engine and of"):
        by_hand(experiment(tmp_path, "slowdown"), {"scenario": "crash", "target": "a"})
    assert load()["crash"].name == "crash"  # what was left in by the built-in one is still cleared
    assert clash(load(), "slowdown") == ""


def test_a_clash_with_a_file_of_the_plugins_folder_names_the_file(install: Install, tmp_path: Path) -> None:
    install("pack_g", GOOD, dim="pack_g:inject_dim")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "my_scenarios.py").write_text("def inject_dim(state_file):\n    pass\n")
    assert "my_scenarios.py and of pack_g 1.2" in clash(load(tmp_path / "mine"), "dim")


def test_what_was_loaded_stays_known_when_settings_are_merged(install: Install) -> None:
    install("pack_h", GOOD, closed="pack_h:Closed")
    first, second = load(), load()
    used = first["closed"]
    both = merged(first, second)
    assert both["closed"] is used
    assert clash(both, "closed") == ""
    assert clash(both, "crash") == ""
    assert merged({"x": used}, second)["x"] is used
    assert merged(second, {})["closed"].name == "closed"
