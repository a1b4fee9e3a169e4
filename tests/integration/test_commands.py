"""The commands as a user types them: what they print, how they exit, with a running daemon and without."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from scenarios.crash_scenarios import inject_crash
from tests.integration.engine_process import ROOT, Place, running, until

IDLE = """
schedule: {every: 60s, startup_wait: 60s, recovery: 300ms, min_interval: 0s}
targets: {shop: {state_file: STATE}}
"""
COMMANDS = (
    "run", "plan", "inject", "clear", "pause", "halt", "resume", "status", "history", "validate", "doctor",
    "demo", "rehearsal", "report", "note", "export", "import",
)  # fmt: skip
PLUGIN = """
import json

def inject_maintenance(state_file):
    state_file.write_text(json.dumps({"mode": "maintenance"}))
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.configure(IDLE)
    return place


def status(place: Place) -> dict[str, Any]:
    found = json.loads(place.call("status", "--json").stdout)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(place: Place, command: str) -> None:
    shown = place.call(command, "--help")
    assert shown.returncode == 0
    assert f"Example:\n  chaos-engine {command}" in shown.stdout


# --- with a running daemon ------------------------------------------------------------------


def test_a_running_daemon_is_steered(place: Place) -> None:
    with running(place) as daemon:
        daemon.says("Next injection at")
        found = status(place)
        assert found["running"] is True
        assert found["next"] > time.time()
        assert found["heartbeat_age"] < 10
        assert set(found["weights"]) == {"crash", "slowdown", "config_error"}

        paused = place.call("pause", "--reason", "a release")
        assert (paused.returncode, paused.stdout) == (0, "paused\n")
        daemon.says("No next injection: paused")
        found = status(place)
        assert (found["paused"], found["reason"], found["next"]) == (True, "a release", None)
        assert "switch       paused: a release" in place.call("status").stdout

        injected = place.call("inject", "crash", "--target", "shop", "--json")  # by hand it may
        assert injected.returncode == 0, injected.stderr
        row = json.loads(injected.stdout)
        assert (row["scenario"], row["target"], row["verdict"]) == ("crash", "shop", "unjudged")

        assert place.call("halt").stdout == "halted\n"
        refused = place.call("inject", "crash", "--target", "shop")
        assert refused.returncode == 4
        assert "refused for now: the engine is halted; lift it with resume" in refused.stderr
        assert place.call("pause").stdout == "halted\n"  # a pause does not lift a halt
        assert place.call("resume").stdout == "resumed\n"
        daemon.says("Resumed")
        assert daemon.stop()[0] == 0
    assert status(place)["running"] is False


def test_a_halt_clears_what_is_in(place: Place) -> None:
    with running(place) as daemon:
        daemon.says("Next injection at")
        with running(place, "inject", "crash", "--target", "shop", "--for", "50s") as hand:
            daemon.says("Marked injection")
            (fault,) = status(place)["open_faults"]
            assert (fault["scenario"], fault["target"]) == ("crash", "shop")
            assert {"id", "experiment", "parameters", "armed_at", "deadline"} <= set(fault)
            assert "crash on shop, ends by" in place.call("status").stdout
            assert place.call("halt", "--reason", "enough").returncode == 0
            until(lambda: place.mode == "healthy", what="the clearing")
            assert hand.popen.wait(20) == 4  # aborted
        daemon.stop()
    assert status(place)["halted"] is True  # remembered by whoever starts next


def test_clear_through_the_daemon_says_what_was_cleared(place: Place) -> None:
    with running(place) as daemon:
        daemon.says("Next injection at")
        with running(place, "inject", "crash", "--target", "shop", "--for", "50s"):
            daemon.says("Marked injection")
            cleared = place.call("clear", "--json")
            assert cleared.returncode == 0
            assert json.loads(cleared.stdout) == {"cleared": ["e1-0"], "left": [], "unchecked": []}
            assert place.mode == "healthy"
        daemon.stop()


def test_ctrl_c_during_an_inject_through_the_daemon_clears(place: Place) -> None:
    with running(place) as daemon:
        daemon.says("Next injection at")
        with running(place, "inject", "crash", "--target", "shop", "--for", "50s") as hand:
            daemon.says("Marked injection")
            time.sleep(0.3)
            assert hand.stop(signal.SIGINT)[0] == 4
            assert place.mode == "healthy"
        daemon.says("Cleared CRASH")
        daemon.stop()


# --- without one ----------------------------------------------------------------------------


