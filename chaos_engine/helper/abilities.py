"""What this kernel can do to a network: each ability is tried in a network namespace of its own.

It is never run in a target's namespace. What is tried ends with the helper.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from chaos_engine.helper import packet_filter
from chaos_engine.helper.work import Look, Work

IPTABLES = {
    "mangle": "-t mangle -A INPUT -j DROP",
    "statistic": "-t mangle -A INPUT -m statistic --mode random --probability 0.5 -j DROP",
    "redirect": "-t nat -A OUTPUT -p tcp --syn -j REDIRECT --to-ports 9",
    "conntrack": "-A INPUT -m conntrack ! --ctstate DNAT --ctdir ORIGINAL -j ACCEPT",
    "mark": "-A OUTPUT -m mark --mark 0x1 -j ACCEPT",
    "connmark": "-t mangle -A OUTPUT -m connmark ! --mark 0x1 -j CONNMARK --set-mark 0x1",
    "reset": "-A INPUT -p tcp -j REJECT --reject-with tcp-reset",
    "reject": "-A INPUT -p udp -j REJECT --reject-with icmp-port-unreachable",
    "string": "-t mangle -A INPUT -m string --algo bm --icase --hex-string |0161| -j DROP",
    "hashlimit": "-t mangle -A INPUT -m hashlimit --hashlimit-above 1000b/s --hashlimit-burst 8kb"
    " --hashlimit-name chaos-abilities -j DROP",
    "classify": "-t mangle -A OUTPUT -j CLASSIFY --set-class c4a0:10",
    "lose_silently": "-t mangle -A OUTPUT -j NFQUEUE --queue-num 50336",
}
QUEUES = {
    "netem": "netem delay 1ms",
    "tbf": "tbf rate 1mbit burst 16kb latency 300ms",
    "htb": "htb default 0",
}


class Task(Work):
    """Tries everything once. Its details: an ability, and why it is lacking; empty: it is there."""

    def apply(self) -> None:
        """Try."""
        self._found = {name: _why_not(_rule, words) for name, words in IPTABLES.items()}
        self._found |= {name: _why_not(_queue, words) for name, words in QUEUES.items()}
        self._found["iptables"] = self._found["mangle"]
        self._found["ip6tables"] = _why_not(_rule6, "-t mangle -S")

    def look(self) -> Look:
        """What was found."""
        return Look(present=False, details=self._found)

    def undo(self) -> None:
        """The namespace ends with the helper."""


def _why_not(attempt: Callable[[str], None], words: str) -> str:
    try:
        attempt(words)
    except OSError as error:
        return str(error)
    return ""


def _rule(words: str) -> None:
    packet_filter.run(*words.split())


def _rule6(words: str) -> None:
    packet_filter.run(*words.split(), family=6)


def _queue(words: str) -> None:
    _tc(f"qdisc add dev lo root {words}")
    _tc("qdisc del dev lo root")


def _tc(words: str) -> None:
    done = subprocess.run(["tc", *words.split()], capture_output=True, text=True, check=False)  # noqa: S603, S607
    if done.returncode != 0:
        raise OSError(f"tc {words}: {' '.join(done.stderr.split())}")
