"""Resource faults as the clients of a PostgreSQL see them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.docker.resources import felt
from tests.docker.small import Project, hurting, project

pytestmark = pytest.mark.docker
COMPOSE = """
services:
  db:
    image: postgres:17
    environment: {POSTGRES_PASSWORD: secret, PGPASSWORD: secret}
    tmpfs: ["/var/lib/postgresql/data:size=256m"]
    stop_grace_period: 1s
    healthcheck: {test: [CMD, psql, -U, postgres, -h, 127.0.0.1, -c, select 1], interval: 1s, retries: 90}
"""
DATA = "/var/lib/postgresql/data"
WORK = "select count(*) from generate_series(1, 2000000) as n where n % 7 = 0"
# Large enough for the 256 MB, and too large for what a full disk has left.
STORE = "create table stored as select repeat('x', 900) from generate_series(1, 20000)"


@pytest.fixture(scope="module")
def shop() -> Iterator[Project]:
    with project(COMPOSE) as made:
        yield made


def ask(shop: Project, sql: str) -> tuple[str, float]:
    """What psql says, and after how many seconds."""
    command = ["docker", "exec", shop.container("db"), "psql", "-U", "postgres"]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "-h", "127.0.0.1", "-Atc", sql], capture_output=True, text=True, check=False, timeout=90
    )
    return (done.stdout + done.stderr).strip(), time.monotonic() - began


def test_at_a_twentieth_of_a_cpu_a_query_takes_its_time(shop: Project) -> None:
    answer, _ = ask(shop, WORK)
    assert answer == "285714"
    with hurting("cpu_limit", shop.target("db"), {"cpus": 0.05}, hold=90) as hurt:
        slow, took = ask(shop, WORK)
        assert slow == answer
        assert took > 2  # a tenth of a second of work, and a client's beginning
        felt(hurt)


def test_on_a_full_disk_nothing_is_stored_and_what_was_stored_is_there(shop: Project) -> None:
    ask(shop, "create table kept as select 1 as one")
    with hurting("disk_fill", shop.target("db"), {"path": DATA, "leave": "2MB"}) as hurt:
        assert "No space left on device" in ask(shop, STORE)[0]
        assert ask(shop, "select one from kept")[0] == "1"
        felt(hurt)
    assert ask(shop, STORE)[0] == "SELECT 20000"


def test_when_one_of_its_processes_is_killed_connections_break(shop: Project) -> None:
    with hurting("process_kill", shop.target("db"), {"pattern": "postgres: walwriter"}) as hurt:
        felt(hurt)
    ends = time.monotonic() + 20
    while ask(shop, "select 1")[0] != "1":
        assert time.monotonic() < ends
        time.sleep(0.3)
    assert "all server processes terminated; reinitializing" in shop.compose("logs", "db")


def test_stress_of_its_memory_and_disk_leaves_it_alive(shop: Project) -> None:
    stress = {"path": DATA, "size": "8MB", "rate": "8MB", "workers": 2}
    with hurting("io_stress", shop.target("db"), stress) as hurt:
        felt(hurt)
        assert ask(shop, "select 1")[0] == "1"
    with hurting("memory_stress", shop.target("db"), {"size": "64MB"}) as hurt:
        felt(hurt)
        assert ask(shop, "select 1")[0] == "1"
