"""In-memory twins of the ports, on a virtual clock: what takes time takes none, what may fail does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from chaos_engine import life
from chaos_engine.life import Action, Event, State
from chaos_engine.model import Fault, HttpProbe, Now, Window
from chaos_engine.performing import Performer
from chaos_engine.ports import HttpSample
from tests.simulate.accidents import HANGS, Plan
from tests.simulate.clockwork import ENGINE, Agenda, Inbox, VirtualClock

# --- work that takes time -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Nature:
    """How the world behaves. Shares are chances between 0 and 1."""

    latency: float = 0.1  # of a usual job: drawn up to this, before and after its effect
    hang: float = 0.0  # share of the jobs that take longer than anybody waits
    write_fails: float = 0.0  # of state files; half of them fail after they took hold
    clear_fails: float = 0.0
    prepare_fails: float = 0.0
    missing: float = 0.0  # of the judgements
    raises: float = 0.0  # of the evaluations
    journal_fails: float = 0.0
    jumps: float = 0.0  # of the wall clock, in seconds

    @property
    def calm(self) -> bool:
        """Whether everything works, and in good time."""
        return not (self.hang or self.write_fails or self.clear_fails or self.jumps or self.missing)


NEVER = Now(float("inf"), float("inf"))


@dataclass(slots=True)
class Job:
    """One piece of work: what it is, when it began, acted, and was heard of."""

    kind: str
    row: str  # of the table of accidents
    fault: str
    due: float  # mono: when nobody waits for it any more
    begun: float
    behind: float  # seconds between its effect and its report
    acted: Now
    heard: Now = NEVER  # an engine that dies before never hears of it


@dataclass(slots=True)
class Errand:
    """What the next job is."""

    kind: str = ""
    row: str = ""
    fault: str = ""
    due: float = float("inf")


class Workers:
    """Fulfils `ports.Workers`. The effect comes some time after the start, the report later still."""

    def __init__(
        self, clock: VirtualClock, agenda: Agenda, inbox: Inbox, nature: Nature, rng: Random, plan: Plan
    ) -> None:
        self.clock, self.agenda, self.inbox, self.nature = clock, agenda, inbox, nature
        self.errand = Errand()
        self.current: Job | None = None
        self.open: Counter[str] = Counter()  # jobs by row that are not heard of yet
        self.acts: Callable[[str], None] = lambda _: None  # is told the row, and may raise
        self._rng, self._plan = rng, plan

    def start(self, job: Callable[[], None]) -> None:
        errand, now = self.errand, self.clock.now()
        before, behind = self._delays(errand.row)
        work = Job(errand.kind, errand.row, errand.fault, errand.due, now.mono, behind, now)
        self.open[work.row] += 1
        self.agenda.after(before, lambda: self._run(work, job), ENGINE)

    def put(self, message: object) -> None:
        """What a job reports into: it is heard later."""
        work = self.current
        assert work is not None
        self.agenda.after(work.behind, lambda: self._hear(work, message), ENGINE)

    def take(self, timeout: float) -> object | None:
        """Only the engine takes."""
        raise NotImplementedError

    def forget(self) -> None:
        """The process is gone, and its threads with it."""
        self.current = None
        self.open.clear()

    def _run(self, work: Job, job: Callable[[], None]) -> None:
        self.current = work
        self.acts(work.row)
        work.acted = self.clock.now()
        job()
        self.current = None

    def _hear(self, work: Job, message: object) -> None:
        work.heard = self.clock.now()
        self.open[work.row] -= 1
        self.inbox.put(message)

    def _delays(self, row: str) -> tuple[float, float]:
        draw, most = self._rng.random, self.nature.latency
        before, behind = draw() * most, draw() * most
        if self._plan.due(row, (HANGS,)) or (self.nature.hang and draw() < self.nature.hang):
            self._plan.hit(row, HANGS)
            stuck = 1.0 + draw() * draw() * 40.0
            return (before + stuck, behind) if draw() < 0.5 else (before, behind + stuck)
        return before, behind


class WatchedPerformer(Performer):
    """The real one; it tells first what it is about to do."""

    begins: Callable[[str, str, float, Fault | None], None]  # kind, row, due, fault

    def perform(self, state: State, action: Action, rng: Random) -> Event | None:
        fault = None if isinstance(action, (life.Ask, life.Prepare)) else action.fault
        kind = type(action).__name__.lower()
        self.begins(kind, _ROW.get(kind) or state.phase.value, state.pending[action.id].due.mono, fault)
        return Performer.perform(self, state, action, rng)

    def clear(self, fault: Fault) -> None:
        self.begins("clear", "duties", float("inf"), fault)
        Performer.clear(self, fault)


_ROW = {"prepare": "arm", "arm": "arm", "inject": "inject", "observe": "observe", "clear": "clear"}


# --- what lasts -----------------------------------------------------------------------------

Watch = Callable[..., None]


@dataclass(slots=True)
class StateFiles:
    """Fulfils `ports.FailureStates`; `watch(path, state)` sees each state that took hold."""

    watch: Watch
    fails: Callable[[str], str] = lambda _: ""  # write or remove: "", "full", "before" or "after"
    files: dict[Path, Mapping[str, Any]] = field(default_factory=dict)

    def read(self, path: Path) -> Mapping[str, Any] | None:
        return self.files.get(path)

    def write(self, path: Path, state: Mapping[str, Any]) -> None:
        when = self.fails("write")
        if when in ("full", "before"):
            raise OSError(28, "No space left on device") if when == "full" else OSError(5, "I/O error")
        self.files[path] = dict(state)
        self.watch(path, state)
        if when == "after":
            raise OSError(5, "Input/output error")

    def remove(self, path: Path) -> None:
        when = self.fails("remove")
        if when == "before":
            raise OSError(30, "Read-only file system")
        self.files.pop(path, None)
        self.watch(path, {"mode": "healthy"})
        if when == "after":
            raise OSError(5, "Input/output error")


class NoSamples:
    """Fulfils `ports.HttpSamples`: the fake evaluation needs none."""

    def watch(self, probes: Sequence[HttpProbe]) -> None:
        pass

    def samples(self, probe: HttpProbe, window: Window) -> tuple[HttpSample, ...]:
        return ()
