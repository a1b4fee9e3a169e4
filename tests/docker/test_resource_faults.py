"""Resource faults on a real Engine: what a container has gets less, and is as before afterwards."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from chaos_engine.model import Observation
from scenarios.container import Restart
from scenarios.helper import clear_helpers, start
from scenarios.selection import RefusedError
from scenarios.strays import stray_helpers
from tests.docker.small import Hurt, Project, comparable, docker, helpers, hurting, prepared, project

pytestmark = pytest.mark.docker
COMPOSE = """
services:
  web:
    image: python:3.13-slim
    command: [python, -u, -m, http.server, "8000", --directory, /tmp]
    init: true
    cpus: 0.8
    mem_limit: 128m
    memswap_limit: 128m
    restart: unless-stopped
    stop_grace_period: 1s
    tmpfs: ["/scratch:size=32m"]
    volumes: ["data:/data"]
  pool:
    image: python:3.13-slim
    command: [sh, -c, "while :; do sleep 1001; done"]
    user: "1234"
    cpus: 0.3
    stop_grace_period: 1s
  client:
    image: python:3.13-slim
    command: [sleep, infinity]
    init: true
    stop_grace_period: 1s
    volumes: ["data:/data"]  # so that it is still there when the other one is not
volumes:
  data: {driver_opts: {type: tmpfs, device: tmpfs, o: "size=32m"}}
"""
# What the kernel shows of a container, from inside: its limits, its files, the names of its processes.
STATE = """
import json, pathlib
P = pathlib.Path
first = {"cpu": "cpu/cpu.cfs_quota_us", "memory": "memory/memory.limit_in_bytes"}
second = {"cpu": "cpu.max", "memory": "memory.max"}
names = second if P("/sys/fs/cgroup/cgroup.controllers").exists() else first
limits = {k: P("/sys/fs/cgroup", n).read_text().strip() for k, n in names.items()}
files = [sorted(map(str, P(f).iterdir())) for f in ("/tmp", "/scratch", "/data") if P(f).is_dir()]
alive = []
for path in P("/proc").glob("[0-9]*/stat"):
    name, rest = path.read_text().split("(", 1)[1].rsplit(")", 1)
    if rest.split()[0] not in "ZX" and int(path.parent.name) != __import__("os").getpid():
        alive.append(name)
