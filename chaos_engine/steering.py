"""Changes the settings of a running engine, and keeps who changed what, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from chaos_engine import effective
from chaos_engine.changes import Change, Changes, as_fact, asked, kept_after_reset, of_fact
from chaos_engine.commands import WHO, WHY
from chaos_engine.config import Settings
from chaos_engine.written import ConfigError

FACT = "settings"
Made = Callable[[Changes], Settings]  # the settings with these changes over them; ConfigError


class Facts(Protocol):
    """The journal, as far as it is needed here."""

    def get(self, key: str) -> Any:
        """A small fact."""
        ...

    def put(self, key: str, value: Any) -> None:
        """Remember it."""
        ...

    def note(self, at: float, kind: str, **data: Any) -> None:
        """Note an event."""
        ...


@dataclass(slots=True)
class Steering:
    """`make` lays changes over the file as it was read, `reread` over the file as it is now."""

    journal: Facts
    make: Made | None = None
    reread: Made | None = None
    changes: dict[str, Change] = field(default_factory=dict)

    @classmethod
    def over(cls, journal: Facts, make: Made | None, reread: Made | None) -> Steering:
        """With the changes that the journal keeps."""
        return cls(journal, make, reread, of_fact(journal.get(FACT)))

    def obey(
        self, arguments: Mapping[str, Any], now: Settings, at: float
    ) -> tuple[Settings | None, dict[str, Any]]:
        """The new settings, and what is told to who asked. Where anything is wrong, nothing has changed."""
        who, why = (str(arguments.get(key) or "") for key in (WHO, WHY))
        try:
            wanted = kept_after_reset(self.changes, arguments.get("reset")) | asked(arguments, who, why, at)
            if wanted == self.changes:
                return None, {"settings": self.fact(now), "changed": {}}
            if self.make is None:
                return None, {"error": "these settings cannot be changed while running"}
            new = self.make(wanted)
            changed = effective.difference(now, new)
            self._keep(new, wanted)
            self.journal.note(at, "settings", who=who, why=why, changes=changed)
        except ConfigError as error:
            return None, {"error": "; ".join(error.problems)}
        except Exception as error:  # noqa: BLE001 - a full disk: what cannot be kept is not changed
            return None, {"error": f"the change could not be kept, and was not made: {error}"}
        return new, {"settings": self.fact(new), "changed": changed}

    def reloaded(self, now: Settings, who: str, at: float) -> tuple[Settings, dict[str, Any]] | None:
        """The file as it is now, with the changes over it, and what is different. ConfigError: it is bad."""
        if self.reread is None:
            return None
        new = self.reread(self.changes)
        changed = effective.difference(now, new)
        self._keep(new, self.changes)
        self.journal.note(at, "reload", source=new.source, who=who, why="", changes=changed)
        return new, changed

    def fact(self, settings: Settings) -> dict[str, Any]:
        """The settings that hold, as they are kept. `seed`: the one that is used."""
        kept = self.journal.get(FACT) or {}
        return {
            "source": settings.source, "schedule": effective.schedule(settings),
            "weights": effective.weights(settings),
            "seed": kept.get("seed") if settings.seed is None else settings.seed,
            "changes": as_fact(self.changes),
        }  # fmt: skip

    def begin(self, settings: Settings, seed: int) -> None:
        """Keep what an engine starts with."""
        self.journal.put(FACT, {**self.fact(settings), "seed": seed})

    def fitting(self) -> tuple[Settings, list[str]]:
        """Settings with every kept change that still fits; and what is wrong with the others, left out."""
        assert self.make is not None  # noqa: S101
        problems, wanted = list[str](), dict[str, Change]()
        settings = self.make({})
        for key, change in self.changes.items():
            try:
                settings = self.make({**wanted, key: change})
                wanted[key] = change
            except ConfigError as error:
                problems += error.problems
        self.changes = wanted
        return settings, problems

    def _keep(self, settings: Settings, changes: Changes) -> None:
        before = self.changes
        self.changes = dict(changes)
        try:
            self.journal.put(FACT, self.fact(settings))
        except Exception:
            self.changes = before
            raise
