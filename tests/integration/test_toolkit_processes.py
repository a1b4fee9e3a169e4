"""Processes of the Chaos Toolkit that are slow to begin: told to end before, and left alone to roll back."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.adapters.toolkit_processes import ToolkitProcesses
from scenarios.toolkit_record import Record
from tests.integration.engine_process import until
from tests.integration.toolkit_stage import Stage, activity

RUN = "e1-0-1"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    found = Stage(tmp_path)
    monkeypatch.setenv("PYTHONPATH", found.environment["PYTHONPATH"])
    return found


def slow(stage: Stage, monkeypatch: pytest.MonkeyPatch, mode: str, seconds: float) -> None:
    """A Python that loads slowly, in one of its modes."""
    python = stage.folder / "python"
    python.write_text(f'#!/bin/sh\n[ "$2" = {mode} ] && sleep {seconds}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv("CHAOS_TOOLKIT_PYTHON", str(python))


def begun(stage: Stage, runs: ToolkitProcesses, **changes: Any) -> dict[str, Any]:
    source = stage.folder / stage.experiment(**changes)
    spec = {"source": str(source), "experiment": dict(runs.read(str(source)))}
    runs.start(RUN, spec)
    return spec


def test_a_run_that_was_told_to_end_before_it_holds_its_lock_does_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow(stage, monkeypatch, "run", 1.5)
    monkeypatch.setattr("chaos_engine.adapters.toolkit_processes.BEGINNING", 0.1)
    runs = ToolkitProcesses(stage.folder / "data")
    begun(stage, runs)
    other = ToolkitProcesses(stage.folder / "data")  # the engine that was started again
    assert not other.look(RUN).alive
    other.end(RUN)
    until(lambda: not runs.look(RUN).alive, patience=30)
    look = other.look(RUN)
    assert (look.record, look.said.endswith("told to end before it began")) == ((), True)
    assert not stage.mark.exists()


def test_a_process_that_is_about_to_roll_back_is_not_told_to_end(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow(stage, monkeypatch, "rollback", 1.5)
    runs = ToolkitProcesses(stage.folder / "data")
    spec = begun(stage, runs, method=[stage.hurts(), activity("wait", "wait", seconds=60)])
    until(stage.mark.exists, patience=30)
    runs.kill(RUN)
    until(lambda: not runs.look(RUN).alive)
    monkeypatch.setattr("chaos_engine.adapters.toolkit_processes.BEGINNING", 0.1)
    runs.roll_back(RUN, spec)
    time.sleep(0.3)  # the shell is there
    runs.end(RUN)
    until(lambda: not runs.look(RUN).alive, patience=30)
    assert not stage.mark.exists()


def test_a_continuous_hypothesis_writes_what_is_new_and_all_of_it_counts(stage: Stage) -> None:
    sicken = activity("sicken", "write", path=str(stage.health), text="ill") | {"pauses": {"after": 1}}
    calm = activity("hurt", "put", path=str(stage.mark)) | {"pauses": {"after": 1}}
    file = stage.experiment(method=[calm, sicken])
    stage.call("run", file, "--hypothesis-strategy", "during-method-only", "--hypothesis-frequency", "0.02")
    (record,) = stage.data.glob("toolkit/*/record.jsonl")
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    during = [line for line in lines if line["event"] == "hypothesis"]
    assert [line["met"] for line in during] == [True, False, False]
    assert len([line for line in lines if line.get("section") == "during"]) == 2
    (judged,) = stage.last["result"]["judgements"]
    assert judged["evidence"]["samples"] == during[-1]["iteration"] > 10
    assert f"of {during[-1]['iteration']} times" in judged["reason"]


def test_the_record_says_from_the_method_on_when_it_is_rolled_back(stage: Stage) -> None:
    settings = stage.folder / "settings.yaml"
    settings.write_text("runtime: {rollbacks: {strategy: never}}")
    runs = ToolkitProcesses(stage.folder / "data")
    source = str(stage.folder / stage.experiment())
    runs.start(RUN, {"source": source, "experiment": dict(runs.read(source)), "settings": str(settings)})
    until(lambda: not runs.look(RUN).alive, patience=30)
    begun = Record(runs.look(RUN).record).all("method-started")[0]
    assert begun["strategies"] == {"hypothesis": "default", "rollbacks": "never"}


def test_what_a_run_is_told_is_for_its_owner_alone(stage: Stage) -> None:
    runs = ToolkitProcesses(stage.folder / "data")
    begun(stage, runs)
    assert (stage.folder / "data" / "toolkit" / RUN).stat().st_mode & 0o077 == 0
    until(lambda: not runs.look(RUN).alive, patience=30)


def test_a_python_named_from_here_runs_there_too(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    (stage.folder / "env").symlink_to(sys.prefix)
    monkeypatch.chdir(stage.folder)
    monkeypatch.setenv("CHAOS_TOOLKIT_PYTHON", "env/bin/python")
    runs = ToolkitProcesses(stage.folder / "data")
    source = str(stage.folder / stage.experiment(rollbacks=None))
    there = str(stage.folder / "modules")
    runs.start(RUN, {"source": source, "experiment": dict(runs.read(source)), "directory": there})
    until(stage.mark.exists, patience=30)
    until(lambda: not runs.look(RUN).alive, patience=30)


FORKING = """
import os, time

def fork(path):
    if os.fork() == 0:
        with open(path, "w") as file:
            file.write(str(os.getpid()))
        os.closerange(0, 3)
        time.sleep(60)
        os._exit(0)
    return "\\x1b[31mred"

__all__ = ["fork"]
"""


def test_what_an_action_forks_is_not_the_run_and_what_it_says_colours_no_terminal(stage: Stage) -> None:
    (stage.folder / "modules" / "forking.py").write_text(FORKING)
    fork = activity("fork", "fork", path=str(stage.folder / "child"))
    fork["provider"]["module"] = "forking"
    runs = ToolkitProcesses(stage.folder / "data")
    begun(stage, runs, method=[fork], **{"steady-state-hypothesis": None})
    until((stage.folder / "child").exists, patience=30)
    try:
        until(lambda: not runs.look(RUN).alive, patience=30)
        (ended,) = Record(runs.look(RUN).record).all("activity-ended", section="method")
        assert ended["said"] == "[31mred"
    finally:
        os.kill(int((stage.folder / "child").read_text()), signal.SIGKILL)
