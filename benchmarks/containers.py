"""From decision to effect, and from clearing to unhurt, beside the same thing with docker's command line.

    python -m benchmarks.containers

Ours ends when the Engine or the kernel was seen to be hurt, or unhurt; the command line when it returns.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from benchmarks.judging import has_docker
from benchmarks.table import Row, show
from chaos_engine.model import Target
from chaos_engine.ports import World
from tests.docker import catalogue
from tests.docker.small import Project, image, prepared, project, world

TIMES = 5
Command = Sequence[str]


@dataclass(frozen=True, slots=True)
class ByHand:
    """What somebody types; VICTIM is the container, NET a helper in its network namespace."""

    inject: Command
    clear: Command


NET = ("run", "--rm", "--network=container:VICTIM", "--user=0", "--cap-add=NET_ADMIN", "--entrypoint")
FILTER, QDISC, ROOT = "iptables-legacy", ("qdisc",), ("dev", "eth0", "root")
BY_HAND = {
    "pause": ByHand(("pause", "VICTIM"), ("unpause", "VICTIM")),
    "stop": ByHand(("stop", "--time=1", "VICTIM"), ("start", "VICTIM")),
    "engine_kill": ByHand(("kill", "VICTIM"), ("start", "VICTIM")),
    "restart": ByHand(("restart", "--time=1", "VICTIM"), ("inspect", "VICTIM")),
    "partition": ByHand(
        (*NET, "sh", "IMAGE", "-c", f"{FILTER} -I INPUT ! -i lo -j DROP; {FILTER} -I OUTPUT ! -o lo -j DROP"),
        (*NET, "sh", "IMAGE", "-c", f"{FILTER} -D INPUT 1; {FILTER} -D OUTPUT 1"),
    ),
    "bandwidth": ByHand(
        (*NET, "tc", "IMAGE", *QDISC, "add", *ROOT, "tbf", "rate", "1mbit", "burst", "9kb", "latency", "1s"),
        (*NET, "tc", "IMAGE", *QDISC, "del", *ROOT),
    ),
}  # fmt: skip


def rows() -> list[Row]:
    """Every scenario, beside docker's command line where that can do the same. None without Docker."""
    if not has_docker():
        print("containers: needs a Docker Engine; skipped")
        return []
    there = world()
    there.containers.engine()  # connected, as a daemon is
    with project(catalogue.PROJECT) as small:
        return [row for name in catalogue.names() for row in _rows(name, small, there)]


def _rows(name: str, small: Project, there: World) -> Iterator[Row]:
    by_hand = BY_HAND.get(name)
    ours = [_ours(name, small, there) for _ in range(TIMES)]
    naive = [_by_hand(by_hand, small) for _ in range(TIMES)] if by_hand else []
    for place, what in enumerate(("effect", "unhurt")):
        took = median(times[place] for times in ours)
        other = median(times[place] for times in naive) if naive else None
        yield Row(f"{name}: to {what}", took, "s", other, other / took if other else None)


def _ours(name: str, small: Project, there: World) -> tuple[float, float]:
    began = time.monotonic()
    hurt = prepared(name, _target(small), catalogue.parameters(name), there=there)
    try:
        hurt.inject()
        felt = time.monotonic() - began
    finally:
        cleared = _took(hurt.clear)
    return felt, cleared


def _target(small: Project) -> Target:
    return replace(small.target(), role="database")


def _by_hand(commands: ByHand, small: Project) -> tuple[float, float]:
    words = {"VICTIM": small.container("web"), "IMAGE": image()}
    return _took(lambda: _run(commands.inject, words)), _took(lambda: _run(commands.clear, words))


def _run(command: Command, words: dict[str, str]) -> None:
    filled = [words.get(word, word).replace("VICTIM", words["VICTIM"]) for word in command]
    subprocess.run(["docker", *filled], check=True, stdout=subprocess.DEVNULL, timeout=60)


def _took(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


if __name__ == "__main__":
    show("Containers hurt, beside docker's command line", rows())
