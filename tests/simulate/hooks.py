"""Between any two effects: where a process dies or stands still, an effect fails, the disk is full."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos_engine.life import Phase
from chaos_engine.model import Fault
from tests.simulate.accidents import AFTER, BEFORE, DIES, FREEZES, FULL, MOMENTARY
from tests.simulate.clockwork import Died
from tests.simulate.janitors import ROW as JANITOR
from tests.simulate.removal import ENGINE

if TYPE_CHECKING:
    from tests.simulate.world import World

_ROW = {"arm": "arm", "applied": "inject", "take over": "duties", "resume": "duties", "begin": "gate"}
ERRORS = {"full": (28, "No space left on device"), "before": (5, "Input/output error")}


class Hooks:
    """The twins of journal and state files call these around each write; the workers, before a job acts."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.steps = 0
        self.dies_at: int | None = None
        self.full_until = 0.0  # mono
        self.own: set[str] = set()  # experiments of the engine that lives
        self.untold: set[str] = set()  # faults of which the ledger could not be told that they are out

    def behave(self) -> None:
        """Nothing goes wrong any more."""
        self.dies_at, self.full_until = None, 0.0
        self._world.plan.strikes.clear()

    # --- the journal ---

    def journalling(self, name: str, *what: Any) -> None:
        """A line is about to be written. Raises where it cannot be."""
        world, row = self._world, self._row(name, what)
        if name == "take":
            world.take_look()
            return
        self.moment(row)
        world.watcher.stepped()
        if name == "take over":
            world.watcher.removers.takes_over(self._who, what[0])
        if name == "phase":
            self._interfere(what[1])
        failure = self._fails(row, world.nature.journal_fails)
        if failure:
            self._failed(name, what, excused=failure != "full")
            raise OSError(*ERRORS[failure])

    def journalled(self, name: str, subject: Any, outcome: Any) -> None:
        """It is written, and the call will return that. Raises where it is not told so."""
        world, removers = self._world, self._world.watcher.removers
        row = self._row(name, (subject, outcome))
        match name:
            case "arm":
                removers.armed(subject)
            case "take over":
                removers.took_over(self._who, subject, outcome)
            case "resume":
                removers.took_over(self._who, subject, outcome)
                world.watcher.resumed(subject, outcome)
                self.own.add(subject.experiment)
            case "keep":
                world.watcher.kept_at[subject] = world.clock.mono
            case "phase" if outcome == Phase.CLEAR:
                world.watcher.cleared_from.setdefault(subject, []).append(world.clock.mono)
            case "cleared":
                world.watcher.called_cleared(subject, outcome)
            case "applied":
                removers.applied(subject, outcome)
        self.moment(row)
        if world.plan.due(row, (AFTER,)):
            world.plan.hit(row, AFTER)
            self._failed(name, (subject,), excused=True)
            raise OSError(*ERRORS["before"])

    def _failed(self, name: str, what: Any, *, excused: bool) -> None:
        """A full disk excuses no janitor: it has what it needs to clear."""
        world = self._world
        if name in ("arm", "resume", "cleared"):  # or it has it, and the engine was told that it has not
            self.untold.add(what[0].id)
        if name == "take over":
            world.watcher.removers.not_written(self._who, what[0])
        if name == "applied":
            world.watcher.removers.not_told(what[0])
        if world.actor and excused:
            world.actor.failed()

    def _interfere(self, phase: str) -> None:
        """Operators and signals come just after a phase has begun."""
        world = self._world
        if phase == world.busy_phase and world.draw() < 0.05:
            act = world.terminate if world.draw() < 0.2 else lambda: world.command("clear", {})
            world.agenda.after(world.draw() * 0.5, act)

    # --- state files ---

    def write_fails(self, what: str) -> str:
        """Whether a write (or a removal, for which a full disk has room) fails, and when."""
        world, row = self._world, self._state_row
        self.moment(row)
        share = {"inject": world.nature.write_fails, "clear": world.nature.clear_fails}.get(world.acting, 0.0)
        failure = self._fails(row, share / 2, full=what == "write")
        if not failure and (world.plan.due(row, (AFTER,)) or (share and world.draw() < share / 2)):
            world.plan.hit(row, AFTER)
            failure = "after"
        if failure not in ("", "full") and world.actor:
            world.actor.failed()
        return failure

    def wrote(self, path: Path, state: Mapping[str, Any]) -> None:
        """A state took hold."""
        self._world.watcher.wrote(path, state)
        self.moment(self._state_row)

    # --- any moment ---

    def moment(self, row: str) -> None:
        """Just before or after an effect. Raises Died."""
        world = self._world
        if world.actor is not None:
            world.actor.moment()
            return
        self.steps += 1
        if self.steps == self.dies_at:
            self._strike(DIES, row)
        while kind := world.plan.due(row, MOMENTARY):
            self._strike(kind, row)

    def _strike(self, kind: str, row: str) -> None:
        world = self._world
        if kind == FULL:  # it counts where it refuses something
            self.full_until = world.clock.mono + world.rng.choice((2.0, 60.0, 240.0)) * world.draw()
            return
        if row:
            world.plan.hit(row, kind)
        match kind:
            case "dies":
                raise Died
            case "freezes":
                self._stand_still(row)
            case "clock jumps":
                world.jump()
            case "terminated":
                world.terminate()

    def _stand_still(self, row: str) -> None:
        """SIGSTOP … SIGCONT. Sometimes it dies as soon as it goes on, or is stopped once more."""
        world = self._world
        length = self._length()
        until = world.clock.mono + length
        world.watcher.stands_still(until)
        if world.told_to_stop is not None:
            world.told_to_stop += length
        world.frozen_until = until
        acting, current = world.acting, world.workers.current
        world.agenda.without_engine(until, lambda: world.draw() * 0.2)
        world.acting, world.workers.current = acting, current
        if world.draw() < 0.3:
            world.plan.add(row, DIES if world.draw() < 0.5 else FREEZES, 0 if world.draw() < 0.7 else 1)

    def _length(self) -> float:
        """Seconds. Those that end just after a janitor has cleared are the most telling ones."""
        draw = self._world.draw
        longest = self._world.rng.choice((3.0, 10.0, 10.0, 40.0, 40.0, 200.0))
        return longest * (1.0 - draw() ** 2 if longest < 100.0 else draw())

    # --- within ---

    def _fails(self, row: str, share: float, *, full: bool = True) -> str:
        world = self._world
        if full and world.clock.mono < self.full_until:
            if row:
                world.plan.hit(row, FULL)
            return "full"
        if world.plan.due(row, (BEFORE,)) or (share and world.draw() < share):
            if row:
                world.plan.hit(row, BEFORE)
            return "before"
        return ""

    @property
    def _who(self) -> str:
        return self._world.actor.name if self._world.actor else ENGINE

    @property
    def _state_row(self) -> str:
        if self._world.actor:
            return JANITOR
        job = self._world.workers.current
        if job is None:
            return "clear"
        return job.row if job.row != "observe" else "inject"  # a look writes only where it injects again

    def _row(self, name: str, what: Any) -> str:
        """In which phase this line is written; empty: in none."""
        if self._world.actor:
            return JANITOR
        if name == "phase":
            return "arm" if what[1] == "inject" else str(what[1])
        if name == "cleared":
            return "clear" if self._is_running(what[0]) else "duties"
        if name == "begin":
            self.own.add(what[0])
        if name in ("end", "keep") and what[0] not in self.own:
            return "duties"
        if name in ("end", "keep"):
            story = self._world.journal.stories.get(what[0])
            return story.phases[-1][0] if story and story.phases else "gate"
        return _ROW.get(name, "")

    def _is_running(self, fault: Fault) -> bool:
        living = self._world.living
        return living is not None and fault.experiment in living.course.runs
