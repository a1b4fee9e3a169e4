"""Rules that turn TCP connections to the proxy, and reset those that were open before."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from chaos_engine.helper.packet_filter import Rule
from chaos_engine.helper.proxy import MARK

_MARKED = ("-m", "mark", "--mark", hex(MARK))
_UNMARKED = ("-m", "mark", "!", "--mark", hex(MARK))
_OTHERS = ("-m", "connmark", "!", "--mark", hex(MARK))
# Only what begins is redirected: the kernel takes up a connection in its middle, too, as if it were new.
_BEGINS = ("-p", "tcp", "--syn")
# Nor is a reset held up: the rule for what comes in sends it out past the other one.
_GOES_ON = ("-p", "tcp", "--tcp-flags", "SYN,RST", "NONE")
_DIRECT = ("-m", "conntrack", "!", "--ctstate", "DNAT")
_RESET = ("-j", "REJECT", "--reject-with", "tcp-reset")


def rules(ports: tuple[int, int], peers: Sequence[str]) -> list[Rule]:
    """`ports`: of the proxy, for what comes in and what goes out. `peers`: addresses; none: everybody."""
    inward, outward = (("-j", "REDIRECT", "--to-ports", str(port)) for port in ports)
    # The proxy's own connections are known by their mark, answers to them by the connection's.
    found = [Rule("mangle", "OUTPUT", (*_MARKED, "-j", "CONNMARK", "--set-mark", hex(MARK)))]
    for peer in peers or ("0.0.0.0/0",):
        comes = ("!", "-i", "lo", "-s", peer)
        goes = ("!", "-o", "lo", "-d", peer)
        found += [
            Rule("nat", "PREROUTING", (*comes, *_BEGINS, *inward)),
            Rule("nat", "OUTPUT", (*goes, *_BEGINS, *_UNMARKED, *outward)),
            Rule("filter", "INPUT", (*comes, *_GOES_ON, *_OTHERS, *_DIRECT, *_RESET)),
            Rule("filter", "OUTPUT", (*goes, *_GOES_ON, *_OTHERS, *_DIRECT, *_RESET)),
        ]
    return found


def end_open_connections(peers: Sequence[str]) -> None:
    """At both ends, where the kernel can; else the rules reset each when it speaks next."""
    for peer in peers or ("0.0.0.0/0",):
        chosen = f"state established and not ( dst 127.0.0.0/8 ) and dst {peer}"
        subprocess.run(["ss", "-K", "-4", "-t", *chosen.split()], capture_output=True, check=False)  # noqa: S603, S607
