"""Container faults on a real Engine: how victims are found, helpers end, and what becomes of the killed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaos_engine.model import Observation
from scenarios.selection import RefusedError
from tests.docker.small import (
    Project,
    comparable,
    direct,
    docker,
    helpers,
    hurting,
    prepared,
    project,
    proxied,
)

pytestmark = pytest.mark.docker


WAYS = ("direct", "through the proxy")


@contextmanager
def reached(way: str, folder: Path) -> Iterator[Project]:
    with project() as made:
        if way == "direct":
            with direct():
                yield made
            return
        with proxied(folder, "--service", f"{made.name}/web"):
            yield made


@pytest.fixture(scope="module", params=WAYS)
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with reached(request.param, tmp_path_factory.mktemp("proxy")) as made:
        yield made


def test_a_paused_server_does_not_answer_and_goes_on_afterwards(small: Project) -> None:
    before = small.inspect("web")
    assert small.ask()[0] == "200"
    with hurting("pause", small.target()) as hurt:
        assert hurt.observe().observation is Observation.FELT
        assert small.ask()[0] == "TimeoutError"
    assert small.ask()[0] == "200"
    assert comparable(small.inspect("web")) == comparable(before)


def test_packets_are_dropped_until_it_is_cleared(small: Project) -> None:
    assert small.ask()[0] == "200"
    with hurting("partition", small.target()) as hurt:
        assert small.ask()[0] == "TimeoutError"
        _felt(hurt)
    assert small.ask()[0] == "200"
    assert hurt.observe().observation is Observation.GONE


def test_a_helper_ends_by_itself_at_its_deadline(small: Project) -> None:
    hurt = prepared("partition", small.target(), hold=4.0)
    try:
        hurt.inject()
        assert small.ask(timeout=1.0)[0] == "TimeoutError"
        time.sleep(max(0.0, hurt.fault.deadline.wall + 1.0 - time.time()))
        assert small.ask()[0] == "200"
    finally:
        hurt.clear()


def test_what_a_killed_helper_left_another_one_undoes(small: Project) -> None:
    with hurting("partition", small.target()) as hurt:
        docker("kill", *helpers(hurt.fault.id))
        assert small.ask(timeout=1.0)[0] == "TimeoutError"
    assert small.ask()[0] == "200"


def test_clearing_what_was_never_injected_and_clearing_twice(small: Project) -> None:
    hurt = prepared("partition", small.target())
    hurt.clear()
    hurt.clear()
    assert small.ask()[0] == "200"
    assert helpers(hurt.fault.id) == []


def test_a_restart_takes_the_fault_away_or_it_is_injected_again(small: Project) -> None:
    with hurting("partition", small.target()) as hurt:
        docker("restart", "-t", "0", small.container("web"))
        assert hurt.observe().observation is Observation.GONE
        assert hurt.observe().details == {"restarted": [small.container("web")]}
    with hurting("partition", small.target(), {"on_restart": "again"}) as hurt:
        docker("restart", "-t", "0", small.container("web"))
        assert hurt.observe().again
        hurt.inject()
        assert not hurt.observe().again
        assert small.ask(timeout=1.0)[0] == "TimeoutError"
    assert small.ask()[0] == "200"


@pytest.mark.parametrize("way", WAYS)
def test_a_vanished_victim_is_cleared(way: str, tmp_path: Path) -> None:
    with reached(way, tmp_path) as made:
        hurt = prepared("partition", made.target())
        hurt.inject()
        docker("rm", "-f", made.container("web"))
        assert hurt.observe().observation is Observation.GONE
        hurt.clear()
        assert helpers(hurt.fault.id) == []


def test_no_such_service_is_refused(small: Project) -> None:
    with pytest.raises(RefusedError, match="no container is of service 'wbe'"):
        prepared("pause", small.target("wbe"))


def _felt(hurt: object) -> None:
    ends = time.monotonic() + 10
    while hurt.observe().observation is not Observation.FELT:  # type: ignore[attr-defined]
        assert time.monotonic() < ends
        time.sleep(0.2)
