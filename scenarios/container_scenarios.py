"""The container itself, through the Docker Engine: nothing in it needs to know."""

from __future__ import annotations

from random import Random
from typing import Any, ClassVar

from chaos_engine.containers import ContainerError
from chaos_engine.model import Fault, Observation, Seen
from chaos_engine.ports import World
from scenarios.base import Parameters, Preparation
from scenarios.container import ContainerScenario, Restart, Victim, victims_of


class Pause(ContainerScenario):
    """All processes stand still: connections are accepted by the kernel, and nobody answers."""

    name = "pause"
    parameters: ClassVar[type[Parameters]] = Parameters
    restart = Restart.HEALS

    def plan(self, victims: tuple[Victim, ...], parameters: Any, rng: Random, world: World) -> Preparation:
        """The undo is to let them go on."""
        del victims, parameters, rng, world
        return Preparation({}, {}, ())

    def inject(self, fault: Fault, world: World) -> None:
        """Pause each; one that is paused already stays so."""
        for victim in victims_of(fault):
            try:
                world.containers.pause(victim.id)
            except ContainerError as error:
                if not (error.conflict and "already paused" in str(error)):
                    raise

    def observe(self, fault: Fault, world: World) -> Seen:
        """The Engine says which of them are paused."""
        paused = [victim.name for victim in victims_of(fault) if _is_paused(victim, world)]
        return Seen(Observation.FELT if paused else Observation.GONE)

    def clear(self, fault: Fault, world: World) -> None:
        """Let them go on; one that was restarted, or has vanished, does."""
        for victim in victims_of(fault):
            if _is_paused(victim, world):
                world.containers.unpause(victim.id)
            if _is_paused(victim, world):
                raise RuntimeError(f"{victim.name} is still paused")


def _is_paused(victim: Victim, world: World) -> bool:
    found = world.containers.inspect(victim.id)
    return found is not None and bool(found["State"]["Paused"])