print(json.dumps([limits, files, sorted(alive)]))
"""
BUSY = """
import time
ends = time.monotonic() + 2
while time.monotonic() < ends: pass
print(time.process_time())
"""
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


def run(small: Project, code: str, service: str = "web") -> str:
    return small.compose("exec", "-T", service, "python", "-c", code)


def state(small: Project, service: str = "web") -> Any:
    return json.loads(run(small, STATE, service))


def until(what: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not what():
        assert time.monotonic() < ends
        time.sleep(0.2)


def felt(hurt: Hurt) -> Any:
    until(lambda: hurt.observe().observation is Observation.FELT)
    return hurt.observe().details


def allocates(small: Project, megabytes: int) -> bool:
    """Whether a process of the container can have so much."""
    command = ["docker", "exec", small.container("web"), "python", "-c", f"b'x' * {megabytes}_000_000"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert done.returncode in (0, 137), done.stderr
    return done.returncode == 0


def writes(small: Project, folder: str, megabytes: int) -> str:
    code = (
        f"try:\n open('{folder}/own','wb').write(b'x'*{megabytes}_000_000); print('written')\n"
        "except OSError as e: print(e.strerror)\n"
        f"finally: __import__('os').unlink('{folder}/own')"
    )
    return run(small, code).strip()


# --- each of them -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAULTS)
def test_a_killed_helper_leaves_nothing_and_a_restart_does_what_is_declared(
    small: Project, name: str
) -> None:
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


def test_stress_counts_against_the_containers_own_limit(small: Project) -> None:
    with hurting("cpu_stress", small.target("pool"), {"cores": 2}) as hurt:
        # 0.3 CPUs for three: alone it has 0.6 s of two.
        assert float(run(small, BUSY, "pool")) < 0.45
        until(lambda: felt(hurt)["throttled_periods"] > 0)


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
    before = small.inspect("web")
    with hurting("memory_stress", small.target(), {"oom": True}) as hurt:
        told = felt(hurt)
        after = small.inspect("web")
        assert told.get("oom_kills") or told["died"] == [small.container("web")]
        assert after["RestartCount"] > before["RestartCount"] or after["State"]["Running"]
    small.compose("up", "--detach", "--wait")
    assert small.ask()[0] == "200"


def test_what_needs_a_limit_is_refused_where_there_is_none(small: Project) -> None:
    with pytest.raises(RefusedError, match="no memory limit: oom would hurt the whole machine"):
        prepared("memory_stress", small.target("pool"), {"oom": True})
    with pytest.raises(RefusedError, match="200MB are wanted"):
        prepared("memory_stress", small.target(), {"size": "200MB"})
    with pytest.raises(RefusedError, match="more than there are"):
        prepared("cpu_stress", small.target(), {"cores": 512})


# --- disk -------------------------------------------------------------------------------------------


def test_a_full_disk_is_full_until_it_is_cleared(small: Project) -> None:
    path = "/scratch"
    assert writes(small, path, 20) == "written"
    with hurting("disk_fill", small.target(), {"path": path, "leave": "5MB"}) as hurt:
        assert felt(hurt)["free_megabytes"] <= 5
        assert writes(small, path, 20) == "No space left on device"
    assert writes(small, path, 20) == "written"


def test_the_containers_own_layer_and_the_hosts_reserve(small: Project) -> None:
    free = int(run(small, "import os; s = os.statvfs('/tmp'); print(s.f_bavail * s.f_frsize)"))
    leave = free - 200_000_000
    with hurting("disk_fill", small.target(), {"leave": leave}) as hurt:
        [name] = [each for each in state(small)[1][0] if "/.chaos-engine-" in each]
        assert int(run(small, f"import os; print(os.stat('{name}').st_size)")) > 50e6
        docker("stop", "-t", "0", small.container("web"))  # its own processes are gone, and the file is not
        assert hurt.observe().observation is Observation.BLIND
    docker("start", small.container("web"))
    assert not any(".chaos-engine-" in each for each in state(small)[1][0])
    with pytest.raises(RefusedError, match="are the reserve; allowed: leave at least that"):
        prepared("disk_fill", small.target(), {"leave": "10MB"})


def test_a_volume_outlives_its_container_and_is_emptied_too() -> None:
    with project(COMPOSE) as made:
        made.compose("exec", "-T", "web", "mkdir", "/tmp/inner")
        hurt = prepared("disk_fill", made.target(), {"path": "/data", "leave": "5MB"})
        hurt.inject()
        docker("rm", "-f", made.container("web"))
        hurt.clear()
        assert helpers(hurt.fault.id) == []
        made.compose("up", "--detach", "--wait")
        assert state(made)[1][2] == []


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/none", "the container has no such folder"),
        ("/etc/passwd", "the container has no such folder"),
        ("/proc", "it is on no disk"),
        ("/tmp/out", "the container has no such folder"),
    ],
)
def test_a_path_that_is_no_folder_of_the_container_is_refused(small: Project, path: str, why: str) -> None:
    small.compose("exec", "-T", "web", "ln", "-sfn", "../../../../../opt/venv", "/tmp/out")
    try:
        with pytest.raises(RefusedError, match=why):
            prepared("disk_fill", small.target(), {"path": path, "percent": 99})
    finally:
        small.compose("exec", "-T", "web", "rm", "/tmp/out")


def test_a_disk_that_is_that_full_already_is_refused(small: Project) -> None:
    with (
        hurting("disk_fill", small.target(), {"path": "/scratch", "percent": 90}),
        pytest.raises(RefusedError, match=r"is 90\.\d% full already"),
    ):
        prepared("disk_fill", small.target(), {"path": "/scratch", "percent": 50})


# --- processes --------------------------------------------------------------------------------------


def test_a_process_dies_again_and_again(small: Project) -> None:
    with hurting("process_kill", small.target("pool"), {"pattern": "sleep 10+1", "every": "1s"}) as hurt:
        until(lambda: felt(hurt)["gone"] >= 3)
        assert small.inspect("pool")["State"]["Running"]


def test_no_such_process_and_the_main_one_are_refused(small: Project) -> None:
    with pytest.raises(RefusedError, match="no process is named 'nginx'; there are: sh, sleep"):
        prepared("process_kill", small.target("pool"), {"process": "nginx"})
    with pytest.raises(RefusedError, match="main process is named 'sh'; allowed: the scenario kill"):
        prepared("process_kill", small.target("pool"), {"process": "sh"})
