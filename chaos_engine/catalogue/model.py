"""An entry of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter of a scenario, a key of a probe, an argument of an activity. `default`: as it is written.

    None: it has none, or null is it.
    """

    name: str
    type: str = ""
    default: Any = None
    required: bool = False
    documentation: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to use. `kind`: scenario, probe, or what a Chaos Toolkit extension calls it.

    `needs` and `undone` are of scenarios alone; `module`, `package`, `version` say where it is from.
    """

    kind: str
    family: str
    name: str
    documentation: str = ""
    arguments: tuple[Argument, ...] = ()
    needs: str = ""
    undone: str = ""
    module: str = ""
    package: str = ""
    version: str = ""

    @property
    def summary(self) -> str:
        """The first sentence or line of the documentation."""
        first = self.documentation.strip().partition("\n\n")[0]
        return " ".join(first.split())

    @property
    def path(self) -> str:
        """The name with its module, which nothing else has."""
        return f"{self.module}.{self.name}" if self.module else self.name

    def as_data(self) -> Mapping[str, Any]:
        """For programs."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All entries, and what could not be looked at: a line each."""

    entries: tuple[Entry, ...]
    problems: tuple[str, ...] = ()
