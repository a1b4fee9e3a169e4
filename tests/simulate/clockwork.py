"""A virtual clock, what is going to happen on it, and processes that stand still while it goes on."""

from __future__ import annotations

import heapq
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from chaos_engine.model import Now

BUSY = 5000  # messages at one moment: the engine spins
WORLD, ENGINE, JANITOR = "world", "engine", "janitor"  # whose item on the agenda it is


class Violated(BaseException):
    """An invariant does not hold. The engine, which takes every error for an event, must not catch it."""


class Died(BaseException):
    """A process is gone, at once; no `except Exception` sees it."""


@dataclass(slots=True)
class VirtualClock:
    """Both clocks; `offset` is the wall's lead, which jumps when somebody sets it."""

    mono: float = 1000.0
    offset: float = 1_700_000_000.0
    # It is asked many times at one moment.
    _said: tuple[float, float, Now] = field(default=(0.0, 0.0, Now(0.0, 0.0)), repr=False, compare=False)

    def now(self) -> Now:
        mono, offset, now = self._said
        if mono != self.mono or offset != self.offset:
            now = Now(self.mono + self.offset, self.mono)
            self._said = (self.mono, self.offset, now)
        return now


class Agenda:
    """What is going to happen, in the order of its moments."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._ahead: list[tuple[float, int, str, Callable[[], None]]] = []
        self._count = 0

    def after(self, seconds: float, act: Callable[[], None], whose: str = WORLD) -> None:
        self._count += 1
        heapq.heappush(self._ahead, (self._clock.mono + seconds, self._count, whose, act))

    def step(self, until: float) -> bool:
        """Let the next thing happen, if it is not after `until`."""
        if not self._ahead or self._ahead[0][0] > until:
            return False
        at, _, _, act = heapq.heappop(self._ahead)
        self._clock.mono = max(self._clock.mono, at)
        act()
        return True

    def without_engine(self, until: float, thaws: Callable[[], float]) -> None:
        """The engine stands still; what it was about to do comes `thaws()` seconds after `until`."""
        held = []
        while self._ahead and self._ahead[0][0] <= until:
            if self._ahead[0][2] == ENGINE:
                held.append(heapq.heappop(self._ahead)[3])
            else:
                self.step(until)
        self._clock.mono = max(self._clock.mono, until)
        for act in held:
            self.after(thaws(), act, ENGINE)

    def clear(self) -> None:
        """An engine has ended, and what was planned for its life; the janitors live on."""
        self._ahead = [item for item in self._ahead if item[2] == JANITOR]
        heapq.heapify(self._ahead)


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


class Strand:
    """Code that can stand still in its middle: a thread that runs only while its starter waits for it."""

    def __init__(self, body: Callable[[], None]) -> None:
        self._body = body
        self._thread: threading.Thread | None = None
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._error: BaseException | None = None
        self._killed = False
        self.over = False

    def run(self) -> None:
        """Begin, or go on, until it stands still or is over. Raises what the body raises."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._live, daemon=True)
            self._thread.start()
        else:
            self._go.release()
        self._back.acquire()
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def stand_still(self) -> None:
        """Within the body: give the turn back, until `run` is called again."""
        self._back.release()
        self._go.acquire()
        if self._killed:
            raise Died

    def kill(self) -> None:
        """End it where it stands."""
        self._killed = True
        while not self.over:
            try:
                self.run()
            except Died:
                return

    def _live(self) -> None:
        try:
            self._body()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            self._error = error
        self.over = True
        self._back.release()
