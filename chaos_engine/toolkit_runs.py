"""What the scenarios may ask of experiments of the Chaos Toolkit, which run in processes of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

# The words of `chaos run` (its last one has a spelling of its own, which it takes, too).
HypothesisStrategy = Literal[
    "default", "before-method-only", "after-method-only", "during-method-only", "continuously", "continously"
]
RollbackStrategy = Literal["default", "always", "never", "deviated"]
Dry = Literal["probes", "actions", "activities", "pause"]


class ToolkitError(Exception):
    """The Chaos Toolkit cannot be asked, or its experiment not be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Look:
    """A run as it is seen.

    `record`: its lines, oldest first; empty: nothing was begun. `alive`: one of its processes lives.
    `told_to_end`: seconds since it was; None: it was not. `said`: the last line of its log.
    """

    record: tuple[Mapping[str, Any], ...] = ()
    alive: bool = False
    told_to_end: float | None = None
    said: str = ""


class ToolkitRuns(Protocol):
    """Runs of experiments, by name. ToolkitError: that cannot be done here."""

    def read(self, source: str) -> Mapping[str, Any]:
        """The experiment in that file, or at that URL. ToolkitError, OSError: it cannot be read."""
        ...

    def start(self, run: str, spec: Mapping[str, Any]) -> None:
        """Begin it. Returns when its process has begun."""
        ...

    def look(self, run: str, patience: float = 0.0) -> Look:
        """How far it is. While a process of it lives: waits up to so many seconds for something new."""
        ...

    def end(self, run: str) -> None:
        """Tell its process to end; it may roll back before it does. One that has not begun never does."""
        ...

    def kill(self, run: str) -> None:
        """End its process, and what that started, at once."""
        ...

    def roll_back(self, run: str, spec: Mapping[str, Any]) -> None:
        """Begin a process that runs nothing but the rollbacks."""
        ...


class NoToolkit:
    """Fulfils `ToolkitRuns` where there is none."""

    def read(self, source: str) -> Mapping[str, Any]:
        """ToolkitError, always."""
        raise ToolkitError(f"nothing here can read {source}")

    def start(self, run: str, spec: Mapping[str, Any]) -> None:
        """ToolkitError, always."""
        del spec
        raise ToolkitError(f"nothing here can run {run}")

    def look(self, run: str, patience: float = 0.0) -> Look:
        """Nothing was begun."""
        del run, patience
        return Look()

    def end(self, run: str) -> None:
        """There is nothing to end."""

    def kill(self, run: str) -> None:
        """There is nothing to end."""

    def roll_back(self, run: str, spec: Mapping[str, Any]) -> None:
        """ToolkitError, always."""
        self.start(run, spec)
