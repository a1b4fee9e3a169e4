"""Traffic of which everything, or what goes to one service, is hurt in one of several ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, ClassVar

from chaos_engine.ports import World
from scenarios.abilities import lacking
from scenarios.base import Preparation
from scenarios.container import Victim
from scenarios.helper import HelperParameters
from scenarios.network import NetworkScenario, toward
from scenarios.selection import RefusedError

CLASS = "c4a0:10"  # of the queue that the helper makes
HELD = 10_000  # packets in a netem at once
SORTED = ("iptables", "htb", "classify")  # for the packets to one service alone


class TrafficParameters(HelperParameters):
    """`to`: only what goes between it and one service of its project, or a container; empty: everybody."""

    to: str = ""


class TrafficScenario(NetworkScenario):
    """Has several ways; `auto` becomes the first that this kernel knows."""

    ways: ClassVar[Mapping[str, tuple[str, ...]]]  # what each needs

    def plan(self, victims: tuple[Victim, ...], parameters: Any, rng: Random, world: World) -> Preparation:
        """RefusedError: no way works here, or not the one that is asked for."""
        known = [way for way in self.ways if self._why_not(way, parameters, world) == ""]
        if parameters.way == "auto" and known:
            parameters = parameters.model_copy(update={"way": known[0]})
        if parameters.way not in known:
            asked = self.ways if parameters.way == "auto" else (parameters.way,)
            reasons = (f"{way}: {self._why_not(way, parameters, world)}" for way in asked)
            raise RefusedError(f"this kernel cannot do it: {'; '.join(reasons)}")
        return super().plan(victims, parameters, rng, world)

    def _why_not(self, way: str, parameters: Any, world: World) -> str:
        return lacking(self.needs(parameters.model_copy(update={"way": way})), world)

    def needs(self, parameters: Any) -> tuple[str, ...]:
        """Those of the way."""
        sorts = SORTED if parameters.to and parameters.way == "netem" else ()
        return (*self.ways[parameters.way], *sorts)


def netem(words: Sequence[str], peers: Sequence[str]) -> Mapping[str, Any]:
    """All that goes out, or what goes to these."""
    return {"way": "netem", **queue(("netem", "limit", str(HELD), *words), peers)}


def queue(words: Sequence[str], peers: Sequence[str]) -> Mapping[str, Any]:
    """On the way out; what goes to somebody else is not in it."""
    sorting = [
        ("mangle", chain, (*match, "-j", "CLASSIFY", "--set-class", CLASS), family)
        for chain, match, family in (toward(peers, (), "out") if peers else ())
    ]
    return {"queue": {"words": list(words), "classified": bool(peers)}, "rules": sorting}
