"""Scenarios of a stranger: one file in a folder, as a class or as a function; and files that are neither."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from chaos_engine.adapters.clock import SystemClock
from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.config import load_settings
from chaos_engine.model import Fault, Now, Target
from chaos_engine.ports import World
from chaos_engine.written import ConfigError
from scenarios.registry import PluginError, load

CLASS = """
from typing import ClassVar
from scenarios.base import Parameters
from scenarios.state_file import StateFileParameters, StateFileScenario

class MaintenanceParameters(StateFileParameters):
    message: str = "back soon"

class Maintenance(StateFileScenario):
    name = "maintenance"
    mode = "maintenance"
    parameters: ClassVar[type[Parameters]] = MaintenanceParameters

    def draw(self, parameters, rng):
        return {**super().draw(parameters, rng), "message": parameters.message}
"""
BASE = "from scenarios.base import Scenario"
CRASH = "from scenarios.crash_scenarios import Crash, inject_crash"
FUNCTION = """
import json
from pathlib import Path

def inject_network_partition(state_file: Path):
    state_file.write_text(json.dumps({"mode": "partition", "delay": 0, "timestamp": 5.0}))
"""


def plugin(folder: Path, text: str, name: str = "my_scenarios.py") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(PluginError) as caught:
        load(folder)
    return str(caught.value)


def world() -> World:
    return World(StateFiles(), SystemClock())


def test_the_built_in_ones() -> None:
    local, aws = {"config_error", "crash", "slowdown"}, {"fis", "ssm_automation", "ssm_command"}
    assert set(load()) >= {*local, *aws, "pause", "partition"}


def test_a_class_with_parameters_of_its_own(tmp_path: Path) -> None:
    plugin(tmp_path / "mine", CLASS)
    file = tmp_path / "chaos.yml"
    file.write_text("plugins: ./mine\nscenarios: {maintenance: {weight: 1, message: closed}}")
    settings = load_settings(file, {})
    step = settings.experiments["maintenance", "target-app"].steps[0]
    scenario = settings.scenarios["maintenance"]
    parameters = scenario.parameters.model_validate(dict(step.parameters))
    prepared = scenario.prepare(step.target, parameters, Random(1), world())
    assert prepared.parameters["message"] == "closed"
    file.write_text("plugins: ./mine\nscenarios: {maintenance: {mesage: closed}}")
    with pytest.raises(
        ConfigError, match=r"maintenance\.mesage: unknown key 'mesage'; did you mean 'message'"
    ):
        load_settings(file, {})


def test_a_function_is_stamped_and_cleared_like_any_other(tmp_path: Path) -> None:
    scenario = load(plugin(tmp_path / "mine", FUNCTION))["network_partition"]
    path = tmp_path / "state.json"
    target, now = Target("shop", path), Now(1000.0, 1.0)
    prepared = scenario.prepare(target, scenario.parameters(), Random(1), world())
    fault = Fault(
        "f1", "e1", scenario.name, target, prepared.parameters, prepared.undo, prepared.resources, "me", 0,
        now, now.plus(9),
    )  # fmt: skip
    scenario.inject(fault, world())
    state = json.loads(path.read_text())
    assert (state["mode"], state["timestamp"]) == ("partition", 5.0)
    assert (state["id"], state["owner"], state["expires_at"], state["target"]) == ("f1", "me", 1009.0, "shop")
    scenario.clear(fault, world())
    assert json.loads(path.read_text())["mode"] == "healthy"


def test_a_function_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    text = "def inject_nothing(state_file):\n    pass\n"
    scenario = load(plugin(tmp_path / "mine", text))["nothing"]
    target, now = Target("shop", tmp_path / "state.json"), Now(1.0, 1.0)
    fault = Fault("f1", "e1", "nothing", target, {}, {}, (), "me", 0, now, now)
    with pytest.raises(RuntimeError, match="inject_nothing wrote no state"):
        scenario.inject(fault, world())


def test_a_function_never_writes_where_the_application_looks(tmp_path: Path) -> None:
    """Killed right after it, the engine would leave a state that nothing ends."""
    seen = (
        "def inject_seen(state_file):\n    state_file.write_text('{\"mode\": \"' + str(state_file) + '\"}')\n"
    )
    scenario = load(plugin(tmp_path / "mine", seen))["seen"]
    target, now = Target("shop", tmp_path / "state.json"), Now(1.0, 1.0)
    scenario.inject(Fault("f1", "e1", "seen", target, {}, {}, (), "me", 0, now, now), world())
    drafted = json.loads((tmp_path / "state.json").read_text())["mode"]
    assert Path(drafted).name == "state.json"
    assert drafted != str(tmp_path / "state.json")
    assert not Path(drafted).exists()


def test_a_function_takes_no_parameters(tmp_path: Path) -> None:
    plugin(tmp_path / "mine", FUNCTION)
    file = tmp_path / "chaos.yml"
    file.write_text("plugins: ./mine\nscenarios: {network_partition: {delay: 1s}}")
    with pytest.raises(ConfigError, match=r"unknown key 'delay'.*network_partition has no parameters"):
        load_settings(file, {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("def f(:", "SyntaxError"),
        ("raise RuntimeError('boom')", "RuntimeError: boom"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("x = 1", "neither a Scenario class nor a function inject_NAME(state_file)"),
        ("def inject_x(path): ...", "neither a Scenario class nor a function inject_NAME(state_file)"),
        (CRASH, "neither a Scenario class"),
        (f"{BASE}\nclass Half(Scenario): name = 'half'", "Half lacks clear, inject, prepare"),
        (f"{CRASH}\nclass Mine(Crash): pass", "named 'crash' exists already"),
        ("def inject_crash(state_file): ...", "named 'crash' exists already"),
        (CLASS + "\n    def __init__(self): raise OSError('no tape')", "Maintenance: OSError: no tape"),
        (CLASS + "\nclass Other(Maintenance): mode = 'other'", "named 'maintenance' exists already"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_named_with_its_error(tmp_path: Path, text: str, words: str) -> None:
    said = refused(plugin(tmp_path / "mine", text))
    assert said.startswith(str(tmp_path / "mine" / "my_scenarios.py"))
    assert words in said


def test_a_folder_that_is_none_or_holds_no_scenarios(tmp_path: Path) -> None:
    assert "is not a folder" in refused(tmp_path / "gone")
    assert "is named *_scenarios.py" in refused(tmp_path)


def test_two_files_may_not_name_the_same_scenario(tmp_path: Path) -> None:
    plugin(tmp_path, FUNCTION, "a_scenarios.py")
    plugin(tmp_path, FUNCTION, "b_scenarios.py")
    assert "b_scenarios.py: a scenario named 'network_partition' exists already" in refused(tmp_path)


def test_a_broken_plugin_is_bad_input(tmp_path: Path) -> None:
    plugin(tmp_path / "mine", "1 / 0")
    file = tmp_path / "chaos.yml"
    file.write_text("plugins: ./mine")
    with pytest.raises(ConfigError, match=r"my_scenarios\.py: ZeroDivisionError"):
        load_settings(file, {})


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ("class Foo(StateFileScenario):\n    mode = 'foo'\n", "Foo"),
        ("def inject_foo(path):\n    pass\n", "inject_foo does not take `state_file`"),
    ],
)
def test_what_is_half_written_is_named_beside_what_is_whole(tmp_path: Path, odd: str, said: str) -> None:
    text = "from scenarios.state_file import StateFileScenario\n" + FUNCTION + odd
    assert said in refused(plugin(tmp_path / "mine", text))


@pytest.mark.parametrize("before", [None, '{"mode": "healthy"}', '{"mode": "partition"}'])
def test_a_function_that_writes_nothing_has_injected_nothing(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "state.json"
    if before is not None:
        path.write_text(before)
    text = "def inject_nothing(state_file):\n    pass\n"
    scenario = load(plugin(tmp_path / "mine", text))["nothing"]
    now = Now(1000.0, 1.0)
    fault = Fault("f", "e", "nothing", Target("shop", path), {}, {}, (), "me", 0, now, now.plus(60))
    with pytest.raises(RuntimeError, match="wrote no state"):
        scenario.inject(fault, world())
