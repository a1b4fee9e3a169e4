"""The built wheel in an environment of its own: in projects that have folders and modules named like ours."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEST = """
import json, pathlib

def test_theirs():
    from scenarios.checkout import NAME
    assert NAME == "theirs"

def test_ours(chaos):
    with chaos.inject("slowdown", state_file="state.json", delay=2):
        assert json.loads(pathlib.Path("state.json").read_text())["mode"] == "slow"
    from scenarios.checkout import NAME
    assert NAME == "theirs"
"""


def call(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CHAOS_", "PYTEST", "PYTHON"))}
    return subprocess.run(
        [str(part) for part in command], cwd=folder, env=clean, capture_output=True, text=True, timeout=200,
        check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, and what it needs from the one that runs the tests."""
    folder = tmp_path_factory.mktemp("wheel")
    built = call(ROOT, sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    python = folder / "env" / "bin" / "python"
    for command in (
        (sys.executable, "-m", "venv", "--without-pip", folder / "env"),
        (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel),
    ):
        made = call(folder, *command)
        assert made.returncode == 0, made.stderr
    (packages,) = (folder / "env").glob("lib/python*/site-packages")
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib"))
    return python.parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "checkout.py").write_text("NAME = 'theirs'\n")
    (tmp_path / "scenarios" / "test_inside.py").write_text(
        'def test_it(chaos):\n    with chaos.inject("crash", state_file="state.json"):\n        pass\n'
    )
    for name in ("engine", "scheduler", "evaluators"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong one')\n")
    (tmp_path / "conftest.py").write_text("")
    (tmp_path / "test_it.py").write_text(TEST)
    (tmp_path / "crash.chaos.yml").write_text(
        "title: t\nscenario: crash\nrecovery: 200ms\n"
        f"target: {{name: a, state_file: {tmp_path}/state.json}}\n"
    )
    return tmp_path


@pytest.mark.parametrize("mode", ["prepend", "append", "importlib"])
@pytest.mark.parametrize("package", [True, False])
def test_the_plugin_works_beside_names_like_ours(
    binaries: Path, project: Path, mode: str, package: bool
) -> None:
    if package:
        (project / "scenarios" / "__init__.py").write_text("")
    ran = call(
        project, binaries / "python", "-m", "pytest", f"--import-mode={mode}", "-p", "no:cacheprovider"
    )
    assert "4 passed" in ran.stdout, ran.stdout + ran.stderr


def test_it_can_be_switched_off(binaries: Path, project: Path) -> None:
    off = call(project, binaries / "python", "-m", "pytest", "-p", "no:chaos_engine", "--collect-only", "-q")
    assert "crash.chaos.yml" not in off.stdout
    assert "3 tests collected" in off.stdout
    helped = call(project, binaries / "python", "-m", "pytest", "--help")
    assert "--chaos-dry-run" in helped.stdout


def test_the_command_takes_its_own_modules(binaries: Path, project: Path) -> None:
    (project / "scenarios" / "__init__.py").write_text("raise SystemExit('the wrong one')\n")
    ran = call(project, binaries / "chaos-engine", "run", "crash.chaos.yml")
    assert ran.returncode == 0, ran.stderr
    assert "Verdict crash on a: UNJUDGED" in ran.stderr
