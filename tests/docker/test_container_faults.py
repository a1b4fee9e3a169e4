"""The family `container` on a real Engine: what a client of the service sees, and how it comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.containers import ContainerError, Replicas
from chaos_engine.journal import Journal
from chaos_engine.model import Observation
from chaos_engine.rounds import Round
from scenarios.registry import load
from scenarios.selection import RefusedError
from tests.docker.small import (
    Hurt,
    Project,
    comparable,
    docker,
    helpers,
    hurting,
    prepared,
    project,
    proxied,
    world,
)

pytestmark = pytest.mark.docker

SERVER = """
    image: python:3.13-slim
    command: [python, -u, -m, http.server, "8000", --directory, /tmp]
    stop_grace_period: 1s"""
COMPOSE = f"""
services:
  web: {SERVER}
    restart: unless-stopped
  once: {SERVER}
  pair: {SERVER}
    init: true
    deploy: {{replicas: 2}}
  picky: {SERVER}
    labels: {{chaos.scenarios: "pause,partition"}}
  landlord: {SERVER}
  tenant:
    image: python:3.13-slim
    command: [sleep, infinity]
    init: true
    network_mode: service:landlord
  client:
    image: python:3.13-slim
    command: [sleep, infinity]
    init: true
"""
AWAY = ("ConnectionRefusedError", "gaierror", "TimeoutError", "OSError", "RemoteDisconnected")
ENDING = ("stop", "restart", "engine_kill", "kill", "service_unavailable", "bad_config")
QUICK, SLOW = {"grace": "0s"}, ("stop", "restart", "service_unavailable")


@pytest.fixture(scope="module")
def small() -> Iterator[Project]:
    with project(COMPOSE) as made:
        yield made


def until(look: Callable[[], bool], patience: float = 15.0) -> None:
    ends = time.monotonic() + patience
    while not look():
        assert time.monotonic() < ends
        time.sleep(0.1)


def runs(small: Project, service: str) -> bool:
    state = small.inspect(service)["State"]
    return bool(state["Running"] and not state["Restarting"])


# --- it stays down until it is cleared ---


@pytest.mark.parametrize(
    ("scenario", "service", "parameters"),
    [("stop", "web", QUICK), ("engine_kill", "web", {}), ("kill", "once", {})],
)
def test_it_is_down_and_comes_back_as_it_was(
    small: Project, scenario: str, service: str, parameters: dict[str, Any]
) -> None:
    before = small.inspect(service)
    assert small.ask(service)[0] == "200"
    with hurting(scenario, small.target(service), parameters) as hurt:
        assert hurt.observe().observation is Observation.FELT
        assert hurt.observe().details["down"] == [small.container(service)]
        assert small.ask(service)[0] in AWAY
    until(lambda: small.ask(service)[0] == "200")
    assert comparable(small.inspect(service)) == comparable(before)
    assert not hurt.scenario.is_left(hurt.fault, hurt.world)


@pytest.mark.parametrize("scenario", ["stop", "engine_kill", "kill", "pause", "service_unavailable"])
def test_restarting_the_container_heals(small: Project, scenario: str) -> None:
    with hurting(scenario, small.target("once"), QUICK if scenario in SLOW else {}):
        assert small.ask("once", timeout=1.0)[0] in AWAY
        docker("restart", "-t", "0", small.container("once"))
        until(lambda: small.ask("once")[0] == "200")
    assert load()[scenario].restart.value == "heals"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("scenario", "seen"), [("stop", Observation.GONE), ("kill", Observation.FELT)])
def test_a_stop_ends_when_somebody_starts_it_and_a_blow_was_dealt(
    small: Project, scenario: str, seen: Observation
) -> None:
    with hurting(scenario, small.target("once")) as hurt:
        docker("start", small.container("once"))
        assert hurt.observe().observation is seen


# --- the policy acts, or does not ---


def test_a_kill_is_a_crash_and_the_restart_policy_acts(small: Project) -> None:
    before = small.inspect("web")
    with hurting("kill", small.target()) as hurt:
        # Nobody has cleared it; the Engine may still show the old life for a moment.
        until(lambda: small.inspect("web")["RestartCount"] > before["RestartCount"] and runs(small, "web"))
        after = small.inspect("web")
        assert after["RestartCount"] == before["RestartCount"] + 1
        assert after["State"]["StartedAt"] != before["State"]["StartedAt"]
        seen = hurt.observe()
        assert (seen.observation, seen.details) == (
            Observation.FELT,
            {"came_back": [small.container("web")]},
        )
    assert small.ask()[0] == "200"
    assert comparable(small.inspect("web")) == comparable(before)


def test_a_helper_that_kills_has_one_capability_and_ends_at_once(small: Project) -> None:
    with hurting("kill", small.target("once")) as hurt:
        (helper,) = helpers(hurt.fault.id)
        host = hurt.world.containers.inspect(helper)
        assert host is not None
        assert (host["HostConfig"]["CapAdd"], host["HostConfig"]["CapDrop"]) == (["KILL"], ["ALL"])
        assert (host["HostConfig"]["PidMode"], host["HostConfig"]["Privileged"]) == ("host", False)
        until(lambda: docker("inspect", "-f", "{{.State.Status}}", helper).strip() == "exited", 5.0)


def test_nobody_else_is_killed_where_the_process_is_anothers_by_now(small: Project) -> None:
    hurt = prepared("kill", small.target("once"))
    other = small.inspect("client")["State"]["Pid"]
    hurt.fault.undo["helpers"][0]["spec"]["pid"] = other
    with pytest.raises(Exception, match=f"process {other} is not the container's any more"):
        hurt.inject()
    hurt.clear()
    assert small.inspect("client")["State"]["Pid"] == other
    assert helpers(hurt.fault.id) == []


def test_a_restart_is_felt_though_it_is_over(small: Project) -> None:
    before = small.inspect("web")
    with hurting("restart", small.target(), QUICK) as hurt:
        assert hurt.observe().observation is Observation.FELT
        docker("restart", "-t", "0", small.container("web"))  # once more: no effect on the fault
        assert hurt.observe().observation is Observation.FELT
        assert not hurt.scenario.is_left(hurt.fault, hurt.world)
    assert small.inspect("web")["State"]["StartedAt"] != before["State"]["StartedAt"]
    assert comparable(small.inspect("web")) == comparable(before)
    assert small.ask()[0] == "200"


def test_a_signal_that_it_lives_through_is_told(small: Project) -> None:
    with hurting("engine_kill", small.target("once"), {"signal": "SIGWINCH"}) as hurt:
        seen = hurt.observe()
        assert (seen.observation, seen.details) == (
            Observation.BLIND,
            {"lived_on": [small.container("once")]},
        )
    assert small.ask("once")[0] == "200"


@pytest.mark.parametrize("scenario", ["kill", "engine_kill", "restart", "service_unavailable"])
def test_all_of_it_goes_through_the_proxy(small: Project, scenario: str, tmp_path: Path) -> None:
    with (
        proxied(tmp_path, "--service", f"{small.name}/once"),
        hurting(scenario, small.target("once"), QUICK if scenario in SLOW else {}) as hurt,
    ):
        assert hurt.observe().observation is Observation.FELT
    assert small.ask("once")[0] == "200"


# --- a whole service ---


def test_all_replicas_are_down_whatever_replicas_says(small: Project) -> None:
    assert small.ask("pair")[0] == "200"
    with hurting("service_unavailable", small.target("pair")) as hurt:
        assert sorted(hurt.observe().details["down"]) == [f"{small.name}-pair-{n}" for n in (1, 2)]
        assert small.ask("pair")[0] in AWAY
    for number in (1, 2):
        assert small.compose("exec", "-T", "--index", str(number), "pair", "true") == ""
    assert small.ask("pair")[0] == "200"


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"at_most": Replicas(count=1)}, "2 of 2 would be hurt at once, and at_most allows 1"),
        ({"min_healthy": 1}, "would not be unavailable: .*it stays, since min_healthy is 1"),
        ({"min_healthy": 2}, "2 of 2 replicas are healthy, and min_healthy is 2"),
    ],
)
def test_the_limits_refuse_what_would_hurt_too_many(
    small: Project, limits: dict[str, Any], message: str
) -> None:
    with pytest.raises(RefusedError, match=message):
        prepared("service_unavailable", small.target("pair", **limits))


# --- refused ---


@pytest.mark.parametrize("scenario", [*ENDING, "database_failure"])
def test_what_did_not_opt_in_is_refused(small: Project, scenario: str) -> None:
    target = small.target("picky")
    with pytest.raises(RefusedError, match=r"allows pause, partition only|is no known database"):
        prepared(scenario, target)


@pytest.mark.parametrize("scenario", ENDING)
def test_one_whose_network_another_one_lives_in_is_refused(small: Project, scenario: str) -> None:
    with pytest.raises(RefusedError, match=r"tenant-1 is in the network of .*landlord-1"):
        prepared(scenario, small.target("landlord"))
    prepared("pause", small.target("landlord"))


def test_a_service_that_is_no_database_is_refused(small: Project) -> None:
    with pytest.raises(RefusedError, match=r"web-1 is no known database \(its image is python:3.13-slim\)"):
        prepared("database_failure", small.target())


@pytest.mark.parametrize("scenario", [*ENDING, "pause"])
def test_what_does_not_run_is_refused(small: Project, scenario: str) -> None:
    with (
        hurting("stop", small.target("once"), QUICK),
        pytest.raises(RefusedError, match="once-1 is exited, not running"),
    ):
        prepared(scenario, small.target("once"))


def test_one_that_is_removed_when_it_stops_is_refused(small: Project) -> None:
    name = f"{small.name}-fleeting"
    labels = [f"com.docker.compose.{key}" for key in (f"project={small.name}", "service=fleeting")]
    docker("run", "-d", "--rm", "--name", name, *(f"--label={label}" for label in labels),
           "python:3.13-slim", "sleep", "60")  # fmt: skip
    try:
        for scenario in ENDING:
            with pytest.raises(RefusedError, match="is removed when it stops"):
                prepared(scenario, small.target("fleeting"))
    finally:
        docker("rm", "-f", name)


# --- whatever happens ---


@pytest.mark.parametrize(
    "scenario", ["pause", "stop", "restart", "engine_kill", "kill", "service_unavailable"]
)
def test_clearing_comes_first_and_twice_and_after_the_end(small: Project, scenario: str) -> None:
    before = small.inspect("web")
    hurt = prepared(scenario, small.target())
    hurt.clear()
    hurt.clear()
    assert small.inspect("web")["State"] == before["State"]
    assert helpers(hurt.fault.id) == []
    gone = Hurt(hurt.scenario, hurt.world, _of_nobody(hurt))
    gone.clear()
    assert gone.observe().observation is Observation.GONE


def test_a_helper_that_was_killed_or_never_started_leaves_nothing(small: Project) -> None:
    hurt = prepared("kill", small.target("once"))
    helper = hurt.fault.undo["helpers"][0]
    hurt.world.containers.create(
        f"chaos-{hurt.fault.owner[:12]}-{hurt.fault.id}-{helper['victim'][:12]}",
        {**helper["body"], "Env": ["CHAOS_HELPER={}"], "Labels": {"chaos-engine.fault": hurt.fault.id}},
    )
    assert len(helpers(hurt.fault.id)) == 1
    hurt.clear()
    assert helpers(hurt.fault.id) == []
    assert small.ask("once")[0] == "200"


@pytest.mark.parametrize("scenario", ["kill", "stop"])
def test_the_janitor_starts_what_a_dead_engine_left_down_and_does_so_once(
    small: Project, scenario: str, tmp_path: Path
) -> None:
    hurt = prepared(scenario, small.target("once"))
    overdue = replace(hurt.fault, deadline=hurt.world.clock.now().plus(-30.0))
    lines: list[str] = []
    journal = Journal(tmp_path)
    try:
        journal.arm(overdue)
        hurt.inject()
        journal.applied(overdue, time.time())
        assert not runs(small, "once")
        round_ = Round(journal, load(), world(), _Lines(lines), None)
        round_.go()
        assert small.ask("once")[0] == "200"
        round_.go()  # it looks whether it came back
    finally:
        hurt.clear()
        journal.close()
    assert [line.split()[0] for line in lines] == ["Overdue:", "Cleared"]
    assert "its engine is gone" in lines[0]


class _Lines:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def info(self, event: str, **_: Any) -> None:
        self.lines.append(event)

    debug = warning = error = info


def _of_nobody(hurt: Hurt) -> Any:
    nobody = {**hurt.fault.undo["victims"][0], "id": "0" * 64, "netns": "0" * 64}
    undo = {**hurt.fault.undo, "victims": [nobody]}
    if "helpers" in undo:
        undo["helpers"] = [{**undo["helpers"][0], "victim": "0" * 64}]
    return replace(hurt.fault, undo=undo)


def test_one_that_ends_again_by_itself_is_let_be(small: Project) -> None:
    name = f"{small.name}-short"
    labels = [f"com.docker.compose.{key}" for key in (f"project={small.name}", "service=short")]
    docker("run", "-d", "--name", name, *(f"--label={label}" for label in labels),
           "python:3.13-slim", "sh", "-c", "test -e /once && exit 3; touch /once; sleep 60")  # fmt: skip
    try:
        hurt = prepared("stop", small.target("short"), QUICK)
        hurt.inject()
        hurt.clear()
        until(lambda: docker("inspect", "-f", "{{.State.ExitCode}}", name).strip() == "3", 5.0)
        hurt.clear()
    finally:
        docker("rm", "-f", name)


def test_one_that_cannot_be_started_is_not_cleared(small: Project) -> None:
    network = f"{small.name}-own"
    docker("network", "create", network)
    name = f"{small.name}-stranded"
    labels = [f"com.docker.compose.{key}" for key in (f"project={small.name}", "service=stranded")]
    docker("run", "-d", "--name", name, "--network", network, *(f"--label={label}" for label in labels),
           "python:3.13-slim", "sleep", "60")  # fmt: skip
    try:
        hurt = prepared("stop", small.target("stranded"), QUICK)
        hurt.inject()
        docker("network", "rm", network)
        with pytest.raises(ContainerError, match="network"):
            hurt.clear()
    finally:
        docker("rm", "-f", name)
