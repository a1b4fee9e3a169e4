"""What the metrics of a real engine say while it works, after it was killed, and while it cannot clear."""

from __future__ import annotations

import math
import signal
import time
from pathlib import Path

import pytest

from chaos_engine.journal import Journal
from chaos_engine.model import Fault, Now, Target
from tests.integration.engine_process import Place, serving, until
from tests.integration.receivers import receiving
from tests.integration.scraping import scraped

SETTINGS = """
schedule: {every: 60s, startup_wait: 0s, recovery: 3s, seed: 1}
targets: {shop: {state_file: STATE}}
steady_state:
  lookback: 1s
  probes: [{http: "URL/", every: 100ms, expect: {success: ">= 50%"}}]
scenarios: {crash: {weight: 1}}
"""
BLIND = SETTINGS.partition("steady_state")[0]
SHOP = {"scenario": "crash", "target": "shop"}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.data.mkdir()
    return place


def test_an_experiment_from_its_gate_to_its_verdict(place: Place) -> None:
    with serving(place.state_file) as service:
        place.configure(SETTINGS.replace("URL", service.url))
        with scraped(place) as (_, metrics):
            metrics.shows(1, "fault_active", **SHOP)
            deadline = metrics.value("fault_deadline_timestamp_seconds", **SHOP)
            assert deadline is not None
            assert abs(deadline - (time.time() + 23.0)) < 10
            assert metrics.value("experiments_total", **SHOP, verdict="not_supported") == 0
            metrics.shows(0, "fault_active", **SHOP)
            metrics.shows(1, "experiments_total", **SHOP, verdict="not_supported")
            assert metrics.value("fault_deadline_timestamp_seconds", **SHOP) is None
            assert metrics.value("recoveries_total", **SHOP, outcome="recovered") == 1
            assert metrics.value("time_to_recover_seconds_count", **SHOP) == 1
            assert metrics.value("clearing_lateness_seconds_bucket", **SHOP, le="1.0") == 1
            assert (metrics.value("evaluations_total", source="http", outcome="pass") or 0) >= 2
            assert metrics.value("evaluations_total", source="http", outcome="broken") == 1
            beat = metrics.value("heartbeat_timestamp_seconds")
            assert beat is not None
            assert abs(beat - time.time()) < 5
            until(lambda: 0 < (metrics.value("next_injection_timestamp_seconds") or 0) - time.time() < 60)
            assert metrics.value("schedule_interval_seconds") == 60


def test_an_abort_leaves_nothing_active(place: Place) -> None:
    place.configure(BLIND.replace("3s", "60s") + "scenarios: {crash: {}}\n")
    with scraped(place) as (engine, metrics):
        metrics.shows(1, "fault_active", **SHOP)
        assert place.call("halt").returncode == 0
        metrics.shows(0, "fault_active", **SHOP)
        metrics.shows(1, "experiments_total", **SHOP, verdict="aborted")
        metrics.shows(1, "halted")
        until(lambda: math.isnan(metrics.value("next_injection_timestamp_seconds") or 0))
        engine.stop(signal.SIGKILL)
    with scraped(place) as (_, metrics):
        metrics.shows(1, "halted")


def test_what_an_earlier_engine_left_and_cannot_be_cleared_is_active(place: Place) -> None:
    place.configure(BLIND + "scenarios: {crash: {}}\n")
    now = time.time()
    ends = Now(now - 5, 0)
    fault = Fault("e1-0", "e1", "maintenance", Target("shop"), {}, {}, (), "me", 0, Now(now - 60, 0), ends)
    journal = Journal(place.data)
    journal.arm(fault)
    journal.close()
    by = {"scenario": "maintenance", "target": "shop"}
    with scraped(place) as (engine, metrics):
        until(lambda: (metrics.value("clear_failures_total", **by) or 0) >= 2)
        assert metrics.value("fault_active", **by) == 1
        assert metrics.value("fault_deadline_timestamp_seconds", **by) == pytest.approx(now - 5, abs=0.01)
        engine.says("OVERDUE: maintenance on shop")


def test_what_becomes_of_notices_is_counted(place: Place) -> None:
    with receiving(403) as receiver:
        place.configure(
            BLIND + f'scenarios: {{crash: {{}}}}\nnotify: {{n: {{webhook: "{receiver.url}/"}}}}\n'
        )
        with scraped(place) as (_, metrics):
            metrics.shows(0, "notices_total", notifier="n", outcome="dropped")
            until(lambda: (metrics.value("notices_total", notifier="n", outcome="failed") or 0) >= 2)