def test_inject_without_a_daemon(place: Place) -> None:
    done = place.call("inject", "slowdown", "--target", "shop", "--for", "200ms", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "unjudged"
    assert "Injecting SLOWDOWN into shop for 200ms" in done.stderr
    assert place.mode == "healthy"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_during_an_inject_clears(place: Place, number: signal.Signals) -> None:
    with running(place, "inject", "crash", "--target", "shop", "--for", "50s") as hand:
        hand.says("Marked injection")
        assert place.mode == "crash"
        assert hand.stop(number)[0] == 4
    assert place.mode == "healthy"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("crsh", "--target", "shop"),
            "unknown scenario 'crsh'; did you mean 'crash'?; allowed: bad_config",
        ),
        (("crash", "--target", "shp"), "unknown target 'shp'; did you mean 'shop'?; allowed: shop"),
        (("crash", "--target", "shop", "--for", "10 minuts"), "--for: '10 minuts' is not a duration"),
        (("crash", "--target", "shop", "--for", "0s"), "--for: '0s' is too short; allowed: above 0s"),
    ],
)
def test_inject_refuses_what_it_does_not_know(place: Place, arguments: tuple[str, ...], words: str) -> None:
    refused = place.call("inject", *arguments)
    assert refused.returncode == 2
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not place.data.exists()
    assert not place.state_file.exists()


def test_an_entry_hurts_only_its_own_targets(place: Place) -> None:
    place.configure(
        "targets: {shop: {state_file: STATE}, other: {state_file: STATE.2}}\n"
        "scenarios: {slow_shop: {scenario: slowdown, targets: [shop]}}"
    )
    refused = place.call("inject", "slow_shop", "--target", "other")
    assert refused.returncode == 2
    assert "'slow_shop' does not hurt 'other'; allowed: shop" in refused.stderr


def killed_in_the_middle(place: Place, scenario: str) -> None:
    with running(place, "inject", scenario, "--target", "shop", "--for", "50s") as hand:
        hand.says("Marked injection")
        hand.popen.kill()
        hand.popen.wait()
    assert place.mode != "healthy"


def test_clear_without_a_daemon(place: Place) -> None:
    assert place.call("clear").stdout == "nothing was in\n"
    killed_in_the_middle(place, "crash")
    cleared = place.call("clear")
    assert (cleared.returncode, cleared.stdout) == (0, "cleared e1-0\n")
    assert place.mode == "healthy"
    inject_crash(place.state_file)
    assert json.loads(place.call("clear", "--json").stdout) == {"cleared": [], "left": [], "unchecked": []}
    assert place.mode == "crash"  # by hand, and not in the journal
    found = json.loads(place.call("clear", "--all", "--json").stdout)
    assert found == {"cleared": [str(place.state_file)], "left": [], "unchecked": []}
    assert place.mode == "healthy"


def test_a_halt_without_a_daemon_clears_too(place: Place) -> None:
    killed_in_the_middle(place, "crash")
    assert place.call("halt").stdout == "cleared e1-0\nhalted\n"
    assert place.mode == "healthy"


def test_by_hand_nothing_of_the_schedule_begins(place: Place) -> None:
    place.configure(
        "schedule: {every: 1s, startup_wait: 0s, min_interval: 0s, max_concurrent: 2}\n"
        "targets: {shop: {state_file: STATE}, other: {state_file: STATE.2}}\n"
    )
    done = place.call("inject", "slowdown", "--target", "shop", "--for", "3s")
    assert done.returncode == 0
    assert done.stderr.count("Injecting") == 1
    assert "Skipped" not in done.stderr


def test_a_state_of_a_plugin_that_is_gone_is_cleared(place: Place) -> None:
    (place.folder / "mine").mkdir()
    (place.folder / "mine" / "my_scenarios.py").write_text(PLUGIN)
    place.configure(IDLE + "plugins: ./mine\nscenarios: {maintenance: {}}\n")
    killed_in_the_middle(place, "maintenance")
    place.configure(IDLE)
    assert place.call("clear").stdout == "cleared e1-0\n"
    assert place.mode == "healthy"


def test_clear_without_a_daemon_knows_the_plugins(place: Place) -> None:
    """What is no state file only its own scenario can undo."""
    settings = IDLE + f"plugins: {ROOT}/examples/my_scenarios\nscenarios: {{maintenance: {{}}}}\n"
    place.configure(settings)
    flag = place.state_file.parent / "MAINTENANCE"
    with running(place, "inject", "maintenance", "--target", "shop", "--for", "50s") as hand:
        hand.says("Marked injection")
        hand.popen.kill()
        hand.popen.wait()
    place.configure(IDLE)
    left = place.call("clear")
    assert left.returncode == 4
    assert "no scenario is named 'maintenance' any more; --config names the settings" in left.stdout
    assert flag.exists()
    place.configure(settings)
    assert place.call("clear").returncode == 0
    assert not flag.exists()


def test_switches_without_a_daemon(place: Place) -> None:
    assert place.call("halt", "--reason", "holidays").stdout == "halted\n"
    assert place.call("pause").stdout == "halted\n"
    assert status(place)["halted"] is True
    with running(place) as daemon:
        daemon.says("No next injection: halted")
        daemon.stop()
    assert place.call("resume").stdout == "resumed\n"
    assert status(place)["halted"] is False


def test_status_where_nothing_ever_ran(place: Place) -> None:
    assert status(place) == {
        "running": False, "halted": False, "paused": False, "reason": "", "heartbeat_age": None,
        "next": None, "open_faults": [], "experiments": 0, "weights": {}, "file": None, "changes": {},
        "approvals": [], "ramps": {},
    }  # fmt: skip
    assert "does not run" in place.call("status").stdout
    assert not place.data.exists()
