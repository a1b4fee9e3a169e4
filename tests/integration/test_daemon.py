"""The daemon as a real process: signals in every phase, reloading, one engine a folder, death and return."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos_engine.journal import Journal
from tests.integration.engine_process import Place, Process, Service, running, serving, until

ROOM = 3.0  # beyond the two seconds that are promised, on a busy machine

IDLE = "schedule: {every: 60s, startup_wait: 60s}\ntargets: {shop: {state_file: STATE}}\n"
AT_ONCE = """
schedule: {every: 60s, startup_wait: 0s, recovery: RECOVERY, seed: 1}
targets: {shop: {state_file: STATE}}
scenarios: {SCENARIO: {weight: 1}}
"""
PROBES = """
steady_state:
  lookback: LOOKBACK
  probes: [{http: "URL/", every: 100ms, timeout: 2s, expect: {success: ">= 50%"}}]
"""
SLOW_JUDGE = 'prometheus_url: "URL/hang"\nhypothesis: {probes: [{prometheus: up, expect: "> 0"}]}\n'


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def service(place: Place) -> Iterator[Service]:
    with serving(place.state_file) as serving_service:
        yield serving_service


def at_once(recovery: str = "60s", scenario: str = "crash") -> str:
    return AT_ONCE.replace("RECOVERY", recovery).replace("SCENARIO", scenario)


def probes(service: Service, lookback: str) -> str:
    return PROBES.replace("LOOKBACK", lookback).replace("URL", service.url)


PHASES = {
    "idle": "Next injection at",
    "gate": "Checking steady state before",
    "hold": "Marked injection",
    "judge": "Judging CRASH on shop before it is cleared",
    "recover": "Waiting for the system to be steady again",
}


def settings(phase: str, service: Service) -> str:
    match phase:
        case "idle":
            return IDLE
        case "gate":
            return at_once() + probes(service, "30s")
        case "hold":
            return at_once()
        case "judge":
            return at_once("100ms") + SLOW_JUDGE.replace("URL", service.url)
    service.sticky = True
    return at_once("600ms") + probes(service, "500ms")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("phase", PHASES)
def test_a_signal_in_any_phase_leaves_nothing(
    place: Place, service: Service, phase: str, number: signal.Signals
) -> None:
    place.configure(settings(phase, service))
    with running(place) as daemon:
        daemon.says(PHASES[phase])
        if phase in ("hold", "judge"):
            assert place.mode == "crash"
        code, took = daemon.stop(number)
        assert "Stopped; nothing is left injected" in daemon.said
    assert code == 0
    assert took < 2.0 + ROOM
    assert place.mode == "healthy"
    assert "Traceback" not in daemon.said
    assert sorted(path.name for path in place.data.glob("journal.db*")) == ["journal.db"]  # closed
    journal = Journal(place.data)
    assert journal.open_faults() == []
    assert journal.unfinished() == []
    journal.close()


def test_a_good_file_is_reloaded_and_a_bad_one_is_not(place: Place) -> None:
    place.configure(IDLE)
    with running(place) as daemon:
        daemon.says("Next injection at")
        place.configure(IDLE.replace("every: 60s", "every: 0"))
        daemon.popen.send_signal(signal.SIGHUP)
        daemon.says("refused, the old one stays")
        daemon.says("schedule.every: 0 is too short")
        place.configure(IDLE.replace("STATE", "/no/such/folder/state.json"))
        daemon.popen.send_signal(signal.SIGHUP)
        daemon.says("'/no/such/folder' does not exist")
        place.configure(at_once().replace("every: 60s", "every: 1s"))
        daemon.popen.send_signal(signal.SIGHUP)
        daemon.says("The configuration was reloaded")
        daemon.says("Marked injection")  # the new period holds
        assert daemon.stop()[0] == 0
    assert place.mode == "healthy"


def test_a_second_engine_on_the_same_folder_says_who_holds_it(place: Place) -> None:
    place.configure(IDLE)
    with running(place) as first:
        first.says("Next injection at")
        second = place.call("run")
        assert second.returncode == 2
        assert f"held by another engine (pid {first.popen.pid} on " in second.stderr
        assert "Traceback" not in second.stderr
        assert first.stop()[0] == 0


def test_an_engine_that_was_killed_clears_first_of_all_when_it_returns(place: Place) -> None:
    place.configure(at_once())
    with running(place) as first:
        first.says("Marked injection")
        first.popen.kill()
        first.popen.wait()
    assert place.mode == "crash"
    place.configure(IDLE)
    with running(place) as second:
        second.says("left in by an earlier run: clearing it")
        second.says("Next injection at")
        assert place.mode == "healthy"
        assert second.said.index("Cleared CRASH on shop") < second.said.index("Next injection at")
        second.stop()
    (row,) = json.loads(place.call("history", "--json").stdout)
    assert row["verdict"] == "interrupted"
    assert row["result"]["reason"] == "the engine ended in the middle of it"


def test_killed_before_anything_was_in_it_is_interrupted_too(place: Place, service: Service) -> None:
    place.configure(at_once() + probes(service, "30s"))
    with running(place) as first:
        first.says("Checking steady state before")
        first.popen.kill()
        first.popen.wait()
    place.configure(IDLE)
    with running(place) as second:
        second.says("Next injection at")
        second.stop()
    (row,) = json.loads(place.call("history", "--json").stdout)
    assert (row["verdict"], row["injected_at"]) == ("interrupted", None)


def test_python_engine_py_is_the_daemon(place: Place) -> None:
    place.configure(IDLE)
    program = (str(Path(__file__).parents[2] / "engine.py"),)
    process = Process(place, (), program=program)
    try:
        process.says("Next injection at")
        assert process.stop()[0] == 0
    finally:
        process.close()


def test_text_logs_say_what_happens(place: Place) -> None:
    place.configure(at_once("200ms", "slowdown").replace("60s", "30s"))
    with running(place) as daemon:
        daemon.says("Verdict slowdown on shop: UNJUDGED")
        daemon.stop()
    for words in ("Chaos Engine starts", "Injecting SLOWDOWN into shop for 200ms (delay ", "Marked injection",
                  "Cleared SLOWDOWN on shop"):  # fmt: skip
        assert words in daemon.said
    assert "\x1b" not in daemon.said  # piped: no colours


def test_json_logs_are_one_object_a_line(place: Place) -> None:
    place.environment["CHAOS_LOG"] = "json"
    place.configure(at_once("200ms", "slowdown"))
    with running(place) as daemon:
        daemon.says('"verdict"')
        daemon.stop()
    events = [json.loads(line) for line in daemon.lines]
    kinds = [event["kind"] for event in events]
    for kind in ("banner", "inject", "injected", "cleared", "verdict", "stop"):
        assert kind in kinds
    (injected,) = (event for event in events if event["kind"] == "inject")
    assert 10 <= injected["parameters"]["delay"] <= 30
    assert {"level", "timestamp", "event"} <= set(injected)


def test_less_is_told_from_a_higher_level_on(place: Place) -> None:
    place.environment["CHAOS_LOG_LEVEL"] = "warning"
    place.configure(at_once("200ms", "slowdown"))
    with running(place) as daemon:
        until(lambda: '"unjudged"' in place.call("history", "--json").stdout)
        daemon.stop()
    assert "no http probe" in daemon.said  # the settings' warning
    assert "Injecting" not in daemon.said


def test_a_reader_of_the_log_that_went_away_does_not_end_it(place: Place) -> None:
    place.configure(at_once("1500ms"))
    read, write = os.pipe()
    daemon = subprocess.Popen(
        [sys.executable, "-m", "chaos_engine", "run"], cwd=place.folder, env=place.env, stderr=write
    )
    os.close(write)
    try:
        until(lambda: place.mode == "crash", what="the injection")
        os.close(read)
        until(lambda: place.mode == "healthy", what="the clearing")
        time.sleep(0.3)
        assert daemon.poll() is None
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(20) == 0
    finally:
        daemon.kill()
        daemon.wait()


def test_a_data_folder_that_vanishes_does_not_leave_the_fault_in(place: Place) -> None:
    place.configure(at_once("1500ms"))
    with running(place) as daemon:
        daemon.says("Marked injection")
        place.data.rename(place.folder / "moved")
        until(lambda: place.mode == "healthy", what="the clearing")
        assert daemon.stop()[0] == 0
