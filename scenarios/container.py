"""What the scenarios have in common that hurt containers through the Docker Engine."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any, ClassVar

from chaos_engine.containers import PROJECT, Container, Containers
from chaos_engine.model import Fault, Target
from chaos_engine.ports import World
from scenarios.base import Preparation, Scenario
from scenarios.selection import RefusedError, chosen, meant

PATIENCE = 6.0  # seconds: containers take their time to stop and to start


class Restart(StrEnum):
    """What restarting the hurt container does to the fault."""

    HEALS = "heals"
    NOTHING = "no effect"
    WORSE = "worse"


@dataclass(frozen=True, slots=True)
class Victim:
    """One container that is hurt, as it was before. It is in `fault.undo["victims"]` as a mapping."""

    id: str
    name: str
    started_at: str  # the Engine's own text: another one means that it was restarted
    pid: int  # of its main process, on the host
    netns: str = ""  # id of the container whose network namespace it is in; empty: the host's


class ContainerScenario(Scenario):
    """Chooses its victims when it prepares; they are in the fault's undo."""

    restart: ClassVar[Restart]

    def refusal(self, target: Target) -> str | None:
        """It needs a container."""
        if target.containers is not None:
            return None
        return (
            f"target {target.name!r} names no container; allowed: with compose_service, container or labelled"
        )

    def prepare(self, target: Target, parameters: Any, rng: Random, world: World) -> Preparation:
        """RefusedError: no such container, none that may be hurt, or the scenario cannot hurt it."""
        victims = self.choose(target, rng, world.containers)
        own = self.plan(victims, parameters, rng, world)
        undo = {"victims": [as_mapping(victim) for victim in victims], **own.undo}
        return Preparation(own.parameters, undo, (*occupied(victims), *own.resources), PATIENCE)

    def choose(self, target: Target, rng: Random, containers: Containers) -> tuple[Victim, ...]:
        """The containers that are hurt. RefusedError: none."""
        found = found_for(target, containers)
        assert target.containers is not None  # noqa: S101 - refusal() has seen to it
        picked = chosen(found, target.containers, self.name, containers.own(), rng)
        return tuple(victim_of(each.id, containers) for each in picked)

    @abstractmethod
    def plan(self, victims: tuple[Victim, ...], parameters: Any, rng: Random, world: World) -> Preparation:
        """What will be done to these, and what else undoes it. RefusedError: it cannot be done to them."""

    def preflight(self, target: Target, parameters: Any, world: World) -> str | None:
        """The refusal that preparing would meet now."""
        try:
            self.prepare(target, parameters, Random(0), world)  # noqa: S311
        except RefusedError as error:
            return str(error)
        return None


def found_for(target: Target, containers: Containers) -> tuple[Container, ...]:
    """The containers that a target means, in whatever state. RefusedError: none."""
    assert target.containers is not None  # noqa: S101
    return meant(containers.listing(), target.containers, own_project(containers))


def own_project(containers: Containers) -> str:
    """The Compose project that we are in; empty: in none."""
    mine = containers.inspect(containers.own()) if containers.own() else None
    return str(labels_of(mine).get(PROJECT, "")) if mine else ""


def labels_of(inspection: Mapping[str, Any]) -> Mapping[str, str]:
    """Its labels."""
    return inspection["Config"].get("Labels") or {}


def victim_of(id_: str, containers: Containers) -> Victim:
    """A container as it is now. RefusedError: it has vanished."""
    inspection = containers.inspect(id_)
    if inspection is None:
        raise RefusedError(f"container {id_[:12]} has vanished")
    state = inspection["State"]
    name = inspection["Name"].lstrip("/")
    return Victim(inspection["Id"], name, state["StartedAt"], state["Pid"], _netns(inspection))


def _netns(inspection: Mapping[str, Any]) -> str:
    mode = str(inspection["HostConfig"].get("NetworkMode", ""))
    if mode == "host":
        return ""
    return mode.removeprefix("container:") if mode.startswith("container:") else str(inspection["Id"])


def victims_of(fault: Fault) -> tuple[Victim, ...]:
    """Those of a fault."""
    return tuple(Victim(**each) for each in fault.undo["victims"])


def as_mapping(victim: Victim) -> dict[str, Any]:
    """As it goes into the ledger."""
    return {field: getattr(victim, field) for field in Victim.__slots__}


def occupied(victims: tuple[Victim, ...]) -> tuple[str, ...]:
    """What nobody else may hurt meanwhile: the containers, and the network namespaces that they are in."""
    containers = (f"container:{victim.id}" for victim in victims)
    return tuple(dict.fromkeys((*containers, *(f"container:{v.netns}" for v in victims if v.netns))))
