"""Experiments of the Chaos Toolkit that cannot be run are refused before anything happens."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.integration.toolkit_stage import Stage, activity


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_everything_that_is_wrong_is_told_at_once(stage: Stage) -> None:
    elsewhere = {"type": "python", "func": "kill"}
    method = [
        {"type": "action", "name": "a", "provider": {**elsewhere, "module": "chaosk8s.pod.actions"}},
        activity("b", "put", path="${nowhere}"),
        {"type": "action", "provider": {"type": "python"}},
    ]  # fmt: skip
    file = stage.experiment(method=method, description=None)
    for command in ("validate", "run"):
        refused = stage.call(command, file)
        assert refused.returncode == 2
        for words in (
            "description: experiment requires a description",
            "method[0]", "chaostoolkit-kubernetes", "${nowhere}",
            "method[2].name: an activity must have a name",
        ):  # fmt: skip
            assert words in refused.stderr, refused.stderr
        assert "Traceback" not in refused.stderr
    assert not (stage.data / "toolkit").exists()


def test_several_files_are_asked_about_at_once(stage: Stage) -> None:
    """By one process, whatever the number of files; each is told apart. Another waits for the first run."""
    asked, python = stage.folder / "asked", stage.folder / "python"
    python.write_text(f'#!/bin/sh\necho "$2" >> {asked}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    stage.environment["CHAOS_TOOLKIT_PYTHON"] = str(python)
    files = [stage.experiment("well.json"), stage.experiment("a.json", description=None)]
    files.append(stage.experiment("b.json", method=[activity("b", "put", path="${nowhere}")]))
    for command, begun in (("validate", {"check"}), ("run", {"serve", "check"})):
        refused = stage.call(command, *files)
        assert refused.returncode == 2
        assert "a.json: description: experiment requires" in refused.stderr
        assert "b.json: method[0].provider.arguments.path" in refused.stderr
        assert "well.json" not in refused.stderr
        assert sorted(asked.read_text().split()) == sorted(begun)
        asked.unlink()


def test_options_of_chaos_run_are_for_its_experiments_alone(stage: Stage) -> None:
    stage.configure("title: x\nscenario: crash\ntarget: {name: shop, state_file: STATE}\n", "ours.yml")
    refused = stage.call("run", "ours.yml", "--var", "a=1")
    assert (refused.returncode, "--var: allowed with experiments of the Chaos Toolkit" in refused.stderr) == (
        2,
        True,
    )
    refused = stage.call("run", stage.experiment(), "--set", "title=x")
    assert (refused.returncode, "allowed: --var KEY=VALUE" in refused.stderr) == (2, True)
    refused = stage.call("run", "--var", "a=1")
    assert (refused.returncode, "--var: allowed with FILES only" in refused.stderr) == (2, True)


def test_a_python_without_the_toolkit_is_named(stage: Stage) -> None:
    stage.environment["CHAOS_TOOLKIT_PYTHON"] = "/nowhere/python"
    refused = stage.call("run", stage.experiment())
    assert refused.returncode == 2
    assert "CHAOS_TOOLKIT_PYTHON: '/nowhere/python' is no program" in refused.stderr


def test_an_entry_that_cannot_be_run_keeps_the_daemon_from_starting(stage: Stage) -> None:
    stage.configure("scenarios: {az: {toolkit: missing.json, weight: 0.1, rollbck_strategy: never}}")
    refused = stage.call("run")
    assert refused.returncode == 2
    assert "unknown key 'rollbck_strategy'; did you mean 'rollback_strategy'?" in refused.stderr
    stage.configure("scenarios: {az: {toolkit: missing.json, weight: 0.1}}")
    refused = stage.call("run")
    assert (refused.returncode, "missing.json" in refused.stderr) == (2, True)


def test_nothing_is_resolved_within_the_configuration(stage: Stage) -> None:
    method = [activity("a", "put", path="${where}")]
    method[0]["provider"]["secrets"] = ["nobody"]
    refused = stage.call("validate", stage.experiment(configuration={"where": "${home}/x"}, method=method))
    assert refused.returncode == 2
    assert "configuration.where: ${home} would be used as it is written" in refused.stderr
    checked = stage.call("validate", stage.experiment(configuration={"where": "/x"}, method=method))
    assert (checked.returncode, "'nobody' is no group of the secrets" in checked.stdout) == (0, True)


def test_strict_has_the_exit_code_of_chaos_run_for_what_is_wrong(stage: Stage) -> None:
    file = stage.experiment(description=None)
    assert stage.call("run", file, "--strict").returncode == 1
    assert stage.call("run", file).returncode == 2
