"""Signals while an experiment of the Chaos Toolkit runs."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from chaoslib.exceptions import InterruptExecution
from chaoslib.exit import exit_signals
from chaoslib.run import EventHandlerRegistry, RunEventHandler

from chaos_engine.toolkit.interruption import Interruption

PATIENCE = 10.0


class Signalled(RunEventHandler):  # type: ignore[misc]
    """It is told something, and just then the signal comes."""

    def started(self, experiment: object, journal: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("strict", "raised"), [(True, InterruptExecution), (False, SystemExit)])
def test_a_signal_that_chaoslib_would_swallow_comes_again(strict: bool, raised: type[BaseException]) -> None:
    interruption, registry = Interruption(strict=strict), EventHandlerRegistry()
    registry.register(Signalled())
    with exit_signals():
        interruption.begin()
        registry.started({}, {})
        with pytest.raises(raised):
            time.sleep(PATIENCE)
        interruption.ignore()


def test_it_is_raised_again_until_it_is_over() -> None:
    interruption = Interruption(strict=False)
    with exit_signals():
        interruption.begin()
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
        for _ in range(2):
            with pytest.raises(SystemExit):
                time.sleep(PATIENCE)
        interruption.ignore()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1.2)


def test_after_the_run_a_signal_is_nothing() -> None:
    interruption = Interruption(strict=True)
    interruption.stand_by()
    with exit_signals():
        interruption.begin()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.01)
