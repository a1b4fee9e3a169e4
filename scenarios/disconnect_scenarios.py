"""A container taken out of a Docker network, through the Engine, and put back as it was."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, ClassVar

from chaos_engine.containers import PROJECT, ContainerError
from chaos_engine.model import Fault, Observation, Seen
from chaos_engine.ports import World
from scenarios.base import Parameters, Preparation
from scenarios.container import ContainerScenario, Restart, Victim, labels_of, victims_of
from scenarios.network import networks_of
from scenarios.selection import RefusedError

FORBIDDEN = 403  # what the Engine says of a container that is not in the network
# Of an endpoint, what a user may have asked for. The rest is given by the Engine.
ASKED_FOR = ("IPAMConfig", "Links", "DriverOpts", "GwPriority")


class DisconnectParameters(Parameters):
    """`network`: its name, or as the Compose file names it; needed where the container is in several."""

    network: str = ""


class Disconnect(ContainerScenario):
    """Its interface is gone: connections in that network break, names of it are not resolved."""

    name = "disconnect"
    parameters: ClassVar[type[Parameters]] = DisconnectParameters
    restart = Restart.NOTHING

    def plan(self, victims: tuple[Victim, ...], parameters: Any, rng: Random, world: World) -> Preparation:
        """How each was connected."""
        del rng
        ends = [_endpoint(victim, parameters.network, world) for victim in victims]
        names = {"network": ", ".join(dict.fromkeys(end["name"] for end in ends))}
        return Preparation(names, {"endpoints": ends}, ())

    def inject(self, fault: Fault, world: World) -> None:
        """Take each out; one that is out already stays so."""
        for end in fault.undo["endpoints"]:
            try:
                world.containers.disconnect(end["network"], end["container"])
            except ContainerError as error:
                if not (error.status == FORBIDDEN or "is not connected" in str(error)):
                    raise

    def observe(self, fault: Fault, world: World) -> Seen:
        """The Engine says which of them are in their network."""
        out = [end for end in fault.undo["endpoints"] if _is_out(end, world)]
        names = {victim.id: victim.name for victim in victims_of(fault)}
        details = {"disconnected": [names[end["container"]] for end in out]} if out else {}
        return Seen(Observation.FELT if out else Observation.GONE, details=details)

    def clear(self, fault: Fault, world: World) -> None:
        """Put each back, with all that it had asked for. RuntimeError: it is still out."""
        for end in fault.undo["endpoints"]:
            if _is_out(end, world):
                _connect(end, world)
            if _is_out(end, world):
                raise RuntimeError(f"{end['container'][:12]} is still out of network {end['name']}")


def _endpoint(victim: Victim, wanted: str, world: World) -> dict[str, Any]:
    """RefusedError: it has no network, several, or not that one."""
    inspection = world.containers.inspect(victim.id)
    mode = str(inspection["HostConfig"].get("NetworkMode", "")) if inspection else "none"
    if inspection is None or mode in ("host", "none") or mode.startswith("container:"):
        raise RefusedError(f"{victim.name} has no network of its own (its network mode is {mode})")
    there = networks_of(inspection)
    project = labels_of(inspection).get(PROJECT, "")
    names = [name for name in there if wanted in ("", name) or name == f"{project}_{wanted}"]
    if len(names) != 1:
        known = ", ".join(sorted(there)) or "none"
        why = f"is not in network {wanted!r}" if wanted else "needs `network`"
        raise RefusedError(f"{victim.name} {why}; allowed: one of its networks ({known})")
    settings = as_asked_for(inspection, there[names[0]])
    found = {"container": victim.id, "network": there[names[0]]["NetworkID"], "name": names[0]}
    return {**found, "settings": settings}


def as_asked_for(inspection: Mapping[str, Any], endpoint: Mapping[str, Any]) -> dict[str, Any]:
    """What makes an endpoint like this one again."""
    settings = {key: endpoint[key] for key in ASKED_FOR if endpoint.get(key)}
    # The Engine adds its short id to the aliases by itself.
    aliases = [name for name in endpoint.get("Aliases") or () if name != inspection["Id"][:12]]
    mac = inspection["Config"].get("MacAddress")
    if mac and mac == endpoint.get("MacAddress"):
        settings["MacAddress"] = mac
    return {**settings, **({"Aliases": aliases} if aliases else {})}


def _is_out(end: Mapping[str, Any], world: World) -> bool:
    """It is there, its network too, and it is not in it."""
    inspection = world.containers.inspect(end["container"])
    if inspection is None:
        return False
    ids = [each.get("NetworkID") for each in networks_of(inspection).values()]
    return end["network"] not in ids and world.containers.network(end["network"]) is not None


def _connect(end: Mapping[str, Any], world: World) -> None:
    """One that somebody else has put back meanwhile, or removed, is looked at again."""
    try:
        world.containers.connect(end["network"], end["container"], end["settings"])
    except ContainerError as error:
        if not (error.gone or error.status == FORBIDDEN):
            raise
        if _is_out(end, world):
            raise
