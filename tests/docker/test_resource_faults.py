"""Resource faults on a real Engine: what a container has gets less, and is as before afterwards."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chaos_engine.model import Observation
from scenarios.container import Restart
from scenarios.helper_container import start
from scenarios.helper_end import clear_helpers
from scenarios.selection import RefusedError
from scenarios.strays import stray_helpers
from tests.docker.resources import BUSY, COMPOSE, felt, run, state, until
from tests.docker.small import Hurt, Project, comparable, docker, helpers, hurting, prepared, project

pytestmark = pytest.mark.docker
FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "cpu_limit": ("web", {"cpus": 0.1}),
    "memory_limit": ("web", {"limit": "60MB"}),
    "cpu_stress": ("web", {"load": "30%"}),
    "memory_stress": ("web", {"size": "50MB"}),
    "io_stress": ("web", {"path": "/scratch", "size": "4MB", "rate": "8MB"}),
    "disk_fill": ("web", {"path": "/data", "percent": "90%"}),
    "process_kill": ("pool", {"process": "sleep"}),
}


@pytest.fixture(scope="module")
def small() -> Iterator[Project]:
    with project(COMPOSE) as made:
        yield made


def allocates(small: Project, megabytes: int) -> bool:
    """Whether a process of the container can have so much."""
    command = ["docker", "exec", small.container("web"), "python", "-c", f"b'x' * {megabytes}_000_000"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert done.returncode in (0, 137), done.stderr
    return done.returncode == 0


# --- each of them -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAULTS)
def test_killed_helpers_leave_nothing_and_restarts_do_what_is_declared(small: Project, name: str) -> None:
    service, parameters = FAULTS[name]
    before, inspection = state(small, service), small.inspect(service)
    hurt = prepared(name, small.target(service), parameters, hold=120.0)
    hurt.clear()  # it was never in
    try:
        hurt.inject()
        if not name.endswith("_limit"):  # of those, nobody meets one without work
            felt(hurt)
        if name != "process_kill":
            assert state(small, service) != before
        docker("kill", *helpers(hurt.fault.id))
        hurt.clear()
        hurt.clear()
        assert helpers(hurt.fault.id) == []
        assert state(small, service) == before
        hurt.inject()
        _restarted(small, service, hurt, before)
    finally:
        hurt.clear()
    assert state(small, service) == before
    assert comparable(small.inspect(service)) == comparable(inspection)


def _restarted(small: Project, service: str, hurt: Hurt, before: Any) -> None:
    docker("restart", "-t", "0", small.container(service))
    declared = hurt.scenario.restart  # type: ignore[attr-defined]
    assert (state(small, service) == before) is (declared is Restart.HEALS)
    seen = hurt.observe()
    assert seen.again is (declared is Restart.NOTHING)
    assert seen.observation is (Observation.BLIND if seen.again else Observation.GONE)
    if seen.again:  # another helper takes it over, so that it has an end again
        hurt.inject()
        felt(hurt)


def test_a_helper_that_only_looked_is_swept(small: Project) -> None:
    hurt = prepared("cpu_limit", small.target(), {"cpus": 0.1})
    ask = replace(hurt.fault, id=f"ask-{hurt.fault.id}", owner="")
    name = start(ask, hurt.fault.undo["helpers"][0], hurt.world, order="ask")
    containers, now = hurt.world.containers, hurt.world.clock.now()
    assert ask.id not in [each.id for each in stray_helpers(containers, "me", [], now)]  # it may be at work
    late = stray_helpers(containers, "me", [], now.plus(60))
    clear_helpers(next(each for each in late if each.id == ask.id), hurt.world)
    assert containers.inspect(name) is None


# --- limits -----------------------------------------------------------------------------------------


def test_a_tenth_of_a_cpu_is_a_tenth(small: Project) -> None:
    with hurting("cpu_limit", small.target(), {"cpus": 0.1}) as hurt:
        assert float(run(small, BUSY)) < 0.5
        assert felt(hurt)["throttled_periods"] > 0
    assert state(small)[0]["cpu"].split()[0] == "80000"


def test_a_share_is_of_what_the_container_has(small: Project) -> None:
    with hurting("cpu_limit", small.target(), {"cpus": "50%"}):
        assert state(small)[0]["cpu"].split()[0] == "40000"
    with hurting("cpu_limit", small.target("client"), {"cpus": 0.5}):
        assert state(small, "client")[0]["cpu"].split()[0] == "50000"
    assert state(small, "client")[0]["cpu"].split()[0] in ("-1", "max")
    with hurting("memory_limit", small.target(), {"limit": "50%"}):
        assert state(small)[0]["memory"] == str(64 << 20)


def test_with_less_memory_what_could_be_had_cannot(small: Project) -> None:
    assert allocates(small, 80)
    with hurting("memory_limit", small.target(), {"limit": "60MB"}) as hurt:
        assert not allocates(small, 80)
        assert felt(hurt)["oom_kills"] > 0
        assert small.ask()[0] == "200"
    assert allocates(small, 80)


def test_a_helper_that_looks_first_refuses_what_would_kill(small: Project) -> None:
    with pytest.raises(RefusedError, match="in use and cannot be taken back"):
        prepared("memory_limit", small.target(), {"limit": "5MB"})
    with pytest.raises(RefusedError, match=r"has 0\.8 CPUs; allowed: less than that, not 2"):
        prepared("cpu_limit", small.target(), {"cpus": 2})


# --- stress -----------------------------------------------------------------------------------------


def used(small: Project, service: str) -> float:
    """Seconds of CPU time that the kernel has counted for the container."""
    code = "cd /sys/fs/cgroup; cat cpuacct/cpuacct.usage 2>/dev/null || grep usage_usec cpu.stat"
    told = small.compose("exec", "-T", service, "sh", "-c", code).split()
    return int(told[-1]) / (1e9 if len(told) == 1 else 1e6)


def test_stress_counts_against_the_containers_own_limit(small: Project) -> None:
    before = used(small, "pool")
    with hurting("cpu_stress", small.target("pool"), {"cores": 2}, hold=60):
        # 0.3 CPUs for three: alone it has 0.6 s of two.
        assert float(run(small, BUSY, "pool")) < 0.45
        until(lambda: used(small, "pool") > before + 1.5)


def test_half_a_load_leaves_the_other_half(small: Project) -> None:
    with hurting("cpu_stress", small.target(), {"load": "20%"}) as hurt:
        began = time.monotonic()
        time.sleep(2)
        used = felt(hurt)["cpu_seconds"]
        assert used <= 0.25 * (time.monotonic() - began + 2)


def test_memory_that_is_taken_is_missing_and_comes_back(small: Project) -> None:
    assert allocates(small, 80)
    with hurting("memory_stress", small.target(), {"percent": "70%"}) as hurt:
        felt(hurt)
        # The kernel kills the worker before anybody of the victim's, and that is seen.
        assert allocates(small, 80)
        assert small.ask()[0] == "200"
        until(lambda: hurt.observe().observation is Observation.GONE)
    assert allocates(small, 80)


def test_up_to_the_killing_of_the_container(small: Project) -> None:
    before = small.inspect("web")["RestartCount"]
    with hurting("memory_stress", small.target(), {"oom": True}) as hurt:
        until(lambda: small.inspect("web")["RestartCount"] > before)
        assert felt(hurt)["died"] == [small.container("web")]
    small.compose("up", "--detach", "--wait")
    assert small.ask()[0] == "200"


def test_what_needs_a_limit_is_refused_where_there_is_none(small: Project) -> None:
    with pytest.raises(RefusedError, match="no memory limit: oom would hurt the whole machine"):
        prepared("memory_stress", small.target("pool"), {"oom": True})
    with pytest.raises(RefusedError, match="200MB are wanted"):
        prepared("memory_stress", small.target(), {"size": "200MB"})
    with pytest.raises(RefusedError, match="more than there are"):
        prepared("cpu_stress", small.target(), {"cores": 512})
