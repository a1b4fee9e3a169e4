"""`chaos discover chaos-engine`, as people install it: from the wheel, and as a link to the sources."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.integration.engine_process import ROOT
from tests.integration.toolkit_command import Chaos, call, environment_of

ACTIVITIES = {
    "clear", "halt", "inject", "pause", "resume", "nothing_injected", "ready", "status", "verdict"
}  # fmt: skip


@pytest.fixture(scope="module", params=["wheel", "editable"])
def chaos(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Chaos:
    """An environment in which chaos-engine is installed in that way, and nothing else of it is."""
    folder = tmp_path_factory.mktemp(request.param)
    python = environment_of(folder)
    what = ["--editable", str(ROOT)]
    if request.param == "wheel":
        built = call(ROOT, sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
        assert built.returncode == 0, built.stderr
        what = [str(path) for path in folder.glob("*.whl")]
    installed = call(
        folder, python, "-m", "pip", "install", "--no-deps", "--no-index", "--no-build-isolation", "--quiet",
        "--disable-pip-version-check", *what,
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr
    (folder / "work").mkdir()
    return Chaos(folder / "work", python=python)


@pytest.mark.parametrize("seed", ["1", "2", "3"])  # where nothing is declared, this decides
def test_it_is_discovered_by_the_name_that_is_installed(chaos: Chaos, seed: str) -> None:
    found = chaos.discover("chaos-engine", "--no-system-info", PYTHONHASHSEED=seed)
    assert {activity["name"] for activity in found["activities"]} == ACTIVITIES
    assert found["extension"] == {"name": "chaos-engine", "version": "0.1.0"}


def test_the_arguments_have_types_that_can_be_asked_for(chaos: Chaos) -> None:
    found = chaos.discover("chaos-engine", "--no-system-info")
    (inject,) = (activity for activity in found["activities"] if activity["name"] == "inject")
    types = {one["name"]: one["type"] for one in inject["arguments"]}
    assert types["scenario"] == types["target"] == types["hold"] == "string"
    assert (types["now"], types["timeout"]) == ("boolean", "number")
    assert inject["doc"].startswith("Inject one fault")


def test_without_a_daemon_the_rest_is_discovered_all_the_same(chaos: Chaos) -> None:
    found = chaos.discover("chaos-engine", CHAOS_URL="http://127.0.0.1:1")
    assert found["system"] is None
    assert len(found["activities"]) == len(ACTIVITIES)


def test_every_top_level_package_is_declared(chaos: Chaos) -> None:
    look = "import importlib.metadata as m, json; print(json.dumps(m.packages_distributions()))"
    told = call(chaos.folder, chaos.python, "-c", look)
    for name in (
        "chaosengine",
        "chaos_engine",
        "engine",
        "scheduler",
        "scenarios",
        "evaluators",
        "target_app",
    ):
        assert f'"{name}": ["chaos-engine"]' in told.stdout
    shipped = (Path(ROOT) / "chaosengine" / "top_level.txt").read_text().split()
    assert shipped[0] == "chaosengine"
    for name in shipped:
        assert (ROOT / name).is_dir() or (ROOT / f"{name}.py").is_file()
