"""What the faults in a container's network have in common: whose network it is, and who is reached how."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

from chaos_engine.containers import PROJECT, Container
from chaos_engine.ports import World
from scenarios.abilities import CAPABILITIES, demand
from scenarios.container import Restart, Victim, labels_of
from scenarios.helper import HelperScenario
from scenarios.helper_container import Surface
from scenarios.selection import RefusedError, refusal

RuleWords = tuple[str, str, tuple[str, ...], int]  # table, chain, words, IP's family


@dataclass(frozen=True, slots=True)
class Network:
    """What a victim's network namespace is connected to: addresses by the networks' ids."""

    addresses: Mapping[str, tuple[str, ...]]

    @property
    def families(self) -> tuple[int, ...]:
        """Of IP: 4, and 6 where it has such an address."""
        found = {family_of(each) for addresses in self.addresses.values() for each in addresses}
        return tuple(sorted(found | {4}))


class NetworkScenario(HelperScenario):
    """A helper in the victim's network namespace makes the traffic worse."""

    restart = Restart.HEALS
    work: ClassVar[str] = "traffic"

    def surface(self, parameters: Any) -> Surface:
        """Packet filters and queues of its network namespace."""
        del parameters
        return Surface(network=True, capabilities=CAPABILITIES)

    def spec(self, victim: Victim, parameters: Any, rng: Random, world: World) -> Mapping[str, Any]:
        """RefusedError: it is no network of its own, or the kernel lacks something."""
        network = network_of(victim, world)
        demand(self.needs(parameters), world)
        if 6 in network.families:  # noqa: PLR2004
            demand(("ip6tables",), world)
        families = {"families": list(network.families)}
        return {**families, **self.traffic(victim, network, parameters, rng, world)}

    @abstractmethod
    def needs(self, parameters: Any) -> tuple[str, ...]:
        """Abilities that it cannot do without."""

    @abstractmethod
    def traffic(
        self, victim: Victim, network: Network, parameters: Any, rng: Random, world: World
    ) -> Mapping[str, Any]:
        """What becomes of it, in the words of `chaos_engine.helper.traffic`."""

    def shown(self, parameters: Any) -> Mapping[str, Any]:
        """As the user names them."""
        told = parameters.model_dump(mode="json", by_alias=True)
        return {key: value for key, value in told.items() if key != "on_restart"}


def network_of(victim: Victim, world: World) -> Network:
    """RefusedError: it is the host's, or none, or a part of Chaos Engine is in it."""
    whole = f"{victim.name} is in the host's network: the whole machine would be hurt"
    owner = world.containers.inspect(victim.netns) if victim.netns else None
    if owner is None or owner["HostConfig"].get("NetworkMode") == "host":
        raise RefusedError(whole)
    _refuse_our_own(victim, owner, world)
    found = {net["NetworkID"]: _addresses(net) for net in networks_of(owner).values()}
    found = {id_: addresses for id_, addresses in found.items() if addresses}
    if not found:
        raise RefusedError(f"{victim.name} is in no network")
    return Network(found)


def _refuse_our_own(victim: Victim, owner: Mapping[str, Any], world: World) -> None:
    """Whoever shares the namespace is hurt too."""
    own = world.containers.own()
    mine = world.containers.inspect(own) if own else None
    name = str(owner["Name"]).lstrip("/")
    why = refusal(Container(owner["Id"], name, "", labels_of(owner)), own)
    if mine and str(mine["HostConfig"].get("NetworkMode")) == f"container:{owner['Id']}":
        why = "the engine itself is in it"
    if why:
        raise RefusedError(f"the network of {victim.name} is that of {name}: {why}")


def networks_of(inspection: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Its networks by name."""
    return inspection["NetworkSettings"].get("Networks") or {}


def _addresses(endpoint: Mapping[str, Any]) -> tuple[str, ...]:
    both = (endpoint.get("IPAddress"), endpoint.get("GlobalIPv6Address"))
    return tuple(str(each) for each in both if each)


def family_of(address: str) -> int:
    """4 or 6."""
    return 6 if ":" in address else 4


def addresses_of(peer: str, victim: Victim, network: Network, world: World) -> tuple[str, ...]:
    """Of a service of the victim's project, or of a container of that name, as the victim reaches it.

    RefusedError: there is none, or they share no network.
    """
    found: dict[str, None] = {}
    there = [each for each in _peers(peer, victim, world) if each.id != victim.id]
    if not there:
        raise RefusedError(f"{peer!r} is no service beside {victim.name}, and no container, that runs")
    for each in there:
        inspection = _whose_network(each.id, world)
        for endpoint in networks_of(inspection).values() if inspection else ():
            if endpoint["NetworkID"] in network.addresses:
                found.update(dict.fromkeys(_addresses(endpoint)))
    if not found:
        raise RefusedError(f"{victim.name} and {peer} share no network")
    return tuple(found)


def _peers(peer: str, victim: Victim, world: World) -> list[Container]:
    mine = world.containers.inspect(victim.id)
    project = labels_of(mine).get(PROJECT, "") if mine else ""
    running = [each for each in world.containers.listing() if each.state in ("running", "paused")]
    service = [each for each in running if project and each.project == project and each.service == peer]
    return service or [each for each in running if peer == each.name]


def _whose_network(id_: str, world: World) -> Mapping[str, Any] | None:
    """The container that owns the network namespace it is in."""
    found = world.containers.inspect(id_)
    mode = str(found["HostConfig"].get("NetworkMode", "")) if found else ""
    shared = mode.removeprefix("container:") if mode.startswith("container:") else ""
    return world.containers.inspect(shared) if shared else found


def toward(
    addresses: Iterable[str], families: Iterable[int], direction: str
) -> list[tuple[str, tuple[str, ...], int]]:
    """Chain, words and family for what comes from (or goes to) these addresses; none: everybody else.

    What the namespace says to itself is never meant.
    """
    inward, outward = ("INPUT", "-i", "-s"), ("OUTPUT", "-o", "-d")
    wanted = {"in": (inward,), "out": (outward,), "both": (inward, outward)}[direction]
    addresses = tuple(addresses)
    found: list[tuple[str, tuple[str, ...], int]] = []
    for chain, device, side in wanted:
        away = ("!", device, "lo")
        if not addresses:
            found += [(chain, away, family) for family in families]
        found += [(chain, (*away, side, each), family_of(each)) for each in addresses]
    return found
