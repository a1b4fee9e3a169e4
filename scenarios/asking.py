"""Faults of which only the kernel knows whether they can be made: a helper looks, before there is an intent.

It changes nothing and ends at once. What it finds is a refusal, or a fact that goes into the fault's undo.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from chaos_engine.containers import Containers
from chaos_engine.model import Fault, Now, Target
from chaos_engine.ports import World
from scenarios.base import Preparation
from scenarios.container import Victim, as_mapping
from scenarios.helper import HelperScenario
from scenarios.helper_container import PATIENCE, end_of, lines_of, name_of, start
from scenarios.selection import RefusedError

ANSWER = PATIENCE + 2  # seconds: then it is a stray


class AskingScenario(HelperScenario):
    """Its helpers are asked first (`Work.check`)."""

    def plan(self, victims: tuple[Victim, ...], parameters: Any, rng: Random, world: World) -> Preparation:
        """RefusedError: a helper has looked, and it cannot be done."""
        if any("rootless" in each for each in world.containers.engine().get("SecurityOptions") or ()):
            raise RefusedError(
                "this Engine is rootless: its helpers cannot act on cgroups, files or processes"
            )
        made = super().plan(victims, parameters, rng, world)
        undo = {**made.undo, "helpers": asked(made.undo["helpers"], victims, rng, world)}
        return Preparation(made.parameters, undo, made.resources)


def asked(
    helpers: list[dict[str, Any]], victims: tuple[Victim, ...], rng: Random, world: World
) -> list[dict[str, Any]]:
    """The same helpers, with facts in their specs. RefusedError: one says that it cannot be done."""
    fault = _question(helpers, victims, world.clock.now(), f"ask-{rng.getrandbits(32):08x}")
    names = [name_of(fault, helper["victim"]) for helper in helpers]
    try:
        for helper in helpers:
            start(fault, helper, world, order="ask")
        told = [_answer(name, world) for name in names]
    finally:
        for name in names:
            world.containers.remove(name)
    return [_with(helper, facts) for helper, facts in zip(helpers, told, strict=True)]


def _with(helper: dict[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    return {**helper, "spec": {**helper["spec"], **facts}}


def _answer(name: str, world: World) -> Mapping[str, Any]:
    state = end_of(name, world)
    for line in lines_of(name, world) if state else ():
        if line["event"] == "refused":
            raise RefusedError(line["error"])
        if line["event"] == "ready":
            return dict(line["facts"])
    raise RefusedError("a helper that looks whether it can be done gave no answer")


def _question(helpers: list[dict[str, Any]], victims: tuple[Victim, ...], now: Now, id_: str) -> Fault:
    """Nobody's fault: it is in no ledger, and swept by its deadline."""
    undo = {"helpers": helpers, "victims": [as_mapping(each) for each in victims], "outlives": False}
    return Fault(
        id=id_, experiment="", scenario="", target=Target(""), parameters={}, undo=undo, resources=(),
        owner="", epoch=0, armed_at=now, deadline=now.plus(ANSWER),
    )  # fmt: skip


# --- what the configuration of the victim itself says ----------------------------------------------


def host_config(victim: Victim, containers: Containers) -> Mapping[str, Any]:
    """As the Engine has it: no fault of ours changes it. RefusedError: the victim has vanished."""
    found = containers.inspect(victim.id)
    if found is None:
        raise RefusedError(f"{victim.name} has vanished")
    config: Mapping[str, Any] = found["HostConfig"]
    return config


def own_processes(victim: Victim, containers: Containers) -> None:
    """RefusedError: its processes are not in a namespace of their own."""
    mode = host_config(victim, containers).get("PidMode")
    if mode:
        raise RefusedError(f"{victim.name} has no process namespace of its own (pid: {mode})")
