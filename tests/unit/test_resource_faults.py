"""What users write for resource faults; and the parts of them that need no Engine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from chaos_engine.helper import disk_fill, host_memory, inside
from chaos_engine.helper.inside import PlaceError, Room, resolved
from chaos_engine.helper.process_kill import NoProcessError, meant
from chaos_engine.helper.processes import Process, process
from scenarios.amounts import cpus_or_share, size_or_share
from scenarios.disk_scenarios import place_of
from scenarios.registry import load
from scenarios.resource_scenarios import cpu_quota

# --- what users write --------------------------------------------------------------------------------


def read(scenario: str, **parameters: Any) -> Any:
    return load()[scenario].parameters.model_validate(parameters)


@pytest.mark.parametrize(
    ("scenario", "parameters", "why"),
    [
        ("cpu_limit", {"cpus": 0}, "0 is no number of CPUs; allowed: 0.01 or more"),
        ("cpu_limit", {"cpus": "nan"}, "'nan' is no number of CPUs"),
        ("cpu_limit", {"cpus": "120%"}, "'120%' is no percentage; allowed: above 0%, at most 100%"),
        ("cpu_limit", {}, "Field required"),
        ("memory_limit", {"limit": "much"}, "'much' is no size; allowed: a size such as 64MB"),
        ("memory_limit", {"limit": True}, "True is no size"),
        ("memory_limit", {"limit": "0%"}, "'0%' is no percentage"),
        ("cpu_stress", {"load": 101}, "101 is no percentage"),
        ("cpu_stress", {"cores": 0}, "greater than or equal to 1"),
        ("cpu_stress", {"cores": 1, "core": 2}, "Extra inputs"),
        ("memory_stress", {}, "allowed: one of size: 64MB, percent: 90%, oom: true"),
        ("memory_stress", {"size": "1MB", "oom": True}, "allowed: one of size"),
        ("memory_stress", {"size": 0}, "0 is no size"),
        ("io_stress", {"workers": 65}, "less than or equal to 64"),
        ("disk_fill", {}, "allowed: one of percent: 95%, leave: 100MB"),
        ("disk_fill", {"percent": 101}, "101 is no percentage; allowed: above 0%, at most 100%"),
        ("disk_fill", {"percent": 90, "leave": 1}, "allowed: one of percent"),
        ("disk_fill", {"percent": 90, "path": "tmp"}, "'tmp' is no path in the container"),
        ("disk_fill", {"percent": 90, "path": "/tmp/../../etc"}, "has `..` in it"),
        ("disk_fill", {"leave": "-5MB"}, "'-5MB' is no size"),
        ("process_kill", {}, "allowed: one of process: nginx"),
        ("process_kill", {"pattern": "("}, "'(' is no regular expression"),
        ("process_kill", {"process": "a", "signal": "STOP"}, "Input should be 'KILL'"),
        ("process_kill", {"process": "a", "every": "10ms"}, "'10ms' is too often; allowed: 1s or more"),
    ],
)
def test_bad_parameters_are_refused_with_what_is_allowed(
    scenario: str, parameters: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        read(scenario, **parameters)
    assert why in str(caught.value)


def test_amounts_may_be_numbers_or_shares() -> None:
    assert cpus_or_share(" 50% ") == "50%"
    assert cpus_or_share("0.25") == 0.25
    assert size_or_share("64MB") == 64_000_000
    assert size_or_share("64MiB") == 64 << 20
    assert size_or_share("12.5%") == "12.5%"
    assert read("cpu_stress", load=80).load == read("cpu_stress", load="80%").load == 0.8
    assert read("disk_fill", leave=0).leave == 0
    assert read("process_kill", process="a", signal="SIGterm", every="5s").signal == "TERM"


@pytest.mark.parametrize(
    ("config", "quota"),
    [
        ({}, (None, 100_000)),
        ({"NanoCpus": 0, "CpuQuota": 0, "CpuPeriod": 0}, (None, 100_000)),
        ({"NanoCpus": 500_000_000}, (50_000, 100_000)),
        ({"CpuQuota": 25_000, "CpuPeriod": 50_000}, (25_000, 50_000)),
        ({"CpuQuota": -1, "CpuPeriod": 50_000}, (None, 50_000)),
    ],
)
def test_the_baseline_is_what_the_engine_gives(config: dict[str, int], quota: tuple[int | None, int]) -> None:
    assert cpu_quota(config) == quota


# --- folders of a container ----------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    inner = tmp_path / "root"
    (inner / "var/lib/data").mkdir(parents=True)
    (inner / "etc").mkdir()
    (inner / "etc/passwd").touch()
    (tmp_path / "outside").mkdir()
    for link, target in {
        "data": "/var/lib/data", "up": "../../../../outside", "far": str(tmp_path / "outside"),
        "var/here": "lib/../lib", "loop": "loop", "chain": "data",
    }.items():  # fmt: skip
        (inner / link).symlink_to(target)
    return inner


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("/", "/"), ("/var//lib/./", "/var/lib"), ("/data", "/var/lib/data"), ("/chain", "/var/lib/data"),
        ("/var/here/data", "/var/lib/data"),
    ],
)  # fmt: skip
def test_links_lead_where_the_container_means(root: Path, path: str, folder: str) -> None:
    assert resolved(path, root) == folder


@pytest.mark.parametrize("path", ["/up", "/far", "/etc/passwd", "/none", "/etc/passwd/x", "/loop"])
def test_links_never_lead_out_of_the_container(root: Path, path: str) -> None:
    with pytest.raises(PlaceError):
        resolved(path, root)


def test_the_larger_reserve_counts_unless_one_is_wanted() -> None:
    assert inside.reserve(None, 10_000_000_000) == 1_000_000_000
    assert inside.reserve(None, 100_000_000_000) == 5_000_000_000
    assert inside.reserve(0, 100_000_000_000) == 0


def test_a_kind_of_file_system_is_read_from_its_mount(tmp_path: Path) -> None:
    device = tmp_path.stat().st_dev
    mine = f"{os.major(device)}:{os.minor(device)}"
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        f"1 2 0:9999 / /x rw - overlay o rw\n3 2 {mine} / /y rw,noatime shared:5 - tmpfs t rw\n"
    )
    assert inside.kind(tmp_path, mounts) == "tmpfs"


def filler(root: Path, **spec: Any) -> disk_fill.Task:
    wanted = {"path": "/data", "name": ".chaos-engine-1", "share": None, "leave": None, "reserve": None}
    return disk_fill.Task({**wanted, "folder": "/var/lib/data", "root": str(root), **spec})


def test_the_file_has_the_size_that_leaves_what_was_asked(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inside, "kind", lambda place: "ext4")
    monkeypatch.setattr(inside, "room", lambda place: Room(100_000, 60_000))
    monkeypatch.setattr(inside, "RESERVE", 20_000)
    task = filler(root, share=0.7)
    assert task.check() == {"folder": "/var/lib/data"}
    task.apply()
    file = root / "var/lib/data/.chaos-engine-1"
    assert file.stat().st_size == 30_000
    task.apply()  # another helper takes it over
    assert task.look().present
    filler(root, share=0.7).undo()
    filler(root, share=0.7).undo()
    assert not file.exists()
    with pytest.raises(PlaceError, match="0MB are the reserve"):
        filler(root, share=0.9).check()
    filler(root, share=0.9, reserve=0).check()
    with pytest.raises(PlaceError, match=r"/data is 40\.0% full already"):
        filler(root, share=0.4).check()
    assert not file.exists()


def test_a_tenth_of_the_machines_memory_is_never_taken(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text(
        "MemTotal: 1000 kB\nMemFree: 5 kB\nMemAvailable: 400 kB\nHugePages_Total: 0\n"
    )
    assert host_memory.spare(tmp_path / "meminfo") == 300 * 1024


@pytest.mark.parametrize(
    ("folder", "place"),
    [
        ("/tmp", {"source": "/upper", "volume": "", "folder": "/tmp"}),
        ("/data/a", {"source": "/volumes/v", "volume": "v", "folder": "/a"}),
        ("/data", {"source": "/volumes/v", "volume": "v", "folder": "/"}),
        ("/database", {"source": "/upper", "volume": "", "folder": "/database"}),
        ("/data/deep/er", {"source": "/host", "volume": "", "folder": "/er"}),
        ("/scratch/a", None),
        ("/dev/shm", None),
    ],
)  # fmt: skip
def test_where_a_file_is_on_the_host_when_its_container_does_not_run(folder: str, place: Any) -> None:
    inspection = {
        "Mounts": [
            {"Type": "volume", "Name": "v", "Source": "/volumes/v", "Destination": "/data"},
            {"Type": "bind", "Source": "/host", "Destination": "/data/deep"},
        ],
        "HostConfig": {"Tmpfs": {"/scratch": "size=32m"}},
        "GraphDriver": {"Name": "overlay2", "Data": {"UpperDir": "/upper"}},
    }
    assert place_of(folder, inspection) == place


# --- processes -----------------------------------------------------------------------------------------


def there(pid: int, name: str, command: str, *, ended: bool = False) -> Process:
    return Process(pid, name, command, pid * 10, ended, 0)


THERE = [
    there(1, "postgres", "postgres -D /data"),
    there(7, "postgres", "postgres: checkpointer"),
    there(8, "a-very-long-name", "/usr/bin/a-very-long-name --x"),
    there(9, "python", "python -m chaos_engine.helper"),
    there(10, "worker", "worker", ended=True),
]


def test_processes_are_meant_by_name_or_by_command_line() -> None:
    assert [each.pid for each in meant(THERE, "postgres", None)] == [7]
    assert [each.pid for each in meant(THERE, None, "check.*er$")] == [7]
    assert [each.pid for each in meant(THERE, "a-very-long-name", None)] == [8]


@pytest.mark.parametrize(
    ("name", "pattern", "why"),
    [
        ("python", None, "no process is named 'python'; there are: a-very-long-name, postgres"),
        ("worker", None, "no process is named 'worker'"),
        (None, "-D /data", "only the container's main process has '-D /data' in its command line"),
    ],
)
def test_neither_helpers_nor_the_dead_nor_the_main_process(
    name: str | None, pattern: str | None, why: str
) -> None:
    with pytest.raises(NoProcessError) as caught:
        meant(THERE, name, pattern)
    assert why in str(caught.value)


def test_a_process_is_read_with_whatever_name_it_has(tmp_path: Path) -> None:
    folder = tmp_path / "12"
    folder.mkdir()
    fields = " ".join(str(number) for number in range(4, 53))
    (folder / "stat").write_text(f"12 (odd) ( name) Z {fields}\n")
    (folder / "cmdline").write_bytes(b"odd\0-x\0")
    found = process(12, tmp_path)
    assert found == Process(12, "odd) ( name", "odd -x", 22, ended=True, ticks=14 + 15)
    assert process(13, tmp_path) is None
