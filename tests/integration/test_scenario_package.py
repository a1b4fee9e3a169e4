"""The example package, built and installed by pip: its scenarios are known to every command."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.engine_process import ROOT, Place, running


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """With the package on the path."""
    source = tmp_path / "source"
    shutil.copytree(ROOT / "examples" / "scenario_package", source)
    made = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-build-isolation", "--quiet",
         "--disable-pip-version-check", "--target", tmp_path / "installed", source],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    found = Place(tmp_path)
    found.environment["PYTHONPATH"] = f"{ROOT}:{tmp_path / 'installed'}"
    shutil.copy(source / "checkout.chaos.yml", tmp_path)
    return found


def test_it_is_known_and_runs(place: Place) -> None:
    checked = place.call("validate", "checkout.chaos.yml")
    assert checked.returncode == 0, checked.stderr
    text = (place.folder / "checkout.chaos.yml").read_text()
    place.configure(text.replace("/tmp/failure_state.json", "STATE"), "mine.chaos.yml")
    with running(place, "run", "mine.chaos.yml") as process:
        process.says("Marked injection")
        state = json.loads(place.state_file.read_text())
        assert (state["mode"], state["message"]) == ("checkout_closed", "back in a minute")
        assert state["expires_at"] > state["timestamp"]
        process.rest()
        assert process.popen.returncode == 0
    assert place.mode == "healthy"


def test_a_function_of_it_too(place: Place) -> None:
    place.configure(
        "title: t\nscenario: partial_outage\ntarget: {name: a, state_file: STATE}\nrecovery: 1s\n", "f.yml"
    )
    with running(place, "run", "f.yml") as process:
        process.says("Marked injection")
        assert place.mode == "partial_outage"
    assert place.call("clear", "--all").returncode == 0
    assert place.mode == "healthy"


def test_without_it_the_name_is_unknown(place: Place) -> None:
    place.environment["PYTHONPATH"] = str(ROOT)
    refused = place.call("validate", "checkout.chaos.yml")
    assert refused.returncode == 2
    assert "checkout.chaos.yml:3: scenario: unknown scenario 'checkout_closed'" in refused.stderr
