"""The journal, opened to be looked at or to ask something of the daemon that writes it."""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from chaos_engine.adapters import folder
from chaos_engine.commands import WHO
from chaos_engine.journal import FILE_NAME, Journal

POLL = 0.1
PATIENCE = 10.0  # seconds in which a daemon that runs takes a command


class NoAnswerError(Exception):
    """The daemon holds the data folder, and does not answer."""


@contextmanager
def journal() -> Iterator[Journal]:
    """The journal of the data folder."""
    data = folder.of_environment()
    folder.prepare(data)
    opened = Journal(data)
    try:
        yield opened
    finally:
        opened.close()


def exists() -> bool:
    """Whether anything was ever recorded here."""
    return (folder.of_environment() / FILE_NAME).exists()


def daemon_runs() -> bool:
    """Whether an engine holds the data folder."""
    return folder.is_held(folder.of_environment())


def ask(kind: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the running daemon for something; its outcome."""
    with journal() as records:
        command = records.post(kind, {WHO: who(), **arguments}, time.time())
        outcome = _until(lambda: records.outcome(command), PATIENCE)
        withdrawn = outcome is None and records.withdraw(command, time.time())
    if outcome is None:
        state = "the command was withdrawn" if withdrawn else "it took it, and may still obey"
        raise NoAnswerError(f"the daemon did not answer within {PATIENCE:g} s (is it frozen?); {state}")
    return outcome


def who() -> str:
    """The user who asks; empty where the system has no name for them, as in many containers."""
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return ""


def _until(look: Callable[[], dict[str, Any] | None], patience: float) -> dict[str, Any] | None:
    ends = time.monotonic() + patience
    while (found := look()) is None and time.monotonic() < ends:
        time.sleep(POLL)
    return found


def heartbeat_age(now: float) -> float | None:
    """Seconds since the daemon's last sign of life."""
    return folder.heartbeat_age(folder.of_environment(), now)
