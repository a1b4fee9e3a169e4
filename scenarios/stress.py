"""What the scenarios have in common that use up what a container has.

The helper is in the container's process namespace and ends with it; its workers are in the container's
cgroup, and count against its limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from chaos_engine.ports import World
from scenarios.asking import AskingScenario, own_processes
from scenarios.container import Restart, Victim
from scenarios.helper_container import Surface


class StressScenario(AskingScenario):
    """Workers in the victim's cgroup, known by a name of their own."""

    restart = Restart.HEALS  # the helper is in its process namespace, and ends with that

    def surface(self, parameters: Any) -> Surface:
        """Its processes' namespace, and its cgroup."""
        del parameters
        return Surface(pid="victim", cgroup=True)

    def spec(self, victim: Victim, parameters: Any, rng: Random, world: World) -> Mapping[str, Any]:
        """RefusedError: it is not alone in its process namespace."""
        del parameters
        own_processes(victim, world.containers)
        return {"container": victim.id, "name": f"chaos-{rng.getrandbits(32):08x}"}
