"""Processes of the Chaos Toolkit that are slow to begin: told to end before, and left alone to roll back."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.adapters.toolkit_processes import ToolkitProcesses
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
    assert os.listdir(stage.folder / "data" / "toolkit") == [RUN]
