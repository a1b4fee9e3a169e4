"""Packets are dropped, in one direction or in both. What the namespace says to itself goes on."""

from __future__ import annotations

from chaos_engine.helper import packet_filter
from chaos_engine.helper.packet_filter import Rule
from chaos_engine.helper.work import Look, Work

# In `mangle`, before addresses are translated. Loopback is not the network.
INWARD = Rule("mangle", "INPUT", ("!", "-i", "lo", "-j", "DROP"))
OUTWARD = Rule("mangle", "OUTPUT", ("!", "-o", "lo", "-j", "DROP"))
RULES = {"in": (INWARD,), "out": (OUTWARD,), "both": (INWARD, OUTWARD)}


class Task(Work):
    """`direction`: in, out, both."""

    def apply(self) -> None:
        """A rule a direction."""
        for rule in RULES[self.spec["direction"]]:
            packet_filter.insert(rule)

    def look(self) -> Look:
        """Felt, as soon as a packet was dropped."""
        found = packet_filter.ours()
        dropped = sum(packets for _, _, packets in found)
        return Look(bool(found), dropped > 0, {"packets_dropped": dropped} if found else {})

    def undo(self) -> None:
        """Take the rules out."""
        packet_filter.remove_ours()
