"""`aws:fis:wait`."""

from __future__ import annotations

import math

from chaos_engine.rehearsal import iso_duration
from chaos_engine.rehearsal.fis_actions import Scene


class Wait:
    """Time passes."""

    def __init__(self, scene: Scene) -> None:
        self._seconds = iso_duration.seconds(scene.parameters["duration"])
        self._until = math.inf

    def begin(self, now: float) -> None:
        """From now on."""
        self._until = now + self._seconds

    def look(self, now: float) -> bool:
        """Whether the time is over."""
        return now >= self._until

    def halt(self) -> None:
        """There is nothing to undo."""
