"""Histories: a world, what happens in it, and the lives of the engines that live through it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Any

from chaos_engine.config import Settings
from chaos_engine.course import Finished
from scenarios.registry import load
from tests.simulate import configurations
from tests.simulate.accidents import BENIGN, CELLS, JUMPS, TERMINATED
from tests.simulate.clockwork import Violated
from tests.simulate.world import World, targets_of

REAL = load()
LENGTH = 60  # experiments a history, if nothing ends it earlier
LONGEST = 40 * 3600.0  # virtual seconds
COMMANDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("clear", {}),
    ("pause", {"why": "release"}),
    ("halt", {"why": "incident"}),
    ("inject", {"scenario": "s0", "target": "t0", "now": True, "for": 3}),
    ("inject", {"scenario": "crash", "target": "t0"}),
    ("inject", {"scenario": "nothing", "target": "t0"}),
    ("inject", {"target": "nowhere"}),
    ("inject", {"scenario": "s0", "target": "t0", "for": "soon"}),
    ("dance", {}),
)


class History:
    """One seed's world with about `length` experiments."""

    def __init__(self, seed: int, length: int) -> None:
        self.seed, self.length = seed, length
        self.rng = Random(f"history/{seed}")
        nature, temper = configurations.nature(self.rng), configurations.temper(self.rng)
        drawn = configurations.settings(self.rng, REAL)
        self.world = World(seed, nature, temper, drawn.rules)
        held = {key: self.world.restarts.held(found) for key, found in drawn.experiments.items()}
        self.settings = replace(drawn, scenarios=self.world.scenarios(REAL), experiments=held)
        self.cells = self._cells()
        if any(kind not in BENIGN for _, kind in self.cells):
            self.world.watcher.calm = False
        jumps = nature.jumps or any(kind == JUMPS for _, kind in self.cells)
        self.tick = 0.9 if jumps else self.rng.choice((0.5, 2.0, 10.0, 10.0, 10.0))
        for number in range(self.rng.choice((0, 1, 1, 1, 2))):
            self.world.employ(f"janitor {number + 1}", REAL)
        self.world.busy_phase = self.rng.choice(("", "", "inject", "hold", "judge", "clear", "recover"))
        self.dies = self.rng.random() < 0.4
        self.queued = self.rng.random() < 0.15

    def run(self) -> World:
        """Everything that happens; AssertionError names the seed."""
        try:
            self._live()
        except Violated as error:
            raise AssertionError(f"seed {self.seed}: {error}; replay: {self.replay}") from error
        finally:
            self.world.end()
        return self.world

    @property
    def replay(self) -> str:
        """The command that lives it again."""
        length = "" if self.length == LENGTH else f" CHAOS_SIM_LENGTH={self.length}"
        return f"CHAOS_SIM_SEED={self.seed}{length} pytest tests/simulate -k replay"

    def focus(self, cells: Sequence[tuple[str, str]], janitors: int) -> None:
        """Nothing but these strike, and at least so many janitors are about."""
        self.cells = list(cells)
        self.world.watcher.calm = self.world.nature.calm and all(kind in BENIGN for _, kind in cells)
        for number in range(len(self.world.janitors), janitors):
            self.world.employ(f"janitor {number + 1}", REAL)

    def _cells(self) -> list[tuple[str, str]]:
        """What may strike in this history: nothing, what a calm world bears, or anything."""
        mood = self.rng.random()
        if mood < 0.2:
            return []
        cells = [cell for cell in CELLS if mood > 0.6 or cell[1] in BENIGN]
        return cells if self.rng.random() < 0.2 else [cell for cell in cells if cell[1] != TERMINATED]

    def _plan_strikes(self) -> None:
        """Each at the n-th occasion of its phase: rare ones come as often as common ones."""
        self.world.plan.forget()
        for _ in range(self.rng.choice((1, 2, 3, 6)) if self.cells else 0):
            row, kind = self.rng.choice(self.cells)
            self.world.plan.add(row, kind, self.rng.choice((0, 1, 2, 3, 5, 8, 13, 21)))
        if self.cells and self.seed % 4 == 0:  # seldom is anything left when somebody ends an engine
            self.world.plan.add("duties", TERMINATED, 0)

    def _live(self) -> None:
        world = self.world
        if self.queued:
            self._disturb(self.length * 10.0)
            wanted = [self.rng.choice(sorted(self.settings.experiments)) for _ in range(self.length)]
            queue = [self.settings.experiments[key] for key in wanted]
            settings = replace(self.settings, rules=replace(self.settings.rules, enabled=False))
            world.live(settings, self.tick, queue=queue)
        while not self.queued and len(world.journal.stories) < self.length and world.told_to_stop is None:
            if self.dies:
                world.hooks.dies_at = world.hooks.steps + self.rng.randint(1, 300)
            self._disturb(min(LONGEST, self.settings.rules.every * self.length))
            target = self.length - len(world.journal.stories)
            world.live(self.settings, self.tick, enough=lambda found, n=target: enough(found, n))
        world.settle(self.settings)

    def _disturb(self, span: float) -> None:
        """Plan what happens from outside: `span` seconds of it, and a SIGTERM well after it."""
        world, rng = self.world, self.rng
        self._plan_strikes()
        paths = targets_of(tuple(self.settings.experiments.values()))
        for _ in range(rng.choice((0, 0, 3, 15))):
            self.at(rng.random() * span, "command")
        for _ in range(rng.choice((0, 0, 10, self.length))):
            world.agenda.after(rng.random() * span, lambda: world.repair(paths))
        for _ in range(rng.choice((0, 0, 2))):
            self.at(rng.random() * span, "reload")
        world.restarts.plan(span)
        for _ in range(10 if world.nature.jumps else 0):
            world.agenda.after(rng.random() * span, world.jump)
        world.agenda.after(span * (rng.random() if rng.random() < 0.3 else 3.0), world.terminate)

    def at(self, seconds: float, what: str) -> None:
        """Something that an operator does."""
        if what == "command":
            kind, arguments = self.rng.choice(COMMANDS)
            self.world.agenda.after(seconds, lambda: self.world.command(kind, arguments))
            if kind in ("pause", "halt"):
                self.world.agenda.after(seconds + 100.0, lambda: self.world.command("resume", {}))
            return
        changed = self._changed() if self.rng.random() < 0.7 else None
        self.world.agenda.after(seconds, lambda: self._reload(changed))

    def _changed(self) -> Settings:
        """Other weights, windows and durations; caps that the invariants know stay."""
        old = self.settings.rules
        rules = replace(configurations.rules(self.rng, old.choices), windows=old.windows)
        rules = replace(rules, max_concurrent=old.max_concurrent, min_interval=old.min_interval)
        return replace(self.settings, rules=rules)

    def _reload(self, changed: Settings | None) -> None:
        self.world.configurations = [changed] if changed else []
        self.world.reload()


def enough(found: Sequence[Finished], wanted: int) -> bool:
    """Whether so many experiments have ended."""
    return len(found) >= wanted


def ways_of(world: World) -> Counter[tuple[str, str]]:
    """How each phase was left: (phase, next phase or what ended the experiment there)."""
    ways: Counter[tuple[str, str]] = Counter()
    for story in world.journal.stories.values():
        assert story.result is not None
        phases = ["gate", *(phase for phase, _ in story.phases)]
        for here, there in pairwise(phases):
            ways[here, f"{there} ({story.result.ended_by})" if there == "clear" else there] += 1
        ways[phases[-1], f"{story.result.run.value} {story.result.cleanup.value}"] += 1
    return ways
