"""`--url`: the same output and exit codes as beside the daemon."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.integration.api.caller import TOKEN, Caller, answering
from tests.integration.engine_process import Place, running, until

IDLE = """
schedule: {every: 1h, startup_wait: 1h, recovery: 300ms, min_interval: 0s, seed: 3}
targets: {shop: {state_file: STATE}}
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path / "here")
    place.folder.mkdir()
    place.configure(IDLE)
    return place


@pytest.fixture
def caller(place: Place) -> Iterator[Caller]:
    with answering(place) as (_, caller):
        yield caller


@pytest.fixture
def away(place: Place, caller: Caller, tmp_path: Path) -> Place:
    """Another folder, with neither settings nor data; it knows the engine's address and token alone."""
    elsewhere = Place(tmp_path / "away")
    elsewhere.folder.mkdir()
    elsewhere.environment |= {"CHAOS_URL": caller.url, "CHAOS_API_TOKEN": TOKEN}
    return elsewhere


def same(place: Place, away: Place, *arguments: str) -> str:
    here, there = place.call(*arguments), away.call(*arguments)
    assert (there.returncode, there.stdout) == (here.returncode, here.stdout), there.stderr
    return there.stdout


def test_what_is_read_is_the_same(place: Place, away: Place) -> None:
    for scenario in ("crash", "slowdown", "crash"):
        done = away.call("inject", scenario, "--target", "shop", "--for", "200ms")
        assert (done.returncode, f"{scenario} on shop: unjudged" in done.stdout) == (0, True), done.stderr
    assert "runs" in same(place, away, "status")
    assert len(same(place, away, "history").splitlines()) == 4
    assert len(json.loads(same(place, away, "history", "--json", "--limit", "150"))) == 3
    assert len(json.loads(same(place, away, "history", "--scenario", "slowdown", "--json"))) == 1
    assert "verdict    unjudged" in same(place, away, "history", "e2")
    assert same(place, away, "history", "e77") == ""
    assert "schedule.every" in same(place, away, "settings")
    same(place, away, "settings", "--json")
    assert same(place, away, "settings", "no.such.setting=3") == ""  # refused, with the same exit code
    theirs, ours = (json.loads(p.call("status", "--json").stdout) for p in (away, place))
    assert {k: v for k, v in theirs.items() if k != "heartbeat_age"} == {
        k: v for k, v in ours.items() if k != "heartbeat_age"
    }
    whole = json.loads(away.call("history", "e1", "--json").stdout)
    assert whole["plan"] == json.loads(place.call("history", "e1", "--json").stdout)["plan"]


def test_a_plan_is_the_engines_own(place: Place, away: Place) -> None:
    ours, theirs = (p.call("plan", "--count", "9").stdout.splitlines() for p in (place, away))
    assert ours[-1] == theirs[-1]
    assert [line.split()[4:] for line in ours] == [line.split()[4:] for line in theirs]
    assert json.loads(away.call("plan", "--count", "2", "--json").stdout)[0]["target"] == "shop"


def test_it_is_steered_from_elsewhere(place: Place, away: Place) -> None:
    with running(away, "inject", "crash", "--target", "shop", "--for", "1h") as hand:
        until(lambda: place.mode == "crash")
        cleared = away.call("clear", "--json")
        assert json.loads(cleared.stdout) == {"cleared": ["e1-0"], "left": [], "unchecked": []}
        assert hand.popen.wait(20) == 4  # aborted
    assert away.call("pause", "--reason", "a release").stdout == "paused\n"
    assert json.loads(place.call("status", "--json").stdout)["reason"] == "a release"
    assert away.call("halt").stdout == "halted\n"
    refused = away.call("inject", "crash", "--target", "shop")
    assert (refused.returncode, "refused for now: the engine is halted" in refused.stderr) == (4, True)
    assert away.call("resume").stdout == "resumed\n"
    assert away.call("clear").stdout == "nothing was in\n"


