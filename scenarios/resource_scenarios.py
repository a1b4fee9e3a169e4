"""A container gets less than it had: limits, written into its cgroup by a helper.

Not through the Engine's API: that cannot put "unlimited" back. So what the Engine says of the container
stays as it was, and is what is put back.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, ClassVar

from chaos_engine.ports import World
from scenarios.amounts import CpusOrShare, SizeOrShare, is_share, percent, shown
from scenarios.asking import AskingScenario, host_config
from scenarios.base import Parameters
from scenarios.container import Restart, Victim
from scenarios.helper import HelperParameters
from scenarios.helper_container import Surface
from scenarios.selection import RefusedError

PERIOD = 100_000  # µs, where nobody asked for another one
LEAST_MEMORY = 4_000_000  # bytes; below that the Engine itself could not run anything in it


class CpuLimitParameters(HelperParameters):
    """`cpus`: so many (0.1), or a percentage of what it may use."""

    cpus: CpusOrShare


class CpuLimit(AskingScenario):
    """It gets less CPU time: everything that it does takes longer."""

    name = "cpu_limit"
    parameters: ClassVar[type[Parameters]] = CpuLimitParameters
    restart = Restart.HEALS  # a container that is started gets a new cgroup
    work = "cpu_limit"

    def surface(self, parameters: Any) -> Surface:
        """The cgroup's files."""
        del parameters
        return Surface(cgroup=True)

    def spec(self, victim: Victim, parameters: Any, rng: Random, world: World) -> Mapping[str, Any]:
        """RefusedError: it has no more already."""
        del rng
        config = host_config(victim, world.containers)
        quota, period = cpu_quota(config)
        has = quota / period if quota is not None else float(world.containers.engine()["NCPU"])
        asked = parameters.cpus
        cpus = percent(asked) * has if is_share(asked) else float(asked)
        if cpus >= has:
            raise RefusedError(f"{victim.name} has {has:g} CPUs; allowed: less than that, not {cpus:g}")
        return {"container": victim.id, "cpus": cpus, "was": {"quota": quota, "period": period}}


class MemoryLimitParameters(HelperParameters):
    """`limit`: bytes (64MB), or a percentage of its own limit; of one without any, of what it uses now."""

    limit: SizeOrShare


class MemoryLimit(AskingScenario):
    """It may use less memory: caches shrink first, then the kernel kills."""

    name = "memory_limit"
    parameters: ClassVar[type[Parameters]] = MemoryLimitParameters
    restart = Restart.HEALS
    work = "memory_limit"

    def surface(self, parameters: Any) -> Surface:
        """The cgroup's files."""
        del parameters
        return Surface(cgroup=True)

    def spec(self, victim: Victim, parameters: Any, rng: Random, world: World) -> Mapping[str, Any]:
        """RefusedError: it has no more already, or it could do nothing with so little."""
        del rng
        has = int(host_config(victim, world.containers).get("Memory") or 0) or None
        asked = parameters.limit
        spec = {"container": victim.id, "was": has, "share": None, "limit": None}
        if is_share(asked) and has is None:
            return {**spec, "share": percent(asked)}
        limit = round(percent(asked) * (has or 0)) if is_share(asked) else int(asked)
        if limit < LEAST_MEMORY:
            raise RefusedError(f"limit would be {shown(limit)}; allowed: {shown(LEAST_MEMORY)} or more")
        if has is not None and limit >= has:
            raise RefusedError(f"{victim.name} has {shown(has)}; allowed: less than that, not {shown(limit)}")
        return {**spec, "limit": limit}


def cpu_quota(config: Mapping[str, Any]) -> tuple[int | None, int]:
    """Quota (None: no limit) and period in µs that the Engine gives a container with this HostConfig."""
    period = int(config.get("CpuPeriod") or 0) or PERIOD
    if nano := int(config.get("NanoCpus") or 0):
        return nano * period // 10**9, period
    quota = int(config.get("CpuQuota") or 0)
    return (quota if quota > 0 else None), period
