"""Cgroups of both versions, on made-up trees with the kernel's own file names."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos_engine.helper import cgroup
from chaos_engine.helper.cgroup import Group, GroupError

ID = "5ad7541567c2d4c815e0d2af917a8d63f7a7bf18d7f46504455df58b5a4677f7"
FIRST = {
    "cpu": {
        "cpu.cfs_quota_us": "-1",
        "cpu.cfs_period_us": "100000",
        "cpu.stat": "nr_periods 9\nnr_throttled 4\nthrottled_time 2500000000",
    },
    "memory": {
        "memory.limit_in_bytes": "9223372036854771712",
        "memory.usage_in_bytes": "50000000",
        "memory.failcnt": "7",
        "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2",
        "memory.stat": "cache 1\ntotal_cache 30000000\ntotal_shmem 10000000",
    },
    "blkio": {},
    "cpuacct": {},
}
SECOND = {
    "cpu.max": "max 100000",
    "cpu.stat": "usage_usec 1\nnr_periods 9\nnr_throttled 4\nthrottled_usec 2500000",
    "memory.max": "max",
    "memory.current": "50000000",
    "memory.events": "low 0\nhigh 0\nmax 7\noom 1\noom_kill 2",
    "memory.stat": "anon 1\nfile 30000000\nshmem 10000000",
}


def first(root: Path, place: str = f"docker/{ID}", cpu: str = "cpu") -> Group:
    for controller, files in FIRST.items():
        _fill(root / (cpu if controller == "cpu" else controller) / place, files)
    return Group(ID, root)


def second(root: Path, place: str = f"system.slice/docker-{ID}.scope") -> Group:
    _fill(root / place, SECOND)
    (root / "cgroup.controllers").write_text("cpu memory io")
    return Group(ID, root)


def _fill(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, text in {**files, "cgroup.procs": ""}.items():
        (folder / name).write_text(text + "\n")


@pytest.fixture(params=["first", "second"])
def group(request: pytest.FixtureRequest, tmp_path: Path) -> Group:
    return first(tmp_path) if request.param == "first" else second(tmp_path)


def test_no_limit_at_first_then_one_then_none_again(group: Group) -> None:
    assert cgroup.cpu_limit(group) == (None, 100_000)
    cgroup.set_cpu_limit(group, 10_000, 100_000)
    assert cgroup.cpu_limit(group) == (10_000, 100_000)
    cgroup.set_cpu_limit(group, None, 100_000)
    assert cgroup.cpu_limit(group) == (None, 100_000)
    assert cgroup.memory_limit(group) is None
    cgroup.set_memory_limit(group, 64 << 20)
    assert cgroup.memory_limit(group) == 64 << 20
    cgroup.set_memory_limit(group, None)
    text = cgroup.memory_file(group).read_text()
    assert text == ("max" if group.unified else "-1")  # what that kernel takes as "no limit"


def test_a_period_of_its_own_is_kept(group: Group) -> None:
    cgroup.set_cpu_limit(group, 5_000, 50_000)
    assert cgroup.cpu_limit(group) == (5_000, 50_000)


def test_what_both_count_means_the_same(group: Group) -> None:
    assert cgroup.throttled(group) == (4, 2.5)
    assert cgroup.refused(group) == 7
    assert cgroup.oom_kills(group) == 2
    assert cgroup.memory_used(group) == 50_000_000
    assert cgroup.memory_firm(group) == 30_000_000  # less the cached files that are no shared memory


def test_a_process_enters_every_tree_in_which_something_is_counted(group: Group) -> None:
    cgroup.enter(group)
    entered = [path for path in group.root.rglob("cgroup.procs") if path.read_text() == "0"]
    assert len(entered) == (1 if group.unified else 4)


@pytest.mark.parametrize(
    "place",
    [f"docker/{ID}", f"system.slice/docker-{ID}.scope", f"own.slice/deep/docker-{ID}.scope", f"own/{ID}"],
)
def test_it_is_found_wherever_the_driver_has_put_it(tmp_path: Path, place: str) -> None:
    assert second(tmp_path / "2", place).folder("") == tmp_path / "2" / place
    assert first(tmp_path / "1", place).folder("memory") == tmp_path / "1/memory" / place


def test_two_controllers_may_share_a_tree(tmp_path: Path) -> None:
    assert cgroup.throttled(first(tmp_path, cpu="cpu,cpuset"))[0] == 4


def test_another_containers_cgroup_is_never_taken(tmp_path: Path) -> None:
    second(tmp_path)
    with pytest.raises(GroupError, match="container ffffffffffff has no cgroup: it does not run"):
        Group("f" * 64, tmp_path).folder("cpu")


def test_what_a_kernel_lacks_is_named(tmp_path: Path) -> None:
    second(tmp_path / "2")
    (tmp_path / "2/system.slice" / f"docker-{ID}.scope" / "cpu.max").unlink()
    with pytest.raises(GroupError, match=r"no cpu\.max for it: the controller cpu is not on"):
        cgroup.cpu_limit(Group(ID, tmp_path / "2"))
    with pytest.raises(GroupError, match="no cgroup controller pids"):
        first(tmp_path / "1").folder("pids")


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GroupError, match=r"memory\.max cannot be written by helpers of this Engine"):
        cgroup.check_writable(tmp_path / "memory.max")


def test_units() -> None:
    assert cgroup.quota_of(0.1, 100_000) == 10_000
    assert cgroup.quota_of(2, 50_000) == 100_000
    assert cgroup.quota_of(0.001, 100_000) == cgroup.LEAST_QUOTA
    assert cgroup.pages(4096 * 10 + 1) == 4096 * 10
    assert cgroup.pages(None) is None
