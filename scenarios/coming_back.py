"""Pure: how an original comes back, one call after the other, from whatever state the Engine shows.

Nothing is remembered: whoever was cut off anywhere looks again, and goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaos_engine.model import Fault
from scenarios.replacement import Record, first_network, original_body, parked

Inspection = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sight:
    """What the Engine shows. `networks`: ids of the recorded ones that there are."""

    original: Inspection | None  # by its id
    parked: Inspection | None  # by the name that we gave it, or one that was made anew
    named: Inspection | None  # whatever bears its own name
    replacement: Inspection | None
    networks: Mapping[str, str]

    @property
    def keeper(self) -> Inspection | None:
        """The original, or one that was made anew; or one that was made and never started."""
        if self.original or self.parked:
            return self.original or self.parked
        fresh = self.named is not None and self.named["State"]["Status"] == "created"
        return self.named if fresh and self.replacement is None else None


@dataclass(frozen=True, slots=True)
class Recreate:
    """Somebody removed the original."""

    name: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Remove:
    """The replacement is not needed any more."""

    id: str


@dataclass(frozen=True, slots=True)
class Rename:
    """The original has its name back."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Leave:
    """It is in a network in which it was not, or in one of that name that is gone."""

    id: str
    network: str


@dataclass(frozen=True, slots=True)
class Join:
    """It is not in a network in which it was."""

    id: str
    network: str
    settings: Mapping[str, Any]


Step = Recreate | Remove | Rename | Leave | Join


class TakenError(Exception):
    """Another container has its name."""


def next_step(kept: Record, fault: Fault, sight: Sight) -> Step | None:
    """What to do next; None: all but starting it. TakenError: it cannot come back."""
    keeper = sight.keeper
    if sight.replacement is not None:
        if keeper is None:
            return Recreate(parked(fault, kept["name"]), original_body(kept))
        return Remove(sight.replacement["Id"])
    if keeper is None:
        return None  # all of it has vanished
    if keeper["Name"] != f"/{kept['name']}":
        if sight.named is not None:
            raise TakenError(
                f"{kept['name']} is another container by now; the original is {keeper['Name'].lstrip('/')}"
            )
        return Rename(keeper["Id"], kept["name"])
    return None if keeper["State"]["Running"] else _network_step(kept, keeper, sight.networks)


def _network_step(kept: Record, keeper: Inspection, there: Mapping[str, str]) -> Step | None:
    wanted = kept["networks"]
    if wanted is None:
        return None
    joined = keeper["NetworkSettings"]["Networks"] or {}
    for name, network in joined.items():
        if name not in wanted or _is_stale(network, there.get(name)):
            return Leave(keeper["Id"], name)
    missing = next((name for name in wanted if name not in joined and name in there), None)
    return None if missing is None else Join(keeper["Id"], missing, wanted[missing])


def _is_stale(joined: Mapping[str, Any], there: str | None) -> bool:
    """Joined to one that was removed, while there is another one of the same name."""
    return bool(there and joined.get("NetworkID") and joined["NetworkID"] != there)


def other_networks(kept: Record) -> dict[str, Mapping[str, Any]]:
    """Those that it is joined to after it was created."""
    return {
        name: settings for name, settings in (kept["networks"] or {}).items() if name != first_network(kept)
    }
