"""One simulated history: a random configuration, a world that misbehaves, the real engine in between."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import engine
from chaos_engine.admission import See
from chaos_engine.changes import Changes
from chaos_engine.config import Settings
from chaos_engine.life import Phase, Stage, State
from chaos_engine.model import Experiment, Fault
from chaos_engine.narration import Narrator
from chaos_engine.performing import Evaluate
from chaos_engine.ports import SignalReceived
from chaos_engine.ports import World as Touchable
from chaos_engine.steering import Made
from chaos_engine.surroundings import Surroundings
from chaos_engine.written import ConfigError
from scenarios.base import Scenario
from tests.simulate.accidents import JUMPS, OPERATOR, RAISES, TERMINATED, Plan
from tests.simulate.clockwork import Agenda, Died, Inbox, VirtualClock
from tests.simulate.endings import honest, nothing_left, told
from tests.simulate.hooks import Hooks
from tests.simulate.invariants import STOPS, Watcher
from tests.simulate.janitors import Janitor
from tests.simulate.memory_journal import MemoryJournal
from tests.simulate.removal import Removers, must
from tests.simulate.restarts import Restarts
from tests.simulate.scenarios_seen import Seen
from tests.simulate.truth import Temper, Truth
from tests.simulate.twins import Errand, Nature, NoSamples, StateFiles, WatchedPerformer, Workers

BEAT = 4.0  # seconds between an engine's signs of life where janitors look for them: well within a lease
SELDOM = 60.0  # where nobody does: each is a turn of the engine's loop


class Silence:
    """A log that nobody reads."""

    def info(self, event: str, **fields: Any) -> None:
        pass

    debug = warning = error = info


class World:
    """All twins, and what happens from outside. One seed gives one world."""

    def __init__(self, seed: int, nature: Nature, temper: Temper, rules: Any) -> None:
        self.seed, self.nature = seed, nature
        self.rng = Random(f"world/{seed}")
        self.draw = self.rng.random
        self.clock = VirtualClock()
        self.agenda = Agenda(self.clock)
        self.inbox = Inbox(self.clock, self.agenda)
        self.plan = Plan()
        self.workers = Workers(
            self.clock, self.agenda, self.inbox, nature, Random(f"work/{seed}"), self.plan
        )  # fmt: skip
        self.truth = Truth(Random(f"truth/{seed}"), self.clock, self.workers, temper, self.plan)
        self.evaluate: Evaluate = self.truth.evaluate
        self.journal = MemoryJournal()
        self.hooks = Hooks(self)
        self.journal.before, self.journal.after = self.hooks.journalling, self.hooks.journalled
        self.states = StateFiles(self.hooks.wrote, self.hooks.write_fails)
        self.workers.acts = self.hooks.moment
        self.touchable = Touchable(self.states, self.clock)
        self.silence = Silence()
        self.acting = ""  # inject or clear: what whoever acts is about to do to a state file
        self.actor: Janitor | None = None  # None: the engine
        self.janitors: list[Janitor] = []
        self.living: engine.Engine | None = None
        self.told_to_stop: float | None = None
        self.restarts = Restarts(self, seed)
        self.frozen_until = 0.0
        self.busy_phase = ""  # in which operators like to interfere
        self.change: Made | None = None  # what changes of settings bring
        self.see: See | None = None  # what is seen of an experiment's targets
        self.halt_file: str | None = None  # the text of a HALT file
        self.configurations: list[Settings] = []  # what the next reloads bring
        self.watcher = Watcher(
            self.clock, self.journal, self.truth, rules.max_concurrent, rules.min_interval, nature.calm,
            lambda: None if self.actor else self.workers.current, Removers(self.clock, self.journal),
        )  # fmt: skip

    # --- lives of engines ---

    def live(self, settings: Settings, tick: float, **ends: Any) -> engine.Engine | None:
        """Let one engine live; None: it died."""
        self.watcher.born()
        self.hooks.own.clear()
        outside = Surroundings(
            self.clock, self.inbox, self.workers, self.journal, self.touchable, NoSamples(), self.evaluate,
            Narrator(self.silence), self.watcher.removers.beats, reload=self._reload, change=self.change,
            see=self.see, halt_file=lambda: self.halt_file,
        )  # fmt: skip
        with mock.patch.object(engine, "BEAT", BEAT if self.janitors else SELDOM):
            try:
                living = engine.Engine(settings, outside, self.seed, tick=tick, **ends)
                self._watch(living)
                living.run()
            except Died:
                self._bury()
                return None
        self._ended(living)
        return living

    def employ(self, name: str, real: Mapping[str, Scenario]) -> None:
        """A janitor from now on."""
        janitor = Janitor(name, self, real, Random(f"{name}/{self.seed}"))
        self.janitors.append(janitor)
        janitor.begin(self.draw())

    def scenarios(self, real: Mapping[str, Scenario]) -> dict[str, Scenario]:
        """The real ones, watched."""
        return {name: Seen(scenario, self) for name, scenario in real.items()}

    def settle(self, settings: Settings) -> None:
        """A last engine, in a world that behaves, clears what is left."""
        self.nature = self.workers.nature = Nature()
        self.hooks.behave()
        self.told_to_stop = None
        self.agenda.after(30.0, self.terminate)
        paused = {"paused": True, "halted": False}  # under a halt nothing is gone on with
        self.journal.facts["switches"] = paused
        self.live(settings, 0.5)
        nothing_left(self.watcher, self.states.files)
        honest(self.watcher)

    def end(self) -> None:
        """No janitor stays behind where it stands still."""
        for janitor in self.janitors:
            janitor.end()

    # --- what happens from outside ---

    def terminate(self) -> None:
        """SIGTERM; an engine that is stopped hears of it when it goes on."""
        self._hits(TERMINATED)
        if self.told_to_stop is None:
            self.told_to_stop = max(self.clock.mono, self.frozen_until)
        self.inbox.put(SignalReceived(signal.SIGTERM))

    def reload(self) -> None:
        """SIGHUP."""
        self.inbox.put(SignalReceived(signal.SIGHUP))

    def repair(self, paths: Sequence[Path]) -> None:
        """An agent takes the fault away."""
        path = self.rng.choice(paths)
        state = self.states.files.get(path)
        if state and state["mode"] != "healthy":
            healthy = {"mode": "healthy", "delay": 0, "timestamp": 0.0, "schema": 1}
            self.states.files[path] = healthy
            self.watcher.wrote(path, healthy)

    def jump(self) -> None:
        """Somebody sets the wall clock."""
        self._hits(JUMPS)
        self.clock.offset += (self.draw() * 2 - 1) * max(self.nature.jumps, 30.0)
        self.watcher.jumped()

    def command(self, kind: str, arguments: Mapping[str, Any]) -> None:
        """An operator. On a full disk nothing can be asked either."""
        if self.clock.mono >= self.hooks.full_until:
            self.journal.post(kind, arguments, self.clock.now().wall)

    def source_raises(self, row: str, share: float) -> bool:
        """Whether what is asked now raises."""
        if not (self.plan.due(row, (RAISES,)) or (share and self.draw() < share)):
            return False
        self.plan.hit(row, RAISES)
        return True

    # --- within ---

    def rows(self) -> list[str]:
        """Where the engine's experiments are, as the table of accidents calls it."""
        if self.living is None:
            return []
        found = dict.fromkeys(_row(state) for state in self.living.course.runs.values())
        if self.workers.open["observe"] > 0:
            found["observe"] = None
        if self.living.left:
            found["duties"] = None
        return list(found)

    def take_look(self) -> None:
        """The engine looks for commands: operators interfere."""
        rows = self.rows()
        for row in rows:
            if self.plan.due(row, (OPERATOR,)):
                self.command(*self.rng.choice((("clear", {}), ("halt", {}), ("clear", {}))))
                self.agenda.after(20.0, lambda: self.command("resume", {}))
        if self.journal.waiting:
            for row in rows:
                self.plan.hit(row, OPERATOR)

    def _hits(self, kind: str) -> None:
        for row in self.rows():
            self.plan.hit(row, kind)

    def _watch(self, living: engine.Engine) -> None:
        real = living.course.performer
        watched = WatchedPerformer(
            real.scenarios, real.world, real.evaluate, real.journal, real.workers, self.workers
        )
        watched.begins = self._begins
        living.course.performer = watched
        self.living = living

    def _begins(self, kind: str, row: str, due: float, fault: Fault | None) -> None:
        self.workers.errand = Errand(kind, row, fault.id if fault else "", due)
        self.watcher.begins(kind, fault)

    def _ended(self, living: engine.Engine) -> None:
        if self.told_to_stop is not None:
            took = self.clock.mono - self.told_to_stop
            must(took <= STOPS, 2, f"it took {took:.1f} s to stop")
        if not any(self.workers.open.values()):
            told(self.watcher, self.hooks, {fault.id for fault in living.left})
        self._forget()

    def _bury(self) -> None:
        """Its threads are gone with it; nobody knows for how long."""
        self.watcher.died()
        self._forget()
        dead = 300.0 * self.draw() if self.janitors and self.draw() < 0.2 else self.draw() ** 4 * 60.0
        until = self.clock.mono + dead
        while self.agenda.step(until):
            pass
        self.clock.mono = until
        if self.nature.jumps and self.draw() < 0.3:
            self.jump()

    def _forget(self) -> None:
        self.living = None
        self.agenda.clear()
        self.inbox.clear()
        self.workers.forget()

    def _reload(self, changes: Changes) -> Settings:
        del changes
        if not self.configurations:
            raise ConfigError(["chaos.yml: is empty"])
        return self.configurations.pop()


def _row(state: State) -> str:
    if state.phase is not Phase.INJECT:
        return state.phase.value
    return "inject" if any(step.stage is Stage.INJECTING for step in state.steps) else "arm"


def targets_of(experiments: Sequence[Experiment]) -> list[Path]:
    """Their state files."""
    paths = {step.target.state_file: None for experiment in experiments for step in experiment.steps}
    return [path for path in paths if path is not None]
