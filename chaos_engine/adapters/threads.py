"""The inbox of the engine's one thread, and the threads that work beside it."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Callable, Iterable

from chaos_engine.ports import SignalReceived


class Inbox:
    """Fulfils `ports.Inbox`. `put` may be called from signal handlers: SimpleQueue is reentrant."""

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[object] = queue.SimpleQueue()

    def put(self, message: object) -> None:
        """Leave a message; whoever waits is woken."""
        self._messages.put(message)

    def take(self, timeout: float) -> object | None:
        """The next message, waiting at most so many seconds; None where there was none."""
        try:
            return self._messages.get(timeout=max(0.0, timeout))
        except queue.Empty:
            return None

    def take_signals(self, numbers: Iterable[int]) -> None:
        """From now on these signals are messages. Call it in the main thread."""
        for number in numbers:
            signal.signal(number, lambda received, _: self.put(SignalReceived(received)))


class Threads:
    """Fulfils `ports.Workers`: a thread a job, so that one that hangs holds up nothing else."""

    def start(self, job: Callable[[], None]) -> None:
        """Run the job beside the engine. It reports by itself, and does not raise."""
        threading.Thread(target=job, daemon=True).start()
