"""Faults that a helper container makes: it shares the victim's namespaces, and ends by itself.

A helper is made from the engine's own image and runs `chaos_engine.helper`: it undoes its work at the
deadline, whatever has become of the engine. Its whole body is in the fault's undo, so that another one like
it can undo what it left when it was killed.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any, ClassVar, Literal

from chaos_engine.model import Fault, Observation, Seen
from chaos_engine.ports import World
from scenarios.base import Parameters, Preparation
from scenarios.container import ContainerScenario, Victim
from scenarios.helper_container import Surface, await_in, body, lines_of, name_of, start, state_of
from scenarios.helper_end import clear_helpers, restarted


class HelperParameters(Parameters):
    """`on_restart`: what becomes of the fault where its container is restarted meanwhile."""

    on_restart: Literal["cleared", "again"] = "cleared"


class HelperScenario(ContainerScenario):
    """One helper a victim. `work` names the module of `chaos_engine.helper` that does it."""

    parameters: ClassVar[type[Parameters]] = HelperParameters
    work: ClassVar[str]
    outlives: ClassVar[bool] = False  # its work is not undone by the end of the container's life

    @abstractmethod
    def surface(self, parameters: Any) -> Surface:
        """What its helpers share with their victims."""

    @abstractmethod
    def spec(self, victim: Victim, parameters: Any, rng: Random, world: World) -> Mapping[str, Any]:
        """What the work is told; JSON. RefusedError: it cannot be done to this victim."""

    def plan(self, victims: tuple[Victim, ...], parameters: Any, rng: Random, world: World) -> Preparation:
        """A helper for each of them."""
        image, surface = world.containers.image(), self.surface(parameters)
        helpers = [
            {
                "victim": victim.id,
                "body": body(image, surface, victim),
                "work": self.work,
                "spec": dict(self.spec(victim, parameters, rng, world)),
            }
            for victim in victims
        ]
        own = {"on_restart": getattr(parameters, "on_restart", "cleared"), **self.shown(parameters)}
        return Preparation(own, {"helpers": helpers, "outlives": self.outlives}, ())

    def shown(self, parameters: Any) -> Mapping[str, Any]:
        """What the result tells of its parameters; JSON."""
        return {k: v for k, v in parameters.model_dump(mode="json").items() if k != "on_restart"}

    def inject(self, fault: Fault, world: World) -> None:
        """Start them all, and wait until each says that it is in. HelperError: one could not."""
        started = [(start(fault, helper, world), helper) for helper in fault.undo["helpers"]]
        for name, _ in started:
            await_in(name, world)

    def observe(self, fault: Fault, world: World) -> Seen:
        """What the helpers see in the kernel; a victim that was restarted has lost its fault."""
        anew = () if fault.undo["outlives"] else restarted(fault, world)
        if anew and fault.parameters["on_restart"] == "again":
            return Seen(Observation.BLIND, details=_told_of(anew), again=True)
        lost = {victim.id for victim in anew}
        looks = [_seen(fault, each, world) for each in fault.undo["helpers"] if each["victim"] not in lost]
        seen = together([look for look in looks if look.observation is not Observation.GONE])
        return replace(seen, details={**seen.details, **_told_of(anew)})

    def clear(self, fault: Fault, world: World) -> None:
        """Stop the helpers, which undo their work; what one could not undo, another one does."""
        clear_helpers(fault, world)


def together(looks: list[Seen]) -> Seen:
    """One observation for all helpers that still hold something."""
    if not looks:
        return Seen(Observation.GONE)
    details = {k: v for look in looks for k, v in look.details.items()}
    for observation in (Observation.FELT, Observation.BLIND):
        if any(look.observation is observation for look in looks):
            return Seen(observation, details=details)
    return Seen(Observation.NOT_FELT, details=details)


def _told_of(anew: tuple[Victim, ...]) -> dict[str, Any]:
    return {"restarted": [victim.name for victim in anew]} if anew else {}


def _seen(fault: Fault, helper: Mapping[str, Any], world: World) -> Seen:
    name = name_of(fault, helper["victim"])
    state = state_of(name, world)
    if state is None or not state["Running"]:
        return Seen(Observation.GONE)
    lines = lines_of(name, world)
    looks = [line for line in lines if "present" in line]
    if not looks:
        return Seen(Observation.BLIND)
    last = looks[-1]
    if not last["present"] or lines[-1]["event"] == "out":
        return Seen(Observation.GONE)
    observation = {True: Observation.FELT, False: Observation.NOT_FELT, None: Observation.BLIND}[last["felt"]]
    return Seen(observation, details=last["details"])
