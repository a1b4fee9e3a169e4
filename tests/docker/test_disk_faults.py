"""Full disks and killed processes on a real Engine; and paths and names that are refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chaos_engine.model import Observation
from scenarios.selection import RefusedError
from tests.docker.resources import COMPOSE, felt, run, state, until
from tests.docker.small import Project, docker, helpers, hurting, prepared, project

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def small() -> Iterator[Project]:
    with project(COMPOSE) as made:
        yield made


def writes(small: Project, folder: str, megabytes: int) -> str:
    code = (
        f"try:\n open('{folder}/own','wb').write(b'x'*{megabytes}_000_000); print('written')\n"
        "except OSError as e: print(e.strerror)\n"
        f"finally: __import__('os').unlink('{folder}/own')"
    )
    return run(small, code).strip()


# --- disk -------------------------------------------------------------------------------------------


def test_a_full_disk_is_full_until_it_is_cleared(small: Project) -> None:
    path = "/scratch"
    assert writes(small, path, 20) == "written"
    with hurting("disk_fill", small.target(), {"path": path, "leave": "5MB"}) as hurt:
        assert felt(hurt)["free_megabytes"] <= 5
        assert writes(small, path, 20) == "No space left on device"
        assert hurt.scenario.is_left(hurt.fault, hurt.world)
    assert writes(small, path, 20) == "written"
    assert not hurt.scenario.is_left(hurt.fault, hurt.world)  # else a janitor clears it all over again


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
