"""What each FIS action does, by calls into the other rehearsed services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chaos_engine.rehearsal import calls


class ActionError(Exception):
    """The action cannot go on; the text is the reason that the experiment shows."""


@dataclass(frozen=True)
class Scene:
    """Where an action happens, and to what: ARNs by the action's own names for its targets."""

    account: str
    region: str
    parameters: Mapping[str, str]
    targets: Mapping[str, Sequence[str]]

    def client(self, service: str) -> Any:
        """A client of the experiment's account and region."""
        return calls.client(service, self.region, self.account)


class Performance(Protocol):
    """One action of one experiment, from its begin to its end. Times are epoch seconds.

    Each step may raise ActionError or botocore's ClientError.
    """

    def begin(self, now: float) -> None:
        """Do it."""

    def look(self, now: float) -> bool:
        """Whether it is over; undoes what its own end is to undo."""

    def halt(self) -> None:
        """Stop it, and undo what its end would have undone."""
