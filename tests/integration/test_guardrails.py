"""Guardrails of real processes: the daemon, by hand, and `run FILE`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine_process import Place, running

SETTINGS = """
schedule: {every: 900s, startup_wait: 900s, recovery: 300ms, min_interval: 0s}
targets: {shop: {state_file: STATE}}
"""
FILE = """
title: slow
scenario: slowdown
target: {name: shop, state_file: STATE}
recovery: 300ms
"""
PRODUCTION = "environment: production\nallow_production: true\n"
# 30 Feb, so to say: whenever the test runs.
NEVER_BUSY = "guardrails: {in_business_hours: true, approval: {when: never}}\n"
ALL_LARGE = "guardrails: {approval: {when: always, targets: 1}}\n"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.configure(SETTINGS)
    place.configure(FILE, "slow.chaos.yml")
    return place


def status(place: Place) -> dict[str, Any]:
    found = json.loads(place.call("status", "--json").stdout)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    "command", [("run",), ("run", "slow.chaos.yml"), ("inject", "crash", "--target", "shop")]
)
@pytest.mark.parametrize("how", ["file", "environment"])
def test_production_must_be_allowed(place: Place, command: tuple[str, ...], how: str) -> None:
    if how == "file":
        place.configure(f"environment: production\n{SETTINGS}")
    else:
        place.environment["CHAOS_ENVIRONMENT"] = "production"
    refused = place.call(*command)
    assert refused.returncode == 2
    assert "environment: production; allowed: with allow_production: true" in refused.stderr
    assert not place.state_file.exists()


def test_business_hours_hold_for_files_too(place: Place) -> None:
    always = "guardrails: {business_hours: ['* * * * *']}\n"
    place.configure(PRODUCTION + always + SETTINGS)
    refused = place.call("run", "slow.chaos.yml")
    assert refused.returncode == 4
    assert "it is production, in business hours (business_hours)" in refused.stderr
    place.configure(PRODUCTION + NEVER_BUSY + SETTINGS)
    done = place.call("run", "slow.chaos.yml")
    assert done.returncode == 0, done.stderr


def test_an_approval_lets_an_injection_by_hand_begin_once(place: Place) -> None:
    place.configure(ALL_LARGE + SETTINGS)
    with running(place) as daemon:
        daemon.says("Next injection at")
        inject = ("inject", "crash", "--target", "shop")
        refused = place.call(*inject)
        assert refused.returncode == 4
        assert "chaos-engine approve a1, until" in refused.stderr
        (asked,) = status(place)["approvals"]
        assert (asked["id"], asked["scenario"], asked["state"]) == ("a1", "crash", "asked")
        assert "approval     a1 asked: crash on shop" in place.call("status").stdout
        wrong = place.call("approve", "a9")
        assert wrong.returncode == 2
        assert "allowed: a1" in wrong.stderr
        assert "approved a1: crash on shop" in place.call("approve", "a1", "--why", "agreed").stdout
        done = place.call(*inject)
        assert done.returncode == 0, done.stderr
        assert place.call(*inject).returncode == 4
        daemon.stop()


def test_what_the_schedule_asked_for_begins_when_it_is_approved(place: Place) -> None:
    place.configure(ALL_LARGE + SETTINGS.replace("startup_wait: 900s", "startup_wait: 1s"))
    with running(place) as daemon:
        daemon.says("Approval a1 is needed for")
        assert "Marked injection" not in daemon.said
        assert place.call("approve", "a1").returncode == 0
        daemon.says("Marked injection")
        daemon.stop()


def test_a_file_is_run_once_it_is_approved_without_a_daemon(place: Place) -> None:
    place.configure(ALL_LARGE + SETTINGS)
    refused = place.call("run", "slow.chaos.yml")
    assert refused.returncode == 4
    assert "chaos-engine approve a1" in refused.stderr
    assert place.call("approve", "a1").returncode == 0
    done = place.call("run", "slow.chaos.yml")
    assert done.returncode == 0, done.stderr
    assert place.call("run", "slow.chaos.yml").returncode == 4


def test_a_target_that_went_away_is_a_refusal(place: Place) -> None:
    with running(place) as daemon:
        daemon.says("Next injection at")
        place.state_file.unlink(missing_ok=True)
        place.state_file.parent.rmdir()
        place.environment["CHAOS_DATA_DIR"] = str(place.data)
        settings = place.folder / "elsewhere.yml"
        other = place.folder / "other"
        other.mkdir()
        settings.write_text(SETTINGS.replace("STATE", str(other / "state.json")))
        refused = place.call("inject", "crash", "--target", "shop", "--config", str(settings))
        assert refused.returncode == 4
        assert "does not exist (target_missing)" in refused.stderr
        daemon.stop()
    assert json.loads(place.call("history", "--json").stdout) == []


def test_an_alert_that_nobody_can_ask_about_is_a_refusal(place: Place) -> None:
    rails = "prometheus_url: http://127.0.0.1:1\nguardrails: {not_while: {alerts: any}}\n"
    place.configure(rails + SETTINGS)
    refused = place.call("inject", "crash", "--target", "shop")
    assert refused.returncode == 4
    assert "cannot be told" in refused.stderr
    assert "(alert_fires)" in refused.stderr
    assert not place.state_file.exists()
