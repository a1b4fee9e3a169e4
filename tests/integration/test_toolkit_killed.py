"""The run's process, the engine, or both, killed around each activity: what began is rolled back."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.integration.toolkit_stage import Stage, activity

KILLER = '''
"""A control that kills, once, around the so manieth activity."""
import os, signal
from pathlib import Path

def count(folder):
    with open(Path(folder, "calls"), "a") as file:
        file.write(".")
    return Path(folder, "calls").stat().st_size

def strike():
    folder = os.environ["KILL_FOLDER"]
    if count(folder) != int(os.environ["KILL_AT"]):
        return
    Path(folder, "struck").touch()
    if "engine" in os.environ["KILL"]:
        os.kill(os.getppid(), signal.SIGKILL)
    if "run" in os.environ["KILL"]:
        os.kill(os.getpid(), signal.SIGKILL)

def before_activity_control(context, **kwargs):
    strike()

def after_activity_control(context, state, **kwargs):
    strike()
'''
POINTS = 14  # before and after: the gate, two actions and a probe between them, the hypothesis, two rollbacks
GATE = 2  # of these are before the method
VICTIMS = ("run", "engine", "run and engine")


def stage_at(folder: Path, point: int, victim: str) -> Stage:
    folder.mkdir()
    stage = Stage(folder)
    (folder / "modules" / "killer.py").write_text(KILLER)
    stage.environment |= {"KILL_AT": str(point), "KILL": victim, "KILL_FOLDER": str(folder)}
    paths = [stage.mark, stage.folder / "hurt-too"]
    first, second = (activity(f"hurt {n}", "put", path=str(path)) for n, path in enumerate(paths))
    stage.experiment(
        method=[first, activity("look", "is_whole", "probe", path=str(stage.mark)), second],
        rollbacks=[activity(f"heal {n}", "take", path=str(path)) for n, path in enumerate(paths)],
        controls=[{"name": "killer", "provider": {"type": "python", "module": "killer"}}],
    )
    return stage


def left_by(folder: Path, point: int, victim: str) -> list[str]:
    """What is wrong when all is over."""
    stage = stage_at(folder, point, victim)
    ran = stage.call("run", "az.json")
    wrong = [] if (folder / "struck").exists() else [f"not struck: {ran.stderr}"]
    if "engine" in victim:
        wrong += [f"the engine ended with {ran.returncode}"] * (ran.returncode != -9)
        cleared = stage.call("clear")
        wrong += [f"clear: {cleared.stdout}{cleared.stderr}"] * (cleared.returncode != 0)
    elif ran.returncode != 4 and not _was_over(folder):
        wrong.append(f"the verdict's code is {ran.returncode}: {ran.stderr}")
    wrong += [f"{name} is left" for name in ("hurt", "hurt-too") if (folder / name).exists()]
    rolled = any(line["event"] == "rollbacks-started" for line in _record(folder))
    wrong += ["rolled back what had not begun"] * (rolled and point <= GATE and "run" in victim)
    return [f"{point}, {victim}: {text}" for text in wrong]


def _record(folder: Path) -> list[dict[str, Any]]:
    (record,) = folder.glob("data/toolkit/*/record.jsonl")
    return [json.loads(line) for line in record.read_text().splitlines()]


def _was_over(folder: Path) -> bool:
    return any(line["event"] == "ended" for line in _record(folder))


def outcome(folder: Path, cases: list[tuple[int, str]]) -> list[str]:
    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(left_by, folder / f"{p}-{v.replace(' ', '-')}", p, v) for p, v in cases]
        return [text for job in jobs for text in job.result()]


def test_killed_around_each_activity(tmp_path: Path) -> None:
    """The victims in turn."""
    assert outcome(tmp_path, [(p, VICTIMS[p % 3]) for p in range(1, POINTS + 1)]) == []


@pytest.mark.soak
def test_killed_around_each_activity_whoever_it_is(tmp_path: Path) -> None:
    cases = [(p, v) for p in range(1, POINTS + 1) for v in VICTIMS if v != VICTIMS[p % 3]]
    assert outcome(tmp_path, cases) == []


def test_the_harness_says_what_is_left(tmp_path: Path) -> None:
    """Without a clearing the mark is there."""
    stage = stage_at(tmp_path / "here", 4, "run and engine")
    assert stage.call("run", "az.json").returncode == -9
    assert stage.mark.exists()
