"""Traffic made worse: by rules of the packet filter, by a queue on the way out, by a proxy; or by several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chaos_engine.helper import packet_filter, queues, redirect
from chaos_engine.helper.packet_filter import Rule
from chaos_engine.helper.proxy import Proxy
from chaos_engine.helper.work import Look, Work

DRAIN = 5.0  # seconds at most


class Task(Work):
    """`rules`: lists of table, chain, words, family; `families` that there may be: 4, 6.

    `way`: told among the details. `queue`: `words` of a qdisc; `classified`: for packets that a rule has
    classified. `proxy`: `delay` and `jitter` in seconds, `seed`, `peers` (addresses; none: everybody).
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__(spec)
        self._families = tuple(spec.get("families", (4,)))
        self._proxy: Proxy | None = None

    def apply(self) -> None:
        """All that the spec names."""
        if queue := self.spec.get("queue"):
            queues.put(queue["words"], classified=queue["classified"])
        for table, chain, words, family in self.spec.get("rules", ()):
            packet_filter.insert(Rule(table, chain, tuple(words), family))
        if wanted := self.spec.get("proxy"):
            self._redirect(wanted)

    def _redirect(self, wanted: Mapping[str, Any]) -> None:
        self._proxy = Proxy(wanted)
        self._proxy.start()
        for rule in redirect.rules(self._proxy.ports, wanted["peers"]):
            packet_filter.insert(rule)
        redirect.end_open_connections(wanted["peers"])

    def look(self) -> Look:
        """Felt, as soon as something was lost, held up, or late."""
        if self._proxy is not None and not self._proxy.alive:
            packet_filter.remove_ours(self._families)  # rules without it would be worse than the fault
        rules = packet_filter.ours(self._families)
        waiting = queues.ours() if "queue" in self.spec else []
        if not rules and not waiting:
            return Look(present=False)
        details = {**self._lost(rules), **_held_up(waiting), **self._late()}
        way = {"way": self.spec["way"]} if "way" in self.spec else {}
        return Look(present=True, felt=any(details.values()), details={**details, **way})

    def undo(self) -> None:
        """Whatever is there of ours."""
        if self._proxy is not None:
            self._proxy.lift()
        packet_filter.remove_ours(self._families)
        if "queue" in self.spec:
            queues.remove_ours()

    def linger(self) -> None:
        """What the proxy carries may come to its end."""
        if self._proxy is not None:
            self._proxy.drain(DRAIN)

    def _lost(self, rules: list[packet_filter.Found]) -> dict[str, int]:
        lost = [found.packets for found in rules if "CLASSIFY" not in found.words]
        return {"packets_lost": sum(lost)} if self.spec.get("rules") and lost else {}

    def _late(self) -> dict[str, int]:
        if self._proxy is None:
            return {}
        return {"connections": self._proxy.connections, "pieces_late": self._proxy.pieces}


def _held_up(waiting: list[dict[str, Any]]) -> dict[str, int]:
    """A netem acts on every packet that it sends; a limit on those that it holds up."""
    if not waiting:
        return {}
    acted = sum(each["packets"] if each["kind"] == "netem" else each["overlimits"] for each in waiting)
    return {"packets_held_up": acted, "packets_dropped": sum(each["drops"] for each in waiting)}
