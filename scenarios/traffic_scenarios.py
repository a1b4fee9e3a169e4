"""A slow, lossy or narrow network: with the kernel's netem where it has it, else in another way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from chaos_engine.ports import World
from scenarios.base import Parameters
from scenarios.container import Victim
from scenarios.helper_container import Surface
from scenarios.network import Network, NetworkScenario, addresses_of, toward
from scenarios.rates import Delay, Percent, Rate
from scenarios.selection import RefusedError
from scenarios.traffic import SORTED, TrafficParameters, TrafficScenario, netem, queue


class LatencyParameters(TrafficParameters):
    """`delay`, `jitter`: durations; everything that the container sends is late by `delay` ± `jitter`.

    `way`: the kernel's netem, or a proxy for TCP alone; auto: the first that works.
    """

    delay: Delay = Field(0.1, gt=0)
    jitter: Delay = 0.0
    way: Literal["auto", "netem", "proxy"] = "auto"

    @model_validator(mode="after")
    def _never_early(self) -> LatencyParameters:
        if self.jitter > self.delay:
            raise ValueError(
                f"jitter {self.jitter:g}s is more than delay {self.delay:g}s; allowed: at most that"
            )
        return self


class Latency(TrafficScenario):
    """What the container sends arrives late: its answers, and its own questions."""

    name = "latency"
    parameters: ClassVar[type[Parameters]] = LatencyParameters
    ways: ClassVar = {
        "netem": ("netem",),
        "proxy": ("iptables", "redirect", "conntrack", "mark", "connmark", "reset"),
    }

    def surface(self, parameters: Any) -> Surface:
        """The proxy brings to an end what it carries, after its delay is out."""
        return replace(super().surface(parameters), lingers=parameters.way == "proxy")

    def traffic(
        self, victim: Victim, network: Network, parameters: Any, rng: Random, world: World
    ) -> Mapping[str, Any]:
        """RefusedError: the proxy cannot do it to IPv6."""
        peers = addresses_of(parameters.to, victim, network, world) if parameters.to else ()
        if parameters.way == "netem":
            milliseconds = [f"{each * 1000:g}ms" for each in (parameters.delay, parameters.jitter) if each]
            return netem(("delay", *milliseconds), peers)
        if network.families != (4,):
            raise RefusedError(
                f"{victim.name} has an IPv6 address, and this kernel has no netem; the proxy knows IPv4 only"
            )
        late = {"delay": parameters.delay, "jitter": parameters.jitter, "seed": rng.getrandbits(32)}
        return {"way": "proxy", "proxy": {**late, "peers": peers}}


class PacketLossParameters(TrafficParameters):
    """`percent` of the packets, in `direction`.

    `way`: the kernel's netem, or the packet filter; auto: the first that works.
    """

    percent: Percent = 10.0
    direction: Literal["both", "in", "out"] = "both"
    way: Literal["auto", "netem", "statistic"] = "auto"


class PacketLoss(TrafficScenario):
    """Some packets are lost, each by its own chance."""

    name = "packet_loss"
    parameters: ClassVar[type[Parameters]] = PacketLossParameters
    ways: ClassVar = {"netem": ("netem",), "statistic": ("iptables", "statistic")}

    def needs(self, parameters: Any) -> tuple[str, ...]:
        """A netem knows nothing of what comes in."""
        inward = self.ways["statistic"] if parameters.direction != "out" else ()
        return (*super().needs(parameters), *inward)

    def traffic(
        self, victim: Victim, network: Network, parameters: Any, rng: Random, world: World
    ) -> Mapping[str, Any]:
        """Netem for what goes out, the packet filter for the rest."""
        del rng
        peers = addresses_of(parameters.to, victim, network, world) if parameters.to else ()
        by_queue = parameters.way == "netem" and parameters.direction != "in"
        queue = netem(("loss", f"{parameters.percent:g}%"), peers) if by_queue else {"rules": []}
        direction = {"both": "in", "out": ""}.get(parameters.direction) if by_queue else parameters.direction
        chance = f"{parameters.percent / 100:.6f}"
        lost = ("-m", "statistic", "--mode", "random", "--probability", chance, "-j", "DROP")
        wanted = toward(peers, network.families, direction) if direction else []
        rules = [("mangle", chain, (*words, *lost), family) for chain, words, family in wanted]
        return {**queue, "way": parameters.way, "rules": [*queue["rules"], *rules]}


class BandwidthParameters(TrafficParameters):
    """`rate` in bits a second, such as 1mbit. `direction`: out is held back, in is lost."""

    rate: Rate = 1_000_000
    direction: Literal["both", "in", "out"] = "out"


class Bandwidth(NetworkScenario):
    """No more than so much a second."""

    name = "bandwidth"
    parameters: ClassVar[type[Parameters]] = BandwidthParameters

    def needs(self, parameters: Any) -> tuple[str, ...]:
        """A token bucket on the way out, the packet filter on the way in."""
        out = ("tbf", *(SORTED if parameters.to else ())) if parameters.direction != "in" else ()
        return (*out, *(("iptables", "hashlimit") if parameters.direction != "out" else ()))

    def traffic(
        self, victim: Victim, network: Network, parameters: Any, rng: Random, world: World
    ) -> Mapping[str, Any]:
        """Held back by tc's TBF; policed by a hashlimit, since a queue on the way in needs more."""
        del rng
        peers = addresses_of(parameters.to, victim, network, world) if parameters.to else ()
        made: dict[str, Any] = {"rules": []}
        if parameters.direction != "in":
            made = dict(queue(_bucket(parameters.rate), peers))
        if parameters.direction != "out":
            wanted = toward(peers, network.families, "in")
            above = _above(parameters.rate)
            policed = [("mangle", chain, (*words, *above), family) for chain, words, family in wanted]
            made["rules"] = [*made["rules"], *policed]
        return made


def _bucket(rate: int) -> tuple[str, ...]:
    """A burst of 20 ms, at least some packets; what waits longer than 400 ms is lost."""
    return ("tbf", "rate", f"{rate}bit", "burst", str(max(16_000, rate // 400)), "latency", "400ms")


def _above(rate: int) -> tuple[str, ...]:
    """Bytes. The kernel wants a burst of a second at least, and lets up to three seconds' worth through."""
    bytes_ = rate // 8
    bucket = ("--hashlimit-above", f"{bytes_}b/s", "--hashlimit-burst", f"{max(128, bytes_ // 1024 + 1)}kb")
    return ("-m", "hashlimit", *bucket, "--hashlimit-name", "chaos-engine", "-j", "DROP")
