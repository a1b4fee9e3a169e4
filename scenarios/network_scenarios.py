"""A container that others cannot reach, that reaches nobody, one dependency not, or no names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field, field_validator

from chaos_engine.ports import World
from scenarios.base import Parameters
from scenarios.container import Victim
from scenarios.helper import HelperParameters
from scenarios.network import Network, NetworkScenario, RuleWords, addresses_of, toward

DIRECTIONS = Literal["both", "in", "out"]
EMBEDDED = "127.0.0.11"  # the Engine's own name server in each container
_DOMAIN = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")


class PartitionParameters(HelperParameters):
    """`from`: one service of its project, or a container; empty: everybody. `direction`: of lost packets."""

    model_config = ConfigDict(populate_by_name=True)

    origin: str = Field("", alias="from")
    direction: DIRECTIONS = "both"


class Partition(NetworkScenario):
    """Packets are lost: nobody is told, so connections hang until somebody gives up."""

    name = "partition"
    parameters: ClassVar[type[Parameters]] = PartitionParameters

    def needs(self, parameters: Any) -> tuple[str, ...]:
        """The packet filter."""
        del parameters
        return ("iptables",)

    def traffic(
        self, victim: Victim, network: Network, parameters: Any, rng: Random, world: World
    ) -> Mapping[str, Any]:
        """In `mangle`, before addresses are translated."""
        del rng
        peers = addresses_of(parameters.origin, victim, network, world) if parameters.origin else ()
        wanted = toward(peers, network.families, parameters.direction)
        return {
            "rules": [("mangle", chain, (*words, "-j", "DROP"), family) for chain, words, family in wanted]
        }


class DependencyTimeoutParameters(HelperParameters):
    """`to`: a service of its project, or a container. `port`: only connections to that one."""

    to: str = Field(min_length=1)
    port: int | None = Field(None, ge=1, le=65535, strict=True)


class DependencyTimeout(NetworkScenario):
    """Connections to one other service hang, new ones and those that are open. Its own to us do not."""

    name = "dependency_timeout"
    parameters: ClassVar[type[Parameters]] = DependencyTimeoutParameters

    def needs(self, parameters: Any) -> tuple[str, ...]:
        """The packet filter, and who began a connection."""
        del parameters
        return ("iptables", "conntrack")

    def traffic(
        self, victim: Victim, network: Network, parameters: Any, rng: Random, world: World
    ) -> Mapping[str, Any]:
        """What goes out of those that began here is lost."""
        del rng
        peers = addresses_of(parameters.to, victim, network, world)
        began = ("-m", "conntrack", "--ctdir", "ORIGINAL", "-j", "DROP")
        return {
            "rules": [
                ("mangle", chain, (*words, *port, *began), family)
                for chain, words, family in toward(peers, network.families, "out")
                for port in _ports(parameters.port)
            ]
        }


def _ports(port: int | None) -> tuple[tuple[str, ...], ...]:
    if port is None:
        return ((),)
    return tuple(("-p", protocol, "--dport", str(port)) for protocol in ("tcp", "udp"))


class DnsFailureParameters(HelperParameters):
    """`mode`: no answer, or nobody listens. `domains`: only names in these; empty: all names."""

    mode: Literal["timeout", "refused"] = "timeout"
    domains: tuple[str, ...] = ()

    @field_validator("domains")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        odd = [name for name in value if not _DOMAIN.fullmatch(name)]
        if odd:
            raise ValueError(f"{odd[0]!r} is no domain; allowed: a name such as postgres or example.com")
        return value


class DnsFailure(NetworkScenario):
    """Names are not resolved any more; connections that are open go on."""

    name = "dns_failure"
    parameters: ClassVar[type[Parameters]] = DnsFailureParameters

    def needs(self, parameters: Any) -> tuple[str, ...]:
        """The packet filter."""
        refused = ("reset", "reject") if parameters.mode == "refused" else ()
        return ("iptables", *refused, *(("string",) if parameters.domains else ()))

    def traffic(
        self, victim: Victim, network: Network, parameters: Any, rng: Random, world: World
    ) -> Mapping[str, Any]:
        """To the Engine's own server in the container, and to every other."""
        del victim, rng, world
        lines = _timeout if parameters.mode == "timeout" else _refused
        return {"rules": [*lines(parameters.domains, network.families)]}


def _timeout(domains: tuple[str, ...], families: Iterable[int]) -> Iterable[RuleWords]:
    """Questions to the embedded server are lost on their way in, and so are others' answers.

    Not on their way out, where it would be told to the sender. The embedded server's port is translated by
    then, so that it is known by its address.
    """
    for protocol in ("udp", "tcp"):
        for name in _named(domains):
            mine = ("-i", "lo", "-d", EMBEDDED, "-p", protocol, *name, "-j", "DROP")
            yield "mangle", "INPUT", mine, 4
            for family in families:
                words = ("!", "-i", "lo", "-p", protocol, "--sport", "53", *name, "-j", "DROP")
                yield "mangle", "INPUT", words, family


def _refused(domains: tuple[str, ...], families: Iterable[int]) -> Iterable[RuleWords]:
    for protocol in ("udp", "tcp"):
        for name in _named(domains):
            mine = ("-i", "lo", "-d", EMBEDDED, "-p", protocol, *name, *_rejected(protocol, 4))
            yield "filter", "INPUT", mine, 4
            for family in families:
                words = ("!", "-o", "lo", "-p", protocol, "--dport", "53", *name)
                yield "filter", "OUTPUT", (*words, *_rejected(protocol, family)), family


def _rejected(protocol: str, family: int) -> tuple[str, ...]:
    unreachable = {4: "icmp-port-unreachable", 6: "icmp6-port-unreachable"}[family]
    return ("-j", "REJECT", "--reject-with", "tcp-reset" if protocol == "tcp" else unreachable)


def _named(domains: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """A match for each domain and all that is under it, as names are written in packets."""
    if not domains:
        return ((),)
    return tuple(
        ("-m", "string", "--algo", "bm", "--icase", "--hex-string", f"|{in_packet(name)}|")
        for name in domains
    )


def in_packet(name: str) -> str:
    """In hexadecimal: each label after its length, and a zero.

    https://www.rfc-editor.org/rfc/rfc1035#section-3.1
    """
    labels = (label.encode() for label in name.split("."))
    return b"".join(bytes([len(label)]) + label for label in labels).hex() + "00"
