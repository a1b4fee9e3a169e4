"""Notices: what the log says, taken to where people look. Nothing here can hold up a clearing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from chaos_engine.adapters.courier import Courier
from chaos_engine.happenings import Happening
from chaos_engine.narration import Log
from chaos_engine.notice_fields import NotifierDocument
from chaos_engine.notifiers import prepared
from chaos_engine.occasions import Notice, occasions

ONCE = ("could_not_clear", "overdue")  # a fault; they come with every try
FAREWELL = 0.3  # seconds that ending may take

Counted = Callable[[str, str], None]  # notifier, what became of a notice


def uncounted(notifier: str, outcome: str) -> None:
    """Nobody counts."""
    del notifier, outcome


@dataclass(frozen=True, slots=True)
class Route:
    """Who is told of what."""

    on: Sequence[str]
    courier: Courier[Notice]


@dataclass(slots=True)
class Notices:
    """A listener of the log. `log` is told where notices do not arrive; it must not tell this listener."""

    log: Log
    counted: Counted = uncounted
    _routes: Sequence[Route] = ()
    _said: set[tuple[str, str]] = field(default_factory=set)

    def take(self, notifiers: Mapping[str, NotifierDocument], environment: Mapping[str, str]) -> None:
        """From now on these are told. ConfigError: a secret is not there; then all stays as it was."""
        senders = prepared(notifiers, environment)
        before = self._routes
        self._routes = [
            Route(notifiers[name].on, Courier(name, send, self._tell, partial(self._count, name)))
            for name, send in senders.items()
        ]
        _close(before, 0.0)

    def __call__(self, happening: Happening) -> None:
        """Hand a line over to whom it concerns. Returns at once."""
        wanted = [
            each for each in occasions(happening.kind, happening.fields) if self._is_new(each, happening)
        ]
        for route in self._routes:
            occasion = next((each for each in wanted if each in route.on), None)
            if occasion is not None:
                route.courier.offer(_notice(occasion, happening))

    def close(self, patience: float = FAREWELL) -> None:
        """Send what still waits, at most `patience` seconds long; the rest is given up, and said."""
        left = _close(self._routes, patience)
        if left:
            self.log.warning(f"{left} notices were given up at the end", kind="notices", left=left)

    def _count(self, name: str, outcome: str) -> None:
        self.counted(name, outcome)

    def _tell(self, text: str) -> None:
        self.log.warning(text, kind="notices")

    def _is_new(self, occasion: str, happening: Happening) -> bool:
        fault = str(happening.fields.get("fault", ""))
        if occasion == "cleared":
            self._said -= {(each, fault) for each in ONCE}
        if occasion not in ONCE:
            return True
        known = (occasion, fault) in self._said
        self._said.add((occasion, fault))
        return not known


def _notice(occasion: str, of: Happening) -> Notice:
    return Notice(occasion, of.at, of.level, of.kind, of.text, of.fields)


def _close(routes: Sequence[Route], patience: float) -> int:
    ends = time.monotonic() + patience
    return sum(route.courier.close(ends) for route in routes)
