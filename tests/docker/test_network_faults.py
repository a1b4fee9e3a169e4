"""Networks cut in several ways, what restarts and killed helpers do to them, and refusals."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.model import Observation, Target
from scenarios.abilities import abilities
from scenarios.container import ContainerScenario, Restart
from scenarios.registry import load
from scenarios.selection import RefusedError
from tests.docker.net import COMPOSE, felt, pooled, python
from tests.docker.small import (
    Project,
    comparable,
    docker,
    helpers,
    hurting,
    none_left,
    prepared,
    project,
    proxied,
    rules_of,
    world,
)

pytestmark = pytest.mark.docker
RESOLVE = """
import os, time; os.environ["RES_OPTIONS"] = "timeout:2 attempts:1"
import socket
for name in ("web", "other"):
    began = time.monotonic()
    try: found = bool(socket.gethostbyname(name))
    except OSError: found = False
    print(name, found, time.monotonic() - began > 1)
"""
UNHURT = ["web True False", "other True False"]
ALL: Mapping[str, Mapping[str, Any]] = {
    "partition": {},
    "dependency_timeout": {"to": "other"},
    "dns_failure": {},
    "latency": {"way": "proxy", "delay": "300ms"},
    "packet_loss": {"way": "statistic", "percent": 30},
    "bandwidth": {"direction": "both"},
}


@pytest.fixture(scope="module")
def small() -> Iterator[Project]:
    with project(COMPOSE) as made:
        yield made


def test_one_service_alone_is_cut_off(small: Project) -> None:
    with pooled(small, "web", "other", timeout=2) as own:
        with hurting("partition", small.target(), {"from": "client"}) as hurt:
            assert hurt.fault.parameters["from"] == "client"
            assert small.ask(timeout=1)[0] == "TimeoutError"
            assert own.ask()["status"] == 200
            felt(hurt)
        assert small.ask()[0] == "200"


@pytest.mark.parametrize(("direction", "word"), [("in", "INPUT"), ("out", "OUTPUT")])
def test_one_direction_alone_is_cut(small: Project, direction: str, word: str) -> None:
    before = set(rules_of(small.container("web")).splitlines())
    with hurting("partition", small.target(), {"direction": direction, "from": "client"}):
        made = [each for each in rules_of(small.container("web")).splitlines() if each not in before]
        assert [each.split()[1] for each in made if each.startswith("-A")] == [word]
        assert small.ask(timeout=1)[0] == "TimeoutError"


def test_nobody_tells_a_sender_that_its_packet_is_lost(small: Project) -> None:
    if abilities(world())["lose_silently"]:
        pytest.skip(abilities(world())["lose_silently"])
    with hurting("partition", small.target("client")):
        code = "import socket;print(socket.socket(2,2).sendto(b'x',('192.0.2.1',9)))"
        assert python(small, code) == "1"


def test_connections_to_one_dependency_hang_new_and_old(small: Project) -> None:
    with pooled(small, "web", "other", timeout=2) as own, pooled(small, "other", "web", timeout=2) as back:
        with hurting("dependency_timeout", small.target(), {"to": "other"}) as hurt:
            old, new = own.ask(), own.ask()
            assert (old["made"], old.get("error")) == (False, "TimeoutError")
            assert (new["made"], new.get("error")) == (True, "TimeoutError")
            assert back.ask()["status"] == 200  # it is the other one that asks
            assert small.ask()[0] == "200"
            felt(hurt)
        assert own.ask()["status"] == 200


def test_only_connections_to_one_port_hang(small: Project) -> None:
    with pooled(small, "web", "other", timeout=2) as own:
        with hurting("dependency_timeout", small.target(), {"to": "other", "port": 8001}):
            assert own.ask()["status"] == 200
        with hurting("dependency_timeout", small.target(), {"to": "other", "port": 8000}):
            assert own.ask()["error"] == "TimeoutError"


@pytest.mark.parametrize("mode", ["timeout", "refused"])
def test_names_are_not_resolved(small: Project, mode: str) -> None:
    assert python(small, RESOLVE).splitlines() == UNHURT
    slow = mode == "timeout"
    target = small.target("client")
    with pooled(small, timeout=2) as client, hurting("dns_failure", target, {"mode": mode}) as hurt:
        assert python(small, RESOLVE).splitlines() == [f"web False {slow}", f"other False {slow}"]
        assert client.ask()["status"] == 200  # it knows the way
        felt(hurt)
    with hurting("dns_failure", target, {"mode": mode, "domains": ["WEB"]}):
        assert python(small, RESOLVE).splitlines() == [f"web False {slow}", "other True False"]
    assert python(small, RESOLVE).splitlines() == UNHURT


@pytest.mark.parametrize("name", ALL)
def test_what_a_killed_helper_left_is_undone_and_clearing_again_is_harmless(
    small: Project, name: str
) -> None:
    before, kernel = small.inspect("web"), rules_of(small.container("web"))
    hurt = prepared(name, small.target(), ALL[name])
    hurt.clear()
    try:
        hurt.inject()
        assert rules_of(small.container("web")) != kernel
        docker("kill", *helpers(hurt.fault.id))
    finally:
        hurt.clear()
    hurt.clear()
    none_left(hurt.fault.id)
    assert rules_of(small.container("web")) == kernel
    assert comparable(small.inspect("web")) == comparable(before)
    assert small.ask()[0] == "200"


@pytest.mark.parametrize("name", ALL)
def test_a_restart_heals(small: Project, name: str) -> None:
    scenario = load()[name]
    assert isinstance(scenario, ContainerScenario)
    assert scenario.restart is Restart.HEALS
    kernel = rules_of(small.container("web"))
    with hurting(name, small.target(), ALL[name]) as hurt:
        docker("restart", "-t", "0", small.container("web"))
        assert rules_of(small.container("web")) == kernel
        assert hurt.observe().observation is Observation.GONE
        _answers(small)


def _answers(small: Project) -> None:
    ends = time.monotonic() + 15
    while small.ask()[0] != "200":
        assert time.monotonic() < ends


def test_a_shared_network_is_that_of_its_owner() -> None:
    with project(COMPOSE + "  beside: {image: python:3.13-slim, command: [sleep, infinity], init: true, "
                 "stop_grace_period: 1s, network_mode: 'service:web'}\n") as made:  # fmt: skip
        hurt = prepared("partition", made.target("beside"))
        assert f"container:{made.inspect('web')['Id']}" in hurt.fault.resources
        try:
            hurt.inject()
            assert made.ask(timeout=1)[0] == "TimeoutError"
            docker("restart", "-t", "0", made.container("beside"))
            docker("kill", *helpers(hurt.fault.id))
        finally:
            hurt.clear()
        assert made.ask()[0] == "200"


@pytest.mark.parametrize(
    ("network", "why"), [("host", "the whole machine would be hurt"), ("none", "is in no network")]
)
def test_a_container_without_a_network_of_its_own_is_refused(network: str, why: str) -> None:
    text = f"services:\n  web: {{image: python:3.13-slim, command: [sleep, infinity], init: true, " \
           f"stop_grace_period: 1s, network_mode: {network}}}\n"  # fmt: skip
    with project(text) as made:
        for name in ALL:
            with pytest.raises(RefusedError, match=why):
                prepared(name, made.target(), ALL[name])
        with pytest.raises(RefusedError, match="no network of its own"):
            prepared("disconnect", made.target())


def test_a_peer_that_is_not_there_or_not_reached_is_refused(small: Project) -> None:
    with pytest.raises(RefusedError, match="'wbe' is no service beside"):
        prepared("partition", small.target(), {"from": "wbe"})
    with project() as elsewhere, pytest.raises(RefusedError, match="share no network"):
        prepared("dependency_timeout", small.target(), {"to": elsewhere.container("web")})


def test_what_the_kernel_lacks_is_named(small: Project) -> None:
    lacks = abilities(world())["netem"]
    if not lacks:
        pytest.skip("this kernel has netem")
    with pytest.raises(RefusedError, match=r"this kernel cannot do it: netem: .*qdisc"):
        prepared("latency", small.target(), {"way": "netem"})


def test_through_a_proxy_before_the_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scenarios.abilities._FOUND", {})
    text = COMPOSE.replace("  init: true\n", '  init: true\n  labels: {chaos.target: "true"}\n', 1)
    with project(text) as made, proxied(tmp_path):
        for name in ("latency", "dependency_timeout", "disconnect"):
            with hurting(name, made.target(), ALL.get(name, {})) as hurt:
                assert hurt.observe().observation is not Observation.GONE
        assert made.ask()[0] == "200"


def test_a_target_that_vanished_is_cleared() -> None:
    with project(COMPOSE) as made:
        hurt = prepared("latency", made.target(), {"way": "proxy"})
        hurt.inject()
        docker("rm", "-f", made.container("web"))
        assert hurt.observe().observation is Observation.GONE
        hurt.clear()
        none_left(hurt.fault.id)
        assert isinstance(hurt.fault.target, Target)
