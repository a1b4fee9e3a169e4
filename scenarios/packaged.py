"""Scenarios that installed packages bring: entry points of the group `chaos_engine.scenarios`.

They are listed without being imported: a package that is broken harms nobody who does not use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

GROUP = "chaos_engine.scenarios"


@dataclass(frozen=True, slots=True)
class Packaged:
    """One entry point: the scenario's name, and the class or function that it names."""

    name: str
    value: str
    package: str

    @property
    def origin(self) -> str:
        """Whose it is: `shop-chaos 1.2 (shop_chaos:Maintenance)`."""
        return f"{self.package} ({self.value})"

    def loaded(self) -> Any:
        """What it names. Raises whatever importing it raises."""
        return EntryPoint(self.name, self.value, GROUP).load()


def installed() -> Mapping[str, tuple[Packaged, ...]]:
    """All of them by name; more than one where packages clash."""
    found: dict[str, dict[Packaged, None]] = {}
    for point in entry_points(group=GROUP):
        package = f"{point.dist.name} {point.dist.version}" if point.dist else "an unnamed package"
        one = Packaged(point.name, point.value, package)
        found.setdefault(point.name, {})[one] = None  # one that is found twice on the path is one
    return {name: tuple(several) for name, several in found.items()}
