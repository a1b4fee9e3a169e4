"""Stands in for the SSM Automation of the rehearsal until it is merged."""

from __future__ import annotations

from collections.abc import Callable


class Automation:
    """Does nothing."""

    def tick(self, now: float) -> None:
        """Nothing."""


def install(clock: Callable[[], float]) -> Automation:
    """Nothing."""
    del clock
    return Automation()
