"""A container taken out of a network of a real Engine, and put back as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chaos_engine.model import Observation
from scenarios.container import Restart
from scenarios.disconnect_scenarios import Disconnect
from scenarios.selection import RefusedError
from tests.docker.net import python
from tests.docker.small import COMPOSE, Project, comparable, docker, hurting, prepared, project

pytestmark = pytest.mark.docker
SUBNET = "10.213.77"  # nobody else's here, it is hoped
TWO = f"""
services:
  web:
    image: python:3.13-slim
    command: [python, -u, -m, http.server, "8000", --directory, /tmp]
    init: true
    stop_grace_period: 1s
    mac_address: 02:42:0a:d5:4d:11
    networks:
      front: {{aliases: [shop, store], ipv4_address: {SUBNET}.17, priority: 10}}
      back: {{aliases: [shop-behind]}}
  client:
    image: python:3.13-slim
    command: [sleep, infinity]
    init: true
    stop_grace_period: 1s
    networks: [front]
networks:
  front: {{ipam: {{config: [{{subnet: {SUBNET}.0/24}}]}}}}
  back:
"""
ROUTE = "print([l.split()[2] for l in open('/proc/net/route') if l.split()[1] == '00000000'])"


@pytest.fixture(scope="module")
def small() -> Iterator[Project]:
    with project(COMPOSE) as made:
        yield made


@pytest.fixture(scope="module")
def two() -> Iterator[Project]:
    with project(TWO) as made:
        yield made


def test_it_is_out_and_in_again_as_it_was(small: Project) -> None:
    before = small.inspect("web")
    with hurting("disconnect", small.target()) as hurt:
        assert small.ask()[0] != "200"
        seen = hurt.observe()
        assert seen.observation is Observation.FELT
        assert seen.details == {"disconnected": [small.container("web")]}
        hurt.inject()  # once more
    assert small.ask()[0] == "200"
    assert comparable(small.inspect("web")) == comparable(before)
    assert hurt.observe().observation is Observation.GONE
    hurt.clear()


def test_it_may_be_cleared_before_it_is_injected(small: Project) -> None:
    before = small.inspect("web")
    prepared("disconnect", small.target()).clear()
    assert small.inspect("web")["NetworkSettings"] == before["NetworkSettings"]


def test_a_restart_has_no_effect(small: Project) -> None:
    assert Disconnect.restart is Restart.NOTHING
    with hurting("disconnect", small.target()) as hurt:
        docker("restart", "-t", "0", small.container("web"))
        assert hurt.observe().observation is Observation.FELT
        assert small.ask()[0] != "200"
    assert small.ask()[0] == "200"


def test_its_address_aliases_and_way_out_are_the_same(two: Project) -> None:
    before, route = two.inspect("web"), python(two, ROUTE, "web")
    with hurting("disconnect", two.target(), {"network": "front"}):
        assert two.ask("store")[0] != "200"
        assert list(two.inspect("web")["NetworkSettings"]["Networks"]) == [f"{two.name}_back"]
    after = two.inspect("web")
    assert comparable(after) == comparable(before)
    front = after["NetworkSettings"]["Networks"][f"{two.name}_front"]
    assert front["IPAddress"] == f"{SUBNET}.17"
    assert front["MacAddress"] == before["NetworkSettings"]["Networks"][f"{two.name}_front"]["MacAddress"]
    assert two.ask("store")[0] == "200"
    assert python(two, ROUTE, "web") == route


def test_of_several_networks_one_must_be_named(two: Project) -> None:
    with pytest.raises(RefusedError, match=f"needs `network`; allowed: one of .*{two.name}_back"):
        prepared("disconnect", two.target())
    with pytest.raises(RefusedError, match="is not in network 'side'"):
        prepared("disconnect", two.target(), {"network": "side"})


def test_one_that_somebody_has_put_back_is_left_alone(small: Project) -> None:
    hurt = prepared("disconnect", small.target())
    hurt.inject()
    docker("network", "connect", "--alias", "web", f"{small.name}_default", small.container("web"))
    assert hurt.observe().observation is Observation.GONE
    hurt.clear()
    assert small.ask()[0] == "200"


def test_a_target_or_a_network_that_vanished_is_cleared() -> None:
    with project() as made:
        hurt = prepared("disconnect", made.target())
        hurt.inject()
        docker("rm", "-f", made.container("web"))
        hurt.clear()
        assert hurt.observe().observation is Observation.GONE
