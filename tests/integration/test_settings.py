"""Settings of a running daemon, changed by command, over a restart and a reload, and taken back."""

from __future__ import annotations

import json
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine_process import Place, running

IDLE = """
schedule: {every: 900s, startup_wait: 900s, recovery: 300ms, min_interval: 0s}
targets: {shop: {state_file: STATE}}
scenarios: {crash: {weight: 1}, slowdown: {weight: 1}}
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.configure(IDLE)
    return place


def events(place: Place, kind: str) -> list[dict[str, Any]]:
    db = sqlite3.connect(place.data / "journal.db")
    try:
        rows = db.execute("SELECT data FROM events WHERE kind = ? ORDER BY seq", (kind,)).fetchall()
    finally:
        db.close()
    return [json.loads(row[0]) for row in rows]


def test_a_change_takes_hold_at_once_and_outlives_a_restart(place: Place) -> None:
    with running(place) as daemon:
        daemon.says("Next injection at")
        changed = place.call(
            "settings", "schedule.every=1s", "scenarios.slowdown.weight=0", "--why", "a sale", "--json"
        )
        assert changed.returncode == 0, changed.stderr
        assert json.loads(changed.stdout)["schedule"]["every"] == 1.0
        daemon.says("The settings were changed: schedule.every 15m -> 1s, scenarios.slowdown.weight 1 -> 0")
        daemon.says("Marked injection")
        assert "changed      schedule.every 1s, changed" in place.call("status").stdout
        shown = place.call("settings").stdout
        assert "schedule.every" in shown
        assert "a sale" in shown
        wrong = place.call("settings", "schedule.evry=1s")
        assert wrong.returncode == 2
        assert "did you mean 'schedule.every'" in wrong.stderr
        daemon.stop()
    (note,) = events(place, "settings")
    assert note["why"] == "a sale"
    assert note["changes"]["schedule.every"] == {"old": 900.0, "new": 1.0}
    with running(place) as daemon:
        daemon.says("changed       schedule.every 1s")
        assert place.call("settings", "--reset").returncode == 0
        daemon.says("schedule.every 1s -> 15m")
        daemon.stop()
    assert "changed" not in place.call("settings").stdout


def test_a_reload_is_journalled_with_what_is_different_and_keeps_the_changes(place: Place) -> None:
    with running(place) as daemon:
        daemon.says("Next injection at")
        assert place.call("settings", "schedule.max_per_day=3").returncode == 0
        place.configure(IDLE.replace("crash: {weight: 1}", "crash: {weight: 5}"))
        daemon.popen.send_signal(signal.SIGHUP)
        daemon.says("The configuration was reloaded: scenarios.crash.weight 1 -> 5")
        assert json.loads(place.call("settings", "--json").stdout)["schedule"]["max_per_day"] == 3
        daemon.stop()
    (note,) = events(place, "reload")
    assert (note["who"], note["changes"]) == (
        "signal SIGHUP", {"scenarios.crash.weight": {"old": 1.0, "new": 5.0}},
    )  # fmt: skip


def test_without_a_daemon_a_change_is_kept_for_the_next_one(place: Place) -> None:
    assert place.call("settings", "schedule.every=0s").returncode == 2
    changed = place.call("settings", "schedule.every=60s", "--why", "tonight")
    assert changed.returncode == 0
    assert "schedule.every                 60s" in changed.stdout
    with running(place) as daemon:
        daemon.says("every 60s")
        daemon.stop()
