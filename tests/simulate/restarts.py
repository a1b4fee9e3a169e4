"""Targets that are restarted: a fault that does not outlive it is injected again, by the next look at it."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from chaos_engine.model import Experiment, Fault
from scenarios.base import Preparation

if TYPE_CHECKING:
    from tests.simulate.world import World

SHARE = 0.15  # of the histories
TIMES = 30  # in such a one
LONGER = 4.0


class Restarts:
    """It has a randomness of its own: where nothing is restarted, a history is what it would be without."""

    def __init__(self, world: World, seed: int) -> None:
        self._world, self._rng = world, Random(f"restarts/{seed}")
        self.happen = self._rng.random() < SHARE
        self.lost: set[str] = set()  # faults that are to be injected again

    def prepared(self, preparation: Preparation) -> Preparation:
        """With the parameter that asks for it."""
        if not self.happen:
            return preparation
        return replace(preparation, parameters={**preparation.parameters, "on_restart": "again"})

    def held(self, experiment: Experiment) -> Experiment:
        """For longer than a look is waited for: what comes of it later is seen in the same hold."""
        return replace(experiment, hold=LONGER * experiment.hold) if self.happen else experiment

    def plan(self, span: float) -> None:
        """Some within so many seconds."""
        for _ in range(TIMES if self.happen else 0):
            self._world.agenda.after(self._rng.random() * span, self._restart)

    def injected(self, fault: Fault) -> None:
        """It is in (again)."""
        self.lost.discard(fault.id)

    def _restart(self) -> None:
        files = self._world.states.files
        hurt = [path for path, state in files.items() if state["mode"] != "healthy"]
        if not hurt:
            return
        path = self._rng.choice(hurt)
        self.lost.add(files.pop(path)["id"])
        self._world.watcher.wrote(path, {"mode": "healthy"})
