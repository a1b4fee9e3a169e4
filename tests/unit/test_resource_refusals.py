"""What the Engine's own inspection says against a resource fault: refused before a helper is made."""

from __future__ import annotations

from random import Random
from typing import Any, cast

import pytest

from chaos_engine.adapters.clock import SystemClock
from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.containers import Containers
from chaos_engine.ports import World
from scenarios.container import Victim
from scenarios.registry import load
from scenarios.selection import RefusedError

WEB = Victim("f" * 64, "web", "", 100)


class Engine:
    """Knows one container, by its HostConfig."""

    def __init__(self, config: dict[str, Any], security: list[str]) -> None:
        self.config, self.security = config, security

    def inspect(self, container: str) -> dict[str, Any]:
        return {"Id": container, "HostConfig": self.config}

    def engine(self) -> dict[str, Any]:
        return {"NCPU": 2, "SecurityOptions": self.security}


def world(config: dict[str, Any], security: list[str] | None = None) -> World:
    containers = cast("Containers", Engine(config, security or []))
    return World(StateFiles(), SystemClock(), containers=containers)


def spec(name: str, config: dict[str, Any], **parameters: Any) -> Any:
    scenario: Any = load()[name]
    wanted = scenario.parameters.model_validate(parameters)
    return scenario.spec(WEB, wanted, Random(1), world(config))


def test_a_limit_is_less_than_there_was_and_what_there_was_is_kept() -> None:
    free = spec("cpu_limit", {}, cpus="25%")
    assert (free["cpus"], free["was"]) == (0.5, {"quota": None, "period": 100_000})
    tight = spec("cpu_limit", {"NanoCpus": 500_000_000}, cpus="50%")
    assert (tight["cpus"], tight["was"]) == (0.25, {"quota": 50_000, "period": 100_000})
    memory = spec("memory_limit", {"Memory": 100_000_000}, limit="50%")
    assert (memory["limit"], memory["share"], memory["was"]) == (50_000_000, None, 100_000_000)
    unlimited = spec("memory_limit", {"Memory": 0}, limit="50%")
    assert (unlimited["limit"], unlimited["share"], unlimited["was"]) == (None, 0.5, None)


@pytest.mark.parametrize(
    ("name", "config", "parameters", "why"),
    [
        ("cpu_limit", {}, {"cpus": 2}, "web has 2 CPUs; allowed: less than that, not 2"),
        ("cpu_limit", {"NanoCpus": 10**8}, {"cpus": "100%"}, r"web has 0\.1 CPUs; allowed: less"),
        ("memory_limit", {"Memory": 10**8}, {"limit": "100MB"}, "web has 100MB; allowed: less than that"),
        ("memory_limit", {}, {"limit": "1MB"}, "limit would be 1MB; allowed: 4MB or more"),
        ("cpu_stress", {}, {"cores": 3}, "cores: 3 is more than there are; allowed: 1 to 2"),
        ("memory_stress", {}, {"oom": True}, "web has no memory limit: oom would hurt the whole machine"),
        ("memory_stress", {}, {"percent": 50}, "no memory limit: percent would hurt"),
        ("cpu_stress", {"PidMode": "host"}, {}, r"no process namespace of its own \(pid: host\)"),
        ("io_stress", {"PidMode": "container:x"}, {}, r"of its own \(pid: container:x\)"),
        ("disk_fill", {"PidMode": "host"}, {"percent": 90}, "no process namespace of its own"),
        ("process_kill", {"PidMode": "host"}, {"process": "init"}, "no process namespace of its own"),
    ],
)
def test_it_is_refused(name: str, config: dict[str, Any], parameters: dict[str, Any], why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        spec(name, config, **parameters)


@pytest.mark.parametrize("name", ["cpu_limit", "disk_fill", "process_kill"])
def test_a_rootless_engine_is_refused_by_name(name: str) -> None:
    scenario: Any = load()[name]
    with pytest.raises(RefusedError, match="this Engine is rootless"):
        scenario.plan((WEB,), None, Random(1), world({}, ["name=seccomp", "name=rootless"]))
