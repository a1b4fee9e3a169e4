"""Slow, lossy and narrow networks on a real Engine, as a client with a pool of connections sees them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

import pytest

from chaos_engine.model import Observation
from scenarios.abilities import abilities
from tests.docker.net import COMPOSE, felt, pooled
from tests.docker.small import (
    Project,
    comparable,
    docker,
    helpers,
    hurting,
    prepared,
    project,
    rules_of,
    world,
)

pytestmark = pytest.mark.docker
DELAY = 0.3


@pytest.fixture(scope="module")
def small() -> Iterator[Project]:
    with project(COMPOSE) as made:
        yield made


@pytest.fixture(params=["proxy", "netem"])
def way(request: pytest.FixtureRequest) -> str:
    lacks = abilities(world())["netem"]
    if request.param == "netem" and lacks:
        pytest.skip(lacks)
    return str(request.param)


def test_answers_are_late_on_new_connections_and_on_those_that_were_open(small: Project, way: str) -> None:
    before, kernel = small.inspect("web"), rules_of(small.container("web"))
    with pooled(small) as client:
        assert client.ask()["took"] < DELAY
        with hurting("latency", small.target(), {"delay": "300ms", "way": way}) as hurt:
            assert hurt.fault.parameters["way"] == way
            first = client.ask()
            if way == "proxy":  # it is told at once
                assert first["error"] in ("ConnectionResetError", "RemoteDisconnected")
            else:
                assert first["took"] >= DELAY
            made, kept = client.ask(), client.ask()
            assert made["took"] >= DELAY
            assert not kept["made"]
            assert DELAY <= kept["took"] < 10 * DELAY
            assert felt(hurt)["way"] == way
        assert client.ask().get("error", "RemoteDisconnected") == "RemoteDisconnected"
        assert client.ask()["took"] < DELAY
    assert rules_of(small.container("web")) == kernel
    assert comparable(small.inspect("web")) == comparable(before)


def test_a_way_is_chosen_and_told(small: Project) -> None:
    netem = not abilities(world())["netem"]
    assert prepared("latency", small.target()).fault.parameters["way"] == ("netem" if netem else "proxy")
    loss = prepared("packet_loss", small.target()).fault.parameters
    assert loss["way"] == ("netem" if netem else "statistic")


def test_what_the_container_asks_of_others_is_late_too(small: Project, way: str) -> None:
    with pooled(small, "web", "other") as own:
        with hurting("latency", small.target(), {"delay": "300ms", "way": way}):
            own.ask()
            assert own.ask()["took"] >= DELAY
            assert own.ask()["took"] >= DELAY
        own.ask()
        assert own.ask()["took"] < DELAY


def test_only_what_goes_to_one_service_is_late(small: Project, way: str) -> None:
    parameters = {"delay": "300ms", "to": "other", "way": way}
    with pooled(small) as client, pooled(small, "web", "other") as own:
        with hurting("latency", small.target(), parameters):
            assert client.ask()["took"] < DELAY  # nor was its connection ended
            own.ask()
            assert own.ask()["took"] >= DELAY
        own.ask()
        assert own.ask()["took"] < DELAY


def test_a_large_answer_is_complete_and_late_once(small: Project) -> None:
    with pooled(small) as client, hurting("latency", small.target(), {"delay": "300ms", "way": "proxy"}):
        client.ask()
        answer = client.ask("/bytes/5000000")
        assert answer["bytes"] == 5_000_000
        assert DELAY <= answer["took"] < 10 * DELAY  # its pieces travel at the same time


def test_an_answer_that_takes_long_outlives_the_clearing(small: Project) -> None:
    with pooled(small) as client:
        hurt = prepared("latency", small.target(), {"delay": "20s", "way": "proxy"}, hold=60)
        with pooled(small) as other:
            hurt.inject()
            other.ask()
            client.ask()
            client.send("/after/3")  # its connection alone would take 20 s
            time.sleep(0.5)
            began = time.monotonic()
            hurt.clear()
            assert time.monotonic() - began < 3
            assert client.got()["status"] == 200
            assert time.monotonic() - began < 10
        hurt.clear()


def test_no_connection_is_left_hanging_at_the_deadline(small: Project) -> None:
    hurt = prepared("latency", small.target(), {"delay": "300ms", "way": "proxy"}, hold=4)
    try:
        hurt.inject()
        with pooled(small) as client:
            assert client.ask()["took"] >= DELAY
            time.sleep(max(0.0, hurt.fault.deadline.wall + 1 - time.time()))
            client.ask()
            assert client.ask()["took"] < DELAY
        assert hurt.observe().observation is Observation.GONE
    finally:
        hurt.clear()


def test_rules_without_their_proxy_are_taken_out(small: Project) -> None:
    kernel = rules_of(small.container("web"))
    with hurting("latency", small.target(), {"delay": "300ms", "way": "proxy"}) as hurt:
        docker("kill", *helpers(hurt.fault.id))
        assert small.ask()[0] == "ConnectionRefusedError"
        assert rules_of(small.container("web")) != kernel
    assert small.ask()[0] == "200"
    assert rules_of(small.container("web")) == kernel


def test_some_packets_are_lost(small: Project) -> None:
    with pooled(small) as client:
        before = [client.ask()["took"] for _ in range(40)]
        parameters = {"percent": "25%", "way": "statistic"}
        with hurting("packet_loss", small.target(), parameters) as hurt:
            during = [client.ask()["took"] for _ in range(40)]
            assert felt(hurt)["packets_lost"] > 5
        # A packet that is lost is sent again, after 200 ms at the soonest.
        assert sum(took > 0.15 for took in before) <= 2
        assert 4 <= sum(took > 0.15 for took in during) <= 38
        client.ask()
        assert median(client.ask()["took"] for _ in range(9)) < 0.15


def test_packets_are_lost_at_about_the_rate_that_was_asked_for(small: Project) -> None:
    with hurting("packet_loss", small.target(), {"percent": 20, "direction": "in", "way": "statistic"}):
        code = "import socket;s=socket.socket(2,2);[s.sendto(b'x',('web',9)) for _ in range(2000)]"
        docker("exec", small.container("client"), "python", "-c", code)
        lost, came = _counted(small)
    assert 300 < lost < 500
    assert came >= 2000


def _counted(small: Project) -> tuple[int, int]:
    """Packets that our rule has lost, and those that met the chain, as the kernel counts them."""
    said = docker(
        "run", "--rm", "--network", f"container:{small.container('web')}", "--user=0", "--cap-drop=ALL",
        "--cap-add=NET_ADMIN", "--cap-add=NET_RAW", "--entrypoint=sh", world().containers.image(), "-c",
        "for i in legacy nft; do iptables-$i -t mangle -L INPUT -v -x -n 2>/dev/null; done",
    )  # fmt: skip
    ours = next(line for line in said.splitlines() if "chaos-engine" in line)
    chain = max(
        int(line.split("policy ACCEPT ")[1].split()[0]) for line in said.splitlines() if "policy" in line
    )
    return int(ours.split()[0]), chain + int(ours.split()[0])


@pytest.mark.parametrize("to", ["", "client"])
def test_no_more_than_so_much_goes_out(small: Project, to: str) -> None:
    with pooled(small) as client:
        assert client.ask("/bytes/1000000")["took"] < 1
        with hurting("bandwidth", small.target(), {"rate": "4mbit", "to": to}) as hurt:
            assert 1.2 < client.ask("/bytes/1000000")["took"] < 8  # 8 megabits
            assert felt(hurt)["packets_held_up"] > 0
        assert client.ask("/bytes/1000000")["took"] < 1


def test_what_goes_to_others_is_not_narrowed(small: Project) -> None:
    with pooled(small) as client, hurting("bandwidth", small.target(), {"rate": "1mbit", "to": "other"}):
        assert client.ask("/bytes/1000000")["took"] < 4  # of 8 seconds


def test_no_more_than_so_much_comes_in(small: Project) -> None:
    parameters = {"rate": "4mbit", "direction": "in"}
    with pooled(small, "web", "other", timeout=30) as own:
        assert own.ask("/bytes/4000000")["took"] < 1
        with hurting("bandwidth", small.target(), parameters) as hurt:
            assert own.ask("/bytes/4000000")["took"] > 2.5  # 8 seconds less a burst of three
            assert felt(hurt)["packets_lost"] > 0
        own.ask("/bytes/4000000")  # TCP finds its pace again
        assert own.ask("/bytes/4000000")["took"] < 1
