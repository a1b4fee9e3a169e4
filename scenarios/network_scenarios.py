"""The network of a container, made worse in its own network namespace by a helper."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, ClassVar, Literal

from chaos_engine.ports import World
from scenarios.base import Parameters
from scenarios.container import Restart, Victim
from scenarios.helper import HelperParameters, HelperScenario, Surface
from scenarios.selection import RefusedError

DIRECTIONS = Literal["both", "in", "out"]


class PartitionParameters(HelperParameters):
    """`direction`: which packets are lost, as the container sees them."""

    direction: DIRECTIONS = "both"


class Partition(HelperScenario):
    """Packets are dropped: nobody is told, so connections hang until somebody gives up."""

    name = "partition"
    parameters: ClassVar[type[Parameters]] = PartitionParameters
    restart = Restart.HEALS
    work = "partition"

    def surface(self, parameters: Any) -> Surface:
        """Packet filters of its network namespace."""
        del parameters
        return Surface(network=True, capabilities=("NET_ADMIN", "NET_RAW"))

    def spec(self, victim: Victim, parameters: Any, rng: Random, world: World) -> Mapping[str, Any]:
        """RefusedError: it is in the host's network."""
        del rng, world
        if not victim.netns:
            raise RefusedError(f"{victim.name} is in the host's network: the whole machine would be hurt")
        return {"direction": parameters.direction}
