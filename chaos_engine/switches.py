"""Pure: what has been switched: paused, halted, and why. Operators halt by command, or with a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

FILE = "HALT"  # in the data folder; its text is the reason


@dataclass(frozen=True, slots=True)
class Switches:
    """`file`: the text of the HALT file, None where there is none; its removal alone lifts that halt."""

    paused: bool = False
    by_hand: bool = False  # halted by a command
    reason: str = ""
    file: str | None = None

    @property
    def halted(self) -> bool:
        """Whether nothing at all may be injected."""
        return self.by_hand or self.file is not None

    @property
    def why(self) -> str:
        """The reason of what holds: an operator's, else the file's."""
        return self.reason or self.file or ""

    def switched(self, kind: str, reason: str) -> Switches:
        """`pause` or `halt`; `resume` lifts both. A pause does not lift a halt."""
        paused = kind == "pause"
        return replace(
            self, paused=paused, by_hand=kind == "halt" or (self.by_hand and paused), reason=reason
        )

    def with_file(self, text: str | None) -> Switches:
        """The HALT file as it is now."""
        return replace(self, file=text)

    def shown(self) -> dict[str, Any]:
        """What people and programs need of it."""
        return {"paused": self.paused, "halted": self.halted, "reason": self.why, "file": self.file}

    def as_fact(self) -> dict[str, Any]:
        """As it is kept in the journal."""
        return {
            **self.shown(), "by_hand": self.by_hand, "own_reason": self.reason,
        }  # fmt: skip


def of_fact(fact: Mapping[str, Any] | None, file: str | None = None) -> Switches:
    """What was kept, without the file of then: it is looked at anew."""
    kept = fact or {}
    by_hand = bool(kept.get("by_hand", kept.get("halted")))
    return Switches(
        bool(kept.get("paused")), by_hand, str(kept.get("own_reason", kept.get("reason")) or ""), file
    )
