"""Something uses what a container has: its CPU time, its memory, its disk."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Annotated, Any, ClassVar

from pydantic import Field, StrictBool, model_validator

from chaos_engine.model import Fault, Observation, Seen
from chaos_engine.ports import World
from scenarios.amounts import Percent, Size
from scenarios.asking import host_config
from scenarios.base import Parameters
from scenarios.container import Victim, victims_of
from scenarios.helper import HelperParameters
from scenarios.helper_container import Surface
from scenarios.paths import Path
from scenarios.selection import RefusedError
from scenarios.stress import StressScenario


class CpuStressParameters(HelperParameters):
    """`cores`: how many are kept busy; `load`: a percentage of each."""

    cores: int = Field(1, ge=1, strict=True)
    load: Percent = 1.0


class CpuStress(StressScenario):
    """Its processes have to share their CPU time."""

    name = "cpu_stress"
    parameters: ClassVar[type[Parameters]] = CpuStressParameters
    work = "cpu_stress"

    def spec(self, victim: Victim, parameters: Any, rng: Random, world: World) -> Mapping[str, Any]:
        """RefusedError: there are not so many cores."""
        there = int(world.containers.engine()["NCPU"])
        if parameters.cores > there:
            raise RefusedError(f"cores: {parameters.cores} is more than there are; allowed: 1 to {there}")
        own = super().spec(victim, parameters, rng, world)
        return {**own, "cores": parameters.cores, "load": parameters.load}


class MemoryStressParameters(HelperParameters):
    """`size` that is taken; `percent` of its limit, in use then; or `oom: true`: until the kernel kills."""

    size: Size | None = None
    percent: Percent | None = None
    oom: StrictBool = False

    @model_validator(mode="after")
    def _one_of_them(self) -> MemoryStressParameters:
        if [self.size is not None, self.percent is not None, self.oom].count(True) != 1:
            raise ValueError("allowed: one of size: 64MB, percent: 90%, oom: true")
        return self


class MemoryStress(StressScenario):
    """Its memory is in use. With `oom` the kernel kills one of its processes, and never the helper."""

    name = "memory_stress"
    parameters: ClassVar[type[Parameters]] = MemoryStressParameters
    work = "memory_stress"

    def spec(self, victim: Victim, parameters: Any, rng: Random, world: World) -> Mapping[str, Any]:
        """RefusedError: it has no limit, and one is needed."""
        limit = int(host_config(victim, world.containers).get("Memory") or 0) or None
        if limit is None and parameters.size is None:
            asked = "oom" if parameters.oom else "percent"
            raise RefusedError(
                f"{victim.name} has no memory limit: {asked} would hurt the whole machine; allowed: size"
            )
        wanted = {"size": parameters.size, "share": parameters.percent, "oom": parameters.oom}
        return {**super().spec(victim, parameters, rng, world), **wanted, "limit": limit}

    def observe(self, fault: Fault, world: World) -> Seen:
        """A victim that died of it takes the helper with it: that is the effect."""
        seen = super().observe(fault, world)
        if not fault.parameters["oom"] or seen.observation is not Observation.GONE or seen.again:
            return seen
        died = [victim.name for victim in victims_of(fault) if _died(victim, world)]
        return Seen(Observation.FELT, details={**seen.details, "died": died}) if died else seen


def _died(victim: Victim, world: World) -> bool:
    found = world.containers.inspect(victim.id)
    if found is None:
        return False
    state = found["State"]
    return bool(state["OOMKilled"]) or not state["Running"] or state["StartedAt"] != victim.started_at


class IoStressParameters(HelperParameters):
    """`path`: a folder of the container; `workers` that write and sync; `rate` in bytes per second of all.

    `size`: of each one's file, which is written over and over.
    """

    path: Path = "/tmp"  # noqa: S108
    workers: Annotated[int, Field(ge=1, le=64, strict=True)] = 1
    rate: Size | None = None
    size: Size = 64_000_000


class IoStress(StressScenario):
    """Its disk is busy. The file has no name while it is written: it is gone, however this ends."""

    name = "io_stress"
    parameters: ClassVar[type[Parameters]] = IoStressParameters
    work = "io_stress"

    def surface(self, parameters: Any) -> Surface:
        """Its files too, whoever they belong to."""
        del parameters
        return Surface(pid="victim", cgroup=True, capabilities=("SYS_PTRACE", "DAC_OVERRIDE"))

    def spec(self, victim: Victim, parameters: Any, rng: Random, world: World) -> Mapping[str, Any]:
        """What is written where."""
        own = {"path": parameters.path, "workers": parameters.workers, "size": parameters.size}
        rate = parameters.rate / parameters.workers if parameters.rate else None
        return {**super().spec(victim, parameters, rng, world), **own, "rate": rate}
