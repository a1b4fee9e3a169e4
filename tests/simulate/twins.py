"""In-memory twins of the ports, on a virtual clock: what takes time takes none, what may fail does."""

from __future__ import annotations

import heapq
from collections import deque
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

BUSY = 5000  # messages at one moment: the engine spins


class Violated(BaseException):
    """An invariant does not hold. The engine, which takes every error for an event, must not catch it."""


class Died(BaseException):
    """The engine's process is gone, at once; no `except Exception` sees it."""


@dataclass(slots=True)
class VirtualClock:
    """Both clocks; `offset` is the wall's lead, which jumps when somebody sets it."""

    mono: float = 1000.0
    offset: float = 1_700_000_000.0

    def now(self) -> Now:
        return Now(self.mono + self.offset, self.mono)


class Agenda:
    """What is going to happen, in the order of its moments."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._ahead: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._ahead, (self._clock.mono + seconds, self._count, act))

    def step(self, until: float) -> bool:
        """Let the next thing happen, if it is not after `until`."""
        if not self._ahead or self._ahead[0][0] > until:
            return False
        at, _, act = heapq.heappop(self._ahead)
        self._clock.mono = max(self._clock.mono, at)
        act()
        return True

    def clear(self) -> None:
        self._ahead.clear()


class Inbox:
    """Fulfils `ports.Inbox`: waiting is what makes the virtual time pass."""

    def __init__(self, clock: VirtualClock, agenda: Agenda) -> None:
        self._clock, self._agenda = clock, agenda
        self._messages: deque[object] = deque()
        self._spins, self._last = 0, 0.0

    def put(self, message: object) -> None:
        self._messages.append(message)

    def take(self, timeout: float) -> object | None:
        self._notice_spinning()
        until = self._clock.mono + max(0.0, timeout)
        while not self._messages:
            if not self._agenda.step(until):
                self._clock.mono = max(self._clock.mono, until)
                return None
        return self._messages.popleft()

    def clear(self) -> None:
        self._messages.clear()

    def _notice_spinning(self) -> None:
        self._spins = self._spins + 1 if self._clock.mono == self._last else 0
        self._last = self._clock.mono
        if self._spins > BUSY:
            raise Violated("the engine spins: it wakes again and again at one moment")


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


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work: what it is, when it began, has its effect, and is heard of."""

    kind: str
    fault: str
    begun: float
    acts: float
    heard: float


@dataclass(slots=True)
class Workers:
    """Fulfils `ports.Workers`. The effect comes some time after the start, the report later still."""

    clock: VirtualClock
    agenda: Agenda
    inbox: Inbox
    nature: Nature
    rng: Random
    next_kind: tuple[str, str] = ("", "")
    current: Job | None = None

    def start(self, job: Callable[[], None]) -> None:
        now = self.clock.mono
        before, behind = self._delays()
        work = Job(*self.next_kind, begun=now, acts=now + before, heard=now + before + behind)
        self.agenda.after(before, lambda: self._run(work, job))

    def put(self, message: object) -> None:
        """What a job reports into: it is heard later."""
        assert self.current is not None
        self.agenda.after(self.current.heard - self.current.acts, lambda: self.inbox.put(message))

    def take(self, timeout: float) -> object | None:
        """Only the engine takes."""
        raise NotImplementedError

    def _run(self, work: Job, job: Callable[[], None]) -> None:
        self.current = work
        job()
        self.current = None

    def _delays(self) -> tuple[float, float]:
        draw, most = self.rng.random, self.nature.latency
        before, behind = draw() * most, draw() * most
        if self.nature.hang and draw() < self.nature.hang:
            stuck = 1.0 + draw() * draw() * 40.0
            return (before + stuck, behind) if draw() < 0.5 else (before, behind + stuck)
        return before, behind


class WatchedPerformer(Performer):
    """The real one; it tells first what it is about to do."""

    begins: Callable[[str, Fault | None], None]

    def perform(self, state: State, action: Action, rng: Random) -> Event | None:
        fault = None if isinstance(action, (life.Ask, life.Prepare)) else action.fault
        self.begins(type(action).__name__.lower(), fault)
        return Performer.perform(self, state, action, rng)

    def clear(self, fault: Fault) -> None:
        self.begins("clear", fault)
        Performer.clear(self, fault)


# --- what lasts -----------------------------------------------------------------------------

Watch = Callable[..., None]


@dataclass(slots=True)
class StateFiles:
    """Fulfils `ports.FailureStates`; `watch(path, state)` sees each state that took hold."""

    watch: Watch
    fails: Callable[[], str] = lambda: ""  # "", "before" or "after"
    files: dict[Path, Mapping[str, Any]] = field(default_factory=dict)

    def read(self, path: Path) -> Mapping[str, Any] | None:
        return self.files.get(path)

    def write(self, path: Path, state: Mapping[str, Any]) -> None:
        when = self.fails()
        if when == "before":
            raise OSError(28, "No space left on device")
        self.files[path] = dict(state)
        self.watch(path, state)
        if when == "after":
            raise OSError(5, "Input/output error")

    def remove(self, path: Path) -> None:
        when = self.fails()
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
