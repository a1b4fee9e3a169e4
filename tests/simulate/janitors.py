"""Janitors on the virtual clock: the real round, in a process that may die or stand still in its middle."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar

from chaos_engine.janitor import LEASE, POLL
from chaos_engine.model import Fault, Observation, Seen, Target
from chaos_engine.ports import World as Touchable
from chaos_engine.rounds import Round
from scenarios.base import Parameters, Preparation, Scenario
from tests.simulate.accidents import DIES, FREEZES, JUMPS
from tests.simulate.clockwork import JANITOR, Died, Strand

if TYPE_CHECKING:
    from tests.simulate.world import World

ROW = "janitor"
LONGEST = 60.0  # seconds for which it stands still, or is not started again


class Swept(Scenario):
    """A real scenario in a janitor's hands: that it clears is seen."""

    parameters: ClassVar[type[Parameters]] = Parameters

    def __init__(self, real: Scenario, janitor: Janitor) -> None:
        self.real, self.janitor = real, janitor
        self.name = real.name  # type: ignore[misc]

    def prepare(self, target: Target, parameters: Any, rng: Random, world: Touchable) -> Preparation:
        raise NotImplementedError

    def inject(self, fault: Fault, world: Touchable) -> None:
        raise NotImplementedError

    def observe(self, fault: Fault, world: Touchable) -> Observation | Seen:
        return self.real.observe(fault, world)

    def clear(self, fault: Fault, world: Touchable) -> None:
        janitor = self.janitor
        janitor.world.watcher.removers.clears(janitor.name, fault)
        janitor.world.acting = "clear"
        self.real.clear(fault, world)
        janitor.world.acting = ""


class Janitor:
    """One of them. It keeps nothing between two rounds, so that a new process is the same as the old one."""

    def __init__(self, name: str, world: World, real: Mapping[str, Scenario], rng: Random) -> None:
        self.name, self.world, self._rng = name, world, rng
        self._scenarios = {key: Swept(scenario, self) for key, scenario in real.items()}
        self._strand: Strand | None = None

    def begin(self, after: float) -> None:
        """The process starts so many seconds later."""
        self.world.watcher.removers.mishap(self.name, self.world.clock.mono + after)
        self.world.agenda.after(after, self._look, JANITOR)

    def end(self) -> None:
        """Where it stands still, it is killed."""
        if self._strand is not None:
            self._strand.kill()
        self._strand = None

    def moment(self) -> None:
        """Just before or after an effect of its own."""
        plan = self.world.plan
        kinds = (DIES, FREEZES, JUMPS) if self._strand else (DIES, JUMPS)
        while kind := plan.due(ROW, kinds):
            plan.hit(ROW, kind)
            if kind == DIES:
                raise Died
            if kind == JUMPS:
                self.world.jump()
            else:
                self._stand_still()

    def failed(self) -> None:
        """An effect of its own has failed: the next round begins anew."""
        self.world.watcher.removers.mishap(self.name, self.world.clock.mono)

    # --- within ---

    def _look(self) -> None:
        """A round, where there is anything to see. Only one that may stand still needs a thread."""
        world = self.world
        if world.journal.idle(world.clock.now().wall - LEASE):
            world.agenda.after(POLL, self._look, JANITOR)
            return
        if world.plan.awaits(ROW, FREEZES) and world.journal.open_entries():
            self._strand = Strand(self._round)
        self._go_on(self._strand.run if self._strand else self._round)

    def _go_on(self, act: Any) -> None:
        """Let it act; afterwards whoever was acting before goes on."""
        world = self.world
        before = world.actor, world.acting
        world.actor = self
        try:
            act()
        except Died:
            self._strand = None
            world.watcher.removers.mishap(self.name, None)
            self.begin(self._rng.random() ** 2 * LONGEST)
            return
        finally:
            world.actor, world.acting = before
        if self._strand is None or self._strand.over:
            self._strand = None
            world.agenda.after(POLL, self._look, JANITOR)

    def _round(self) -> None:
        world = self.world
        world.watcher.stepped()
        world.watcher.removers.looks(self.name)
        age = world.watcher.removers.age(world.clock.now().wall)
        Round(world.journal, self._scenarios, world.touchable, world.silence, age).go()

    def _stand_still(self) -> None:
        world, strand = self.world, self._strand
        assert strand is not None
        until = world.clock.mono + self._rng.random() ** 2 * LONGEST
        world.watcher.removers.mishap(self.name, until)
        world.agenda.after(until - world.clock.mono, lambda: self._go_on(strand.run), JANITOR)
        acting = world.acting
        strand.stand_still()
        world.acting = acting
