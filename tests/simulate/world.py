"""One simulated history: a random configuration, a world that misbehaves, the real engine in between."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, ClassVar
from unittest import mock

import engine
from chaos_engine.config import Settings
from chaos_engine.model import Experiment, Fault, Observation, Target
from chaos_engine.narration import Narrator
from chaos_engine.performing import Evaluate
from chaos_engine.ports import SignalReceived
from chaos_engine.ports import World as Touchable
from chaos_engine.surroundings import Surroundings
from chaos_engine.written import ConfigError
from scenarios.base import Parameters, Preparation, Scenario
from tests.simulate.invariants import STOPS, Watcher, honest, must, nothing_left
from tests.simulate.memory_journal import MemoryJournal
from tests.simulate.truth import Temper, Truth
from tests.simulate.twins import (
    Agenda,
    Died,
    Inbox,
    Nature,
    NoSamples,
    StateFiles,
    VirtualClock,
    WatchedPerformer,
    Workers,
)


class Silence:
    """A log that nobody reads."""

    def info(self, event: str, **fields: Any) -> None:
        pass

    warning = error = info


class Seen(Scenario):
    """A real scenario; what it touches is known, and sometimes it is called as the contract allows."""

    parameters: ClassVar[type[Parameters]] = Parameters

    def __init__(self, real: Scenario, world: World) -> None:
        self.real, self.world = real, world
        self.name, self.parameters = real.name, real.parameters  # type: ignore[misc]

    def prepare(self, target: Target, parameters: Any, rng: Random, world: Touchable) -> Preparation:
        if self.world.draw() < self.world.nature.prepare_fails:
            raise RuntimeError("cannot be prepared")
        return self.real.prepare(target, parameters, rng, world)

    def inject(self, fault: Fault, world: Touchable) -> None:
        self.world.acting = "inject"
        if self.world.draw() < 0.02:
            self._clear_first(fault, world)
        self.real.inject(fault, world)

    def observe(self, fault: Fault, world: Touchable) -> Observation:
        seen = self.real.observe(fault, world)
        if seen is Observation.BLIND:
            seen = self.world.truth.felt()
            job = self.world.workers.current
            assert job is not None
            if job.heard - job.begun < 10.0:
                heard = job.heard + self.world.clock.offset
                self.world.watcher.felt.append((fault.experiment, seen.value, heard))
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


class World:
    """All twins, and what happens from outside. One seed gives one world."""

    def __init__(self, seed: int, nature: Nature, temper: Temper, rules: Any) -> None:
        self.seed, self.nature = seed, nature
        self.rng = Random(f"world/{seed}")
        self.draw = self.rng.random
        self.clock = VirtualClock()
        self.agenda = Agenda(self.clock)
        self.inbox = Inbox(self.clock, self.agenda)
        self.workers = Workers(self.clock, self.agenda, self.inbox, nature, Random(f"work/{seed}"))
        self.truth = Truth(Random(f"truth/{seed}"), self.clock, self.workers, temper)
        self.evaluate: Evaluate = self.truth.evaluate
        self.journal = MemoryJournal()
        self.journal.watch = self._journalled
        self.states = StateFiles(self._wrote, self._write_fails)
        self.acting = ""
        self.steps = 0
        self.dies_at: int | None = None
        self.told_to_stop: float | None = None
        self.busy_phase = ""  # in which operators like to interfere
        self.configurations: list[Settings] = []  # what the next reloads bring
        self.watcher = Watcher(
            self.clock, self.journal, self.truth, rules.max_concurrent, rules.min_interval, nature.calm,
            lambda: self.workers.current,
        )  # fmt: skip

    # --- lives of engines ---

    def live(self, settings: Settings, tick: float, **ends: Any) -> engine.Engine | None:
        """Let one engine live; None: it died."""
        self.watcher.born()
        outside = Surroundings(
            self.clock, self.inbox, self.workers, self.journal, Touchable(self.states, self.clock),
            NoSamples(), self.evaluate, Narrator(Silence()), reload=self._reload,
        )  # fmt: skip
        with mock.patch.object(engine, "BEAT", 60.0):
            living = engine.Engine(settings, outside, self.seed, tick=tick, **ends)
            self._watch(living)
            try:
                living.run()
            except Died:
                self._bury()
                return None
        if self.told_to_stop is not None:
            took = self.clock.mono - self.told_to_stop
            must(took <= STOPS, 2, f"it took {took:.1f} s to stop")
        self.agenda.clear()
        self.inbox.clear()
        return living

    def scenarios(self, real: Mapping[str, Scenario]) -> dict[str, Scenario]:
        """The real ones, watched."""
        return {name: Seen(scenario, self) for name, scenario in real.items()}

    def settle(self, settings: Settings) -> None:
        """A last engine, in a world that behaves, clears what is left."""
        self.nature = self.workers.nature = Nature()
        self.dies_at, self.told_to_stop = None, None
        self.agenda.after(30.0, self.terminate)
        paused = {"paused": True, "halted": True}
        self.journal.facts["switches"] = paused
        self.live(settings, 0.5)
        nothing_left(self.watcher, self.states.files)
        honest(self.watcher)

    # --- what happens from outside ---

    def terminate(self) -> None:
        """SIGTERM."""
        if self.told_to_stop is None:
            self.told_to_stop = self.clock.mono
        self.inbox.put(SignalReceived(signal.SIGTERM))

    def reload(self) -> None:
        """SIGHUP."""
        self.inbox.put(SignalReceived(signal.SIGHUP))

    def repair(self, paths: Sequence[Path]) -> None:
        """An agent takes the fault away."""
        path = self.rng.choice(paths)
        state = self.states.files.get(path)
        if state and state["mode"] != "healthy":
            self.acting = ""
            self.states.write(path, {"mode": "healthy", "delay": 0, "timestamp": 0.0, "schema": 1})

    def jump(self) -> None:
        """Somebody sets the wall clock."""
        self.clock.offset += (self.draw() * 2 - 1) * self.nature.jumps
        self.watcher.jumped()

    def command(self, kind: str, arguments: Mapping[str, Any]) -> None:
        """An operator."""
        self.journal.post(kind, arguments)

    # --- within ---

    def _watch(self, living: engine.Engine) -> None:
        real = living.course.performer
        watched = WatchedPerformer(
            real.scenarios, real.world, real.evaluate, real.journal, real.workers, self.workers
        )
        watched.begins = self._begins
        living.course.performer = watched

    def _begins(self, kind: str, fault: Fault | None) -> None:
        self.workers.next_kind = (kind, fault.id if fault else "")
        self.watcher.begins(kind, fault)

    def _bury(self) -> None:
        """Its threads are gone with it; nobody knows for how long."""
        self.agenda.clear()
        self.inbox.clear()
        self.workers.current = None
        self.watcher.died()
        self.clock.mono += self.draw() ** 4 * 60.0

    def _reload(self) -> Settings:
        if not self.configurations:
            raise ConfigError(["chaos.yml: is empty"])
        return self.configurations.pop()

    def _step(self) -> None:
        self.steps += 1
        if self.steps == self.dies_at:
            raise Died

    def _journalled(self, name: str, *what: Any) -> None:
        self._step()
        self.watcher.stepped()
        if name == "phase" and what[1] == self.busy_phase and self.draw() < 0.05:
            act = self.terminate if self.draw() < 0.2 else lambda: self.command("clear", {})
            self.agenda.after(self.draw() * 0.5, act)
        if self.nature.journal_fails and name != "begin" and self.draw() < self.nature.journal_fails:
            raise OSError(28, "No space left on device")

    def _wrote(self, path: Path, state: Mapping[str, Any]) -> None:
        self.watcher.wrote(path, state)
        self._step()

    def _write_fails(self) -> str:
        self._step()
        share = {"inject": self.nature.write_fails, "clear": self.nature.clear_fails}.get(self.acting, 0.0)
        if share and self.draw() < share:
            return "before" if self.draw() < 0.5 else "after"
        return ""


def targets_of(experiments: Sequence[Experiment]) -> list[Path]:
    """Their state files."""
    paths = {step.target.state_file: None for experiment in experiments for step in experiment.steps}
    return [path for path in paths if path is not None]
