"""An engine that is killed in the hold, and with `resume: true` goes on when it is started again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.journal import Journal
from tests.integration.engine_process import Place, Process, Service, running, serving, until

SETTINGS = """
schedule: {every: 60s, startup_wait: 0s, recovery: 6s, seed: 1, resume: true}
targets: {shop: {state_file: STATE}}
scenarios: {config_error: {weight: 1}}
steady_state:
  lookback: 1s
  probes: [{http: "URL/", every: 100ms, timeout: 2s, expect: {success: ">= 50%"}}]
hypothesis: {probes: [{http: "URL/", every: 100ms, timeout: 2s, expect: {status: 500, success: ">= 50%"}}]}
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def service(place: Place) -> Iterator[Service]:
    with serving(place.state_file) as serving_service:
        yield serving_service


def killed_in_the_hold(place: Place) -> dict[str, Any]:
    """The state that a dead engine left in."""
    with running(place) as first:
        first.says("Marked injection")
        time.sleep(1.0)  # a snapshot follows what is marked
        first.popen.kill()
        first.popen.wait()
    state: dict[str, Any] = json.loads(place.state_file.read_text())
    assert state["mode"] == "config_error"
    return state


def row_of(place: Place, process: Process) -> dict[str, Any]:
    """How it ended."""
    process.says("Verdict config_error on shop")
    process.stop()
    (row,) = json.loads(place.call("history", "--json").stdout)
    found: dict[str, Any] = row
    return found


def test_the_same_fault_is_held_to_its_end_and_judged(place: Place, service: Service) -> None:
    place.configure(SETTINGS.replace("URL", service.url))
    state = killed_in_the_hold(place)
    with running(place) as second:
        second.says("Going on with CONFIG_ERROR on shop, which an earlier run began")
        assert json.loads(place.state_file.read_text()) == state  # not touched: it is the same fault
        second.says("Judging CONFIG_ERROR on shop before it is cleared")
        assert time.time() >= state["timestamp"] + 6.0
        row = row_of(place, second)
    assert place.mode == "healthy"
    assert (row["id"], row["verdict"]) == ("e1", "inconclusive")
    assert "the requests of an engine that died are lost" in row["result"]["reason"]
    assert (row["result"]["ended_by"], row["result"]["cleanup"]) == ("time", "clean")
    assert row["result"]["injected_at"] == pytest.approx(state["timestamp"], abs=1.0)


def test_what_was_repaired_meanwhile_is_not_gone_on_with(place: Place, service: Service) -> None:
    place.configure(SETTINGS.replace("URL", service.url))
    killed_in_the_hold(place)
    place.state_file.write_text('{"mode": "healthy"}')
    with running(place) as second:
        second.says("left in by an earlier run: clearing it")
        until(lambda: "Going on" in second.said or "Next injection" in second.said)
        second.stop()
    assert "Going on" not in second.said
    (row,) = json.loads(place.call("history", "--json").stdout)
    assert row["verdict"] == "interrupted"


def test_without_the_setting_it_is_cleared(place: Place, service: Service) -> None:
    place.configure(SETTINGS.replace("URL", service.url))
    killed_in_the_hold(place)
    place.configure(SETTINGS.replace("URL", service.url).replace("resume: true", "resume: false"))
    with running(place) as second:
        second.says("left in by an earlier run: clearing it")
        second.says("Next injection")
        second.stop()
    assert place.mode == "healthy"


def test_a_fault_that_somebody_took_away_is_written_down_as_gone(place: Place, service: Service) -> None:
    place.configure(SETTINGS.replace("URL", service.url))
    with running(place) as engine:
        engine.says("Marked injection")
        place.state_file.write_text('{"mode": "healthy"}')
        engine.says("Waiting for the system to be steady again")
        engine.stop()
    journal = Journal(place.data)
    assert [entry.status for entry in journal.closed_since(0)] == ["gone"]
    journal.close()
