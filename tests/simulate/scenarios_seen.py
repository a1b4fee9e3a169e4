"""The real scenarios in the engine's hands: what they touch is known."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, ClassVar

from chaos_engine.model import Fault, Observation, Target
from chaos_engine.model import Seen as How
from chaos_engine.performing import look
from chaos_engine.ports import World as Touchable
from scenarios.base import Parameters, Preparation, Scenario
from tests.simulate.removal import must

if TYPE_CHECKING:
    from tests.simulate.world import World


class Seen(Scenario):
    """A real scenario; what it touches is known, and sometimes it is called as the contract allows."""

    parameters: ClassVar[type[Parameters]] = Parameters

    def __init__(self, real: Scenario, world: World) -> None:
        self.real, self.world = real, world
        self.name, self.parameters = real.name, real.parameters  # type: ignore[misc]

    def prepare(self, target: Target, parameters: Any, rng: Random, world: Touchable) -> Preparation:
        if self.world.source_raises("arm", self.world.nature.prepare_fails):
            raise RuntimeError("cannot be prepared")
        return self.world.restarts.prepared(self.real.prepare(target, parameters, rng, world))

    def inject(self, fault: Fault, world: Touchable) -> None:
        self.world.acting = "inject"
        if self.world.draw() < 0.02:
            self._clear_first(fault, world)
        self.real.inject(fault, world)
        self.world.restarts.injected(fault)

    def observe(self, fault: Fault, world: Touchable) -> Observation | How:
        if self.world.workers.current and self.world.source_raises("observe", 0.0):
            raise RuntimeError("cannot look")
        if fault.id in self.world.restarts.lost:
            return How(Observation.BLIND, again=True)
        seen = look(self.real, fault, world).observation
        job = self.world.workers.current
        if (
            seen is Observation.BLIND and job is not None
        ):  # a new engine asks without one: only whether it is in
            seen = self.world.truth.felt()
            self.world.watcher.felt.append((fault.experiment, seen.value, job))
        return seen

    def clear(self, fault: Fault, world: Touchable) -> None:
        self.world.acting = "clear"
        self.real.clear(fault, world)
        if self.world.draw() < 0.02:
            self._clear_again(fault, world)

    def _clear_first(self, fault: Fault, world: Touchable) -> None:
        """Invariant 6: it may be called before `inject`."""
        self.world.acting = ""
        self.real.clear(fault, world)
        self.world.acting = "inject"

    def _clear_again(self, fault: Fault, world: Touchable) -> None:
        """Invariant 6: a second clearing changes nothing."""
        path = fault.target.state_file
        assert path is not None
        before = world.states.read(path)
        self.real.clear(fault, world)
        must(world.states.read(path) == before, 6, f"clearing {fault.id} twice changed {path}")
