"""The halt switch of a real process: how fast it clears, what it refuses, that it outlives the process."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine_process import Place, running, until

IDLE = """
schedule: {every: 60s, startup_wait: 60s, recovery: 300ms, min_interval: 0s}
targets: {shop: {state_file: STATE}}
"""
FILE = """
title: slow
scenario: slowdown
target: {name: shop, state_file: STATE}
recovery: 50s
"""
WITHIN = 1.0  # seconds, as promised
NOISE = 0.5  # of a busy machine, and of looking


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.configure(IDLE)
    return place


def status(place: Place) -> dict[str, Any]:
    found = json.loads(place.call("status", "--json").stdout)
    assert isinstance(found, dict)
    return found


def seconds_to_heal(place: Place, *, since: float) -> float:
    until(lambda: place.mode == "healthy", what="the clearing")
    return time.monotonic() - since


@pytest.mark.parametrize("scenario", ["crash", "slowdown", "config_error"])
def test_a_halt_file_clears_each_state_file_fault_within_a_second(place: Place, scenario: str) -> None:
    with running(place) as daemon:
        daemon.says("Next injection at")
        with running(place, "inject", scenario, "--target", "shop", "--for", "50s") as hand:
            daemon.says("Marked injection")
            assert place.mode != "healthy"
            (place.data / "HALT").write_text("smoke in the hall")
            assert seconds_to_heal(place, since=time.monotonic()) < WITHIN + NOISE
            assert hand.popen.wait(20) == 4
        daemon.says("Halted by the file HALT: nothing is injected (smoke in the hall)")
        found = status(place)
        assert (found["halted"], found["reason"]) == (True, "smoke in the hall")
        assert "halted by the file HALT: smoke in the hall" in place.call("status").stdout
        daemon.stop()


def test_a_halt_by_command_clears_within_a_second_of_being_obeyed(place: Place) -> None:
    with running(place) as daemon:
        daemon.says("Next injection at")
        with running(place, "inject", "crash", "--target", "shop", "--for", "50s"):
            daemon.says("Marked injection")
            assert place.call("halt", "--reason", "enough").returncode == 0  # obeyed when it returns
            assert seconds_to_heal(place, since=time.monotonic()) < WITHIN
        daemon.says("Halted")
        daemon.stop()


def test_only_its_removal_lifts_a_halt_by_file_and_it_outlives_the_process(place: Place) -> None:
    place.data.mkdir()
    halt = place.data / "HALT"
    halt.write_text("a release")
    with running(place) as daemon:
        daemon.says("No next injection: halted")
        resumed = place.call("resume")
        assert "its removal lifts that" in resumed.stdout
        refused = place.call("inject", "crash", "--target", "shop")
        assert refused.returncode == 4
        assert "the engine is halted: a release; remove the file HALT (halt)" in refused.stderr
        halt.unlink()
        daemon.says("Resumed by the file HALT")
        daemon.says("Next injection at")
        assert status(place)["halted"] is False
        assert place.call("halt", "--reason", "by hand").returncode == 0
        daemon.popen.kill()
        daemon.popen.wait()
    with running(place) as daemon:
        daemon.says("No next injection: halted")
        halt.touch()
        daemon.says("Halted by the file HALT")
        halt.unlink()
        daemon.says("Halted by the file HALT")
        until(lambda: status(place)["file"] is None)
        assert status(place)["halted"] is True  # the operator's halt stays
        daemon.stop()


@pytest.mark.parametrize("by", ["file", "command"])
def test_without_a_daemon_a_halt_is_obeyed_too(place: Place, by: str) -> None:
    if by == "file":
        place.data.mkdir()
        (place.data / "HALT").write_text("a release")
    else:
        assert place.call("halt", "--reason", "a release").returncode == 0
    assert status(place)["halted"] is True
    place.configure(FILE, "slow.chaos.yml")
    for command in (("run", "slow.chaos.yml"), ("inject", "crash", "--target", "shop", "--json")):
        refused = place.call(*command)
        assert refused.returncode == 4, refused.stderr
        assert "the engine is halted: a release" in refused.stderr
        assert refused.stdout == ""
        assert not place.state_file.exists()


def test_a_halt_ends_a_run_of_a_file_and_the_files_after_it(place: Place) -> None:
    place.configure(FILE, "slow.chaos.yml")
    with running(place, "run", "slow.chaos.yml", "slow.chaos.yml") as run:
        run.says("Marked injection")
        (place.data / "HALT").write_text("enough")
        assert run.popen.wait(20) == 4
        assert "ABORTED: halted: enough" in run.rest()
        assert "Skipped slow: the engine is halted: enough" in run.said
    assert place.mode == "healthy"
