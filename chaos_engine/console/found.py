"""What a clearing by hand tells."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Found:
    """What became of everything that was looked at."""

    cleared: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """One for each thing."""
        said = [f"cleared {name}" for name in self.cleared]
        said += [f"left: {name}" for name in self.left]
        return [*said, *(f"not checked: {text}" for text in self.unchecked)] or ["nothing was in"]