def test_settings_are_changed_from_elsewhere_and_the_plan_follows(place: Place, away: Place) -> None:
    changed = away.call("settings", "schedule.every=120s", "scenarios.slowdown.weight=0", "--why", "a sale")
    assert changed.returncode == 0, changed.stderr
    assert "a sale" in changed.stdout
    assert "a sale" in same(place, away, "settings")
    plan = json.loads(away.call("plan", "--count", "50", "--json").stdout)
    first, second = (datetime.fromisoformat(start["at"]) for start in plan[:2])
    assert (second - first).total_seconds() == 120
    assert "slowdown" not in {start["scenario"] for start in plan}
    assert away.call("settings", "--reset").returncode == 0
    assert "a sale" not in same(place, away, "settings")


def test_the_worst_case_is_the_engines_own_at_whatever_objective(away: Place) -> None:
    plan = json.loads(away.call("plan", "--objective", "99%", "--json").stdout)
    assert (plan["worst_case"]["faults_a_day"], plan["worst_case"]["objective"]) == (24, 0.99)


def test_an_approval_that_nobody_asked_for_is_refused(away: Place, caller: Caller) -> None:
    unknown = away.call("approve", "a7")
    assert (unknown.returncode, "no approval 'a7' is asked for" in unknown.stderr) == (2, True)
    assert caller.get("/api/approvals").body == {"approvals": []}


def test_what_needs_an_approval_waits_for_one_from_elsewhere(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.configure(IDLE + "guardrails: {approval: {when: always, targets: 1}}\n")
    with answering(place) as (_, caller):
        place.environment |= {"CHAOS_URL": caller.url}
        refused = place.call("inject", "crash", "--target", "shop")
        assert refused.returncode == 4
        assert "chaos-engine approve a1" in refused.stderr
        told = caller.post("/api/inject", {"scenario": "crash", "target": "shop"})
        assert (told.status, told.body["rule"]) == (409, "approval")
        (waits,) = caller.get("/api/approvals").body["approvals"]
        assert (waits["id"], waits["state"]) == ("a1", "asked")
        approved = place.call("approve", "a1", "--why", "agreed")
        assert "approved a1: crash on shop, until" in approved.stdout, approved.stderr
        assert caller.post("/api/approvals/a1").status == 409  # it is approved already
        assert place.call("inject", "crash", "--target", "shop").returncode == 0


def test_ctrl_c_clears_what_was_injected_from_elsewhere(place: Place, away: Place) -> None:
    with running(away, "inject", "crash", "--target", "shop", "--for", "1h") as hand:
        until(lambda: place.mode == "crash")
        time.sleep(1.0)  # it follows by now
        assert hand.stop(signal.SIGINT)[0] == 4
    until(lambda: place.mode == "healthy")


def test_what_cannot_be_is_said(place: Place, away: Place, caller: Caller) -> None:
    unknown = away.call("inject", "crsh", "--target", "shop")
    assert (unknown.returncode, "did you mean 'crash'?" in unknown.stderr) == (2, True)
    assert away.call("settings", "nonsense").returncode == 2
    for command in (("run",), ("doctor",), ("validate", "x.yml"), ("janitor",)):
        refused = away.call(*command)
        assert refused.returncode == 2
        assert f"{command[0]}: works on this machine alone" in refused.stderr
    assert away.call("clear", "--all").returncode == 2
    assert away.call("plan", "--config", "chaos.yml").returncode == 2
    short = away.call("inject", "crash", "--target", "shop", "--for", "0")
    assert (short.returncode, "--for: '0' is too short" in short.stderr) == (2, True)
    del away.environment["CHAOS_API_TOKEN"]
    denied = away.call("halt")
    assert (denied.returncode, "Authorization: Bearer" in denied.stderr) == (2, True)
    wrong = away.call("--token", "wrong", "halt")
    assert (wrong.returncode, "the token is not the engine's" in wrong.stderr) == (2, True)
    right = away.call("--url", caller.url, "--token", TOKEN, "pause")
    assert (right.returncode, right.stdout) == (0, "paused\n")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9", "cannot be reached"),
        ("ftp://x", "is no address"),
        ("nonsense", "is no address"),
    ],
)
def test_nobody_there(tmp_path: Path, url: str, said: str) -> None:
    refused = Place(tmp_path).call("--url", url, "status")
    assert refused.returncode == 2
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
