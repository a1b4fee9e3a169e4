"""SIGTERM: the experiment ends, the rollbacks are played, whatever is under way.

chaoslib raises an exception of its own out of the signal. A Python activity, and chaoslib's own calls of
event handlers, take that for an ordinary failure, and the experiment goes on. So here it is the `SystemExit`
that chaoslib knows from SIGUSR1, which nobody takes for a failure; and it is raised again until the method is
over.
"""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType
from typing import Any

from chaoslib.run import EventHandlerRegistry

from chaos_engine.toolkit.children import end_children

logger = logging.getLogger("chaostoolkit")

GRACEFULLY = 20  # chaoslib's own code for "now, and roll back"
AT_ONCE = 30  # … and for "now, and do not"
SOON, AGAIN = 0.01, 1.0  # seconds
_HANDLERS = {f.__code__ for f in vars(EventHandlerRegistry).values() if hasattr(f, "__code__")}
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)


class Interruption:
    """What signals do while an experiment runs; `strict`: what they do in `chaos run`."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._theirs: Any = None
        self._over = threading.Event()  # the method is, and nothing is interrupted any more

    def stand_by(self) -> None:
        """What chaoslib puts back at its end: quiet death before the run, nothing any more after it."""
        signal.signal(signal.SIGTERM, self._outside)

    def begin(self) -> None:
        """Called in the main thread, once chaoslib has set its own handlers."""
        self._theirs = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, self._received)
        if not self._strict:
            signal.signal(signal.SIGINT, self._received)

    def ignore(self) -> None:
        """From now on nothing interrupts. Not SIG_IGN: what is started from here would inherit it."""
        self._over.set()
        for number in _ENDING:
            signal.signal(number, _nothing)

    def _outside(self, number: int, _frame: FrameType | None) -> None:
        if self._theirs is None:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def _received(self, number: int, frame: FrameType | None) -> None:
        if self._over.is_set():
            return
        if _in_a_handler(frame):  # chaoslib would swallow it there
            self._later(SOON)
        elif self._strict:
            self._theirs(number, frame)
        else:
            logger.warning("Caught a signal, interrupting experiment now")
            end_children()
            self._later(AGAIN)
            raise SystemExit(GRACEFULLY)

    def _later(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self._once_more)
        timer.daemon = True
        timer.start()

    def _once_more(self) -> None:
        main = threading.main_thread().ident
        if not self._over.is_set() and main is not None:
            signal.pthread_kill(main, signal.SIGTERM)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Rollbacks are played to their end."""


def _in_a_handler(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code in _HANDLERS:
            return True
        frame = frame.f_back
    return False
