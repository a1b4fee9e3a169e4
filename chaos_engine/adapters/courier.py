"""Carries notices away in a thread of its own: whoever hands one over never waits."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Generic, TypeVar

N = TypeVar("N")
MOST_WAITING = 100
HANGS = 60.0  # seconds on one notice, after which it is said that it hangs
SENT, FAILED, DROPPED = "sent", "failed", "dropped"
OUTCOMES = (SENT, FAILED, DROPPED)


class NotDeliveredError(Exception):
    """A notice did not arrive. The message says why, and holds no secret."""


class Courier(Generic[N]):
    """One receiver of notices. What does not fit into its queue is dropped, and counted.

    `tell` is told of the first that fails or is dropped, and of the first that arrives after that; `counted`
    is called with one of OUTCOMES for each notice. Both from any thread.
    """

    def __init__(
        self,
        name: str,
        send: Callable[[N], None],
        tell: Callable[[str], None],
        counted: Callable[[str], None],
        most: int = MOST_WAITING,
    ) -> None:
        self.name: Final = name
        self._send, self._tell, self._counted = send, tell, counted
        self._waiting: queue.Queue[N | None] = queue.Queue(most)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._unwell = False
        self._since: float | None = None  # when the notice was begun that is being sent

    def offer(self, notice: N) -> None:
        """Take it along, or drop it. Returns at once; raises nothing."""
        try:
            self._start()
            self._waiting.put_nowait(notice)
        except (queue.Full, RuntimeError):  # the second: no thread can be had
            self._failed(DROPPED, "too many wait")
        if self._since is not None and time.monotonic() - self._since > HANGS:
            self._say_once("one is being sent for more than a minute")

    def close(self, ends: float) -> int:
        """Send what waits, until `ends` (monotonic); returns how many notices did not get away."""
        if self._thread is None:
            return 0
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(max(0.0, ends - time.monotonic()))
        return self._left() if self._thread.is_alive() else 0

    # --- within ---

    def _start(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._work, name=f"notices {self.name}", daemon=True)
            thread.start()
            self._thread = thread

    def _work(self) -> None:
        while (notice := self._waiting.get()) is not None:
            self._since = time.monotonic()
            try:
                self._send(notice)
            except NotDeliveredError as error:
                self._failed(FAILED, str(error))
            except Exception as error:  # noqa: BLE001 - its text may hold a secret
                self._failed(FAILED, type(error).__name__)
            else:
                self._arrived()
            self._since = None

    def _failed(self, outcome: str, why: str) -> None:
        self._counted(outcome)
        self._say_once(why)

    def _say_once(self, why: str) -> None:
        with self._lock:
            known, self._unwell = self._unwell, True
        if not known:
            self._tell(f"Notices to {self.name} do not arrive: {why}; further ones are only counted")

    def _arrived(self) -> None:
        self._counted(SENT)
        with self._lock:
            known, self._unwell = self._unwell, False
        if known:
            self._tell(f"Notices to {self.name} arrive again")

    def _left(self) -> int:
        with self._waiting.mutex:
            waiting = [each for each in self._waiting.queue if each is not None]
        return len(waiting) + (self._since is not None)
