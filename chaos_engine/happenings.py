"""What happens, told to those who are not the log: metrics, notices, streams of events.

The log is the one source: what it says, with the fields that it says it with, is what they get.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from chaos_engine.narration import Log


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the log. `kind` and `fields` are the narrator's; `at` is wall time."""

    at: float
    level: str  # debug, info, warning, error
    kind: str  # inject, injected, cleared, verdict, skip, next, …; empty: it has none
    text: str
    fields: Mapping[str, Any]


Listener = Callable[[Happening], None]


class Observed(Protocol):
    """Metrics: a listener that is told, too, what no line of the log says. None of it may wait or raise."""

    def __call__(self, happening: Happening) -> None:
        """One line of the log."""
        ...

    def evaluated(self, source: str, seconds: float, outcome: str) -> None:
        """A question was answered, or was not. Called from any thread."""
        ...

    def beat(self, at: float) -> None:
        """The engine's own thread is alive. `at`: wall time."""
        ...


class TellingLog:
    """A log that tells listeners, too, whatever its own level.

    A listener runs in the engine's thread: it must not wait. One that raises is not heard of: nothing that
    is told may keep a fault from being cleared.
    """

    def __init__(self, log: Log, listeners: Sequence[Listener], now: Callable[[], float]) -> None:
        self._log = log
        self._listeners = listeners
        self._now = now

    def debug(self, event: str, **fields: Any) -> None:
        """Worth counting, and no line."""
        self._log.debug(event, **fields)
        self._tell("debug", event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """Something happened as it should."""
        self._log.info(event, **fields)
        self._tell("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Somebody should look at this."""
        self._log.warning(event, **fields)
        self._tell("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """Something is broken."""
        self._log.error(event, **fields)
        self._tell("error", event, fields)

    def _tell(self, level: str, text: str, fields: Mapping[str, Any]) -> None:
        rest = {key: value for key, value in fields.items() if key != "kind"}
        happening = Happening(self._now(), level, str(fields.get("kind", "")), text, rest)
        for listener in self._listeners:
            with suppress(Exception):
                listener(happening)
