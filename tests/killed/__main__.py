"""`make soak`: every scenario, killed or frozen at every step, with every ending; most of an hour.

    python -m tests.killed                      everything
    python -m tests.killed processes            one part: processes, compose, containers, chaostoolkit

Prints the table. Exit code 1: something was left, a step was not reached, or a run went wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from chaos_engine.fault_points import STEPS
from tests.conftest import docker_is_missing
from tests.docker import small
from tests.killed import containers, course, machines, matrix, peer
from tests.killed.at_once import play, say
from tests.killed.matrix import Case
from tests.killed.outcome import Outcome
from tests.killed.table import Columns, table

PARTS = ("processes", "compose", "containers", "chaostoolkit")
Played = Callable[..., list[Outcome]]
RECORD = matrix.ROOT / ".chaos" / "killed.jsonl"  # every run, for who wants to look closer


def main() -> int:
    """The exit code."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("parts", nargs="*", choices=[*PARTS, []], help="(default: all)")
    asked.add_argument("--at-once", type=int, default=24, help="runs side by side (containers: a third)")
    asked.add_argument("--only", default="", help="runs whose name holds this text")
    options = asked.parse_args()
    parts = options.parts or PARTS
    played = partial(_played, options.only)
    ours: dict[str, list[Outcome]] = {}
    peers: dict[str, list[Outcome]] = {}
    if "processes" in parts:
        ours["processes"] = processes(played, options.at_once)
    if "compose" in parts:
        ours["Compose"] = compose(played, max(1, options.at_once // 3))
    if "containers" in parts:
        ours["containers"] = in_containers(played, max(1, options.at_once // 4))
    if "chaostoolkit" in parts:
        peers |= chaostoolkit(played, options.at_once)
    _record(ours, peers)
    print(f"{table(ours, peers)}\n\nSteps: {', '.join(STEPS)}.")
    every = [outcome for outcomes in ours.values() for outcome in outcomes]
    reached = [not (o.hit and not o.trouble) for outcomes in peers.values() for o in outcomes]
    return 1 if any(reached) or not all(outcome.good for outcome in every) else 0


def processes(played: Played, at_once: int) -> list[Outcome]:
    """Everything."""
    return played("processes", matrix.everything(), partial(course.run, make=machines.Processes), at_once)


def compose(played: Played, at_once: int) -> list[Outcome]:
    """Every step with every ending, the scenarios in turn."""
    if docker_is_missing():
        say(f"compose: left out, {docker_is_missing()}")
        return []
    machines.build()
    try:
        # The Chaos Toolkit is not in the image: its runs are killed as processes.
        cases = matrix.in_turn(each=True, without=("toolkit",))
        return played("compose", cases, partial(course.run, make=machines.Containers), at_once)
    finally:
        machines.forget()


def in_containers(played: Played, at_once: int) -> list[Outcome]:
    """Every scenario that hurts containers with every ending."""
    if docker_is_missing():
        say(f"containers: left out, {docker_is_missing()}")
        return []
    small.image()
    return played("containers", containers.everything(), containers.run, at_once)


def chaostoolkit(played: Played, at_once: int) -> dict[str, list[Outcome]]:
    """Its steps and endings, as it comes, and told always to roll back."""
    version, found = peer.install(), {}
    for strategy in peer.STRATEGIES:
        name = f"Chaos Toolkit {version}" + (", rolls back always" if strategy == "always" else "")
        found[name] = played(name, peer.everything(), partial(peer.run, strategy=strategy), at_once)
    return found


def _played(
    only: str, name: str, cases: Iterable[Case], run: Callable[[Case, Path], Outcome], at_once: int
) -> list[Outcome]:
    with tempfile.TemporaryDirectory(prefix="chaos-killed-") as folder:
        Path(folder).chmod(0o755)  # containers have users of their own

        def one(numbered: tuple[int, Case]) -> Outcome:
            own = Path(folder, str(numbered[0]))
            own.mkdir()
            return run(numbered[1], own)

        return play(name, [(n, c) for n, c in enumerate(cases) if only in str(c)], one, at_once)


def _record(*columns: Columns) -> None:
    RECORD.parent.mkdir(exist_ok=True)
    runs = [{"by": title} | asdict(o) for column in columns for title, os in column.items() for o in os]
    RECORD.write_text("\n".join(json.dumps(run, default=str) for run in runs) + "\n")


if __name__ == "__main__":
    sys.exit(main())
