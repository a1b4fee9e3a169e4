"""What goes wrong, where, and how often it did: every phase against every kind of failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

# The phases of an experiment; what clears an earlier run's faults; and the janitor.
ROWS = ("gate", "arm", "inject", "observe", "hold", "judge", "clear", "recover", "duties", "janitor")
DIES, FREEZES, BEFORE, AFTER = "dies", "freezes", "fails before", "fails after"
HANGS, RAISES, FULL, JUMPS = "hangs", "raises", "disk full", "clock jumps"
OPERATOR, TERMINATED = "operator", "terminated"
KINDS = (DIES, FREEZES, BEFORE, AFTER, HANGS, RAISES, FULL, JUMPS, OPERATOR, TERMINATED)
# They strike at a moment: just before or after an effect, or when a job begins to act.
MOMENTARY = (DIES, FREEZES, FULL, JUMPS, TERMINATED)
# Nothing fails by them: what must hold in a calm world holds in spite of them.
BENIGN = (DIES, FREEZES, FULL, OPERATOR, TERMINATED)

_NO_EFFECT = "looking changes nothing, and no line is written of it"
_NO_SOURCE = "no source is asked; what raises in it has failed before it took hold"
IMPOSSIBLE: Mapping[tuple[str, str], str] = {
    ("observe", BEFORE): _NO_EFFECT,
    ("observe", AFTER): _NO_EFFECT,
    ("observe", FULL): _NO_EFFECT,
    ("inject", RAISES): _NO_SOURCE,
    ("clear", RAISES): _NO_SOURCE,
    ("duties", RAISES): _NO_SOURCE,
    ("janitor", RAISES): _NO_SOURCE,
    ("janitor", HANGS): "it has one thread: an effect that hangs is a janitor that stands still",
    ("janitor", OPERATOR): "it takes no commands",
    ("janitor", TERMINATED): "it looks for signals between two rounds, where it holds nothing",
}
CELLS = tuple((row, kind) for row in ROWS for kind in KINDS if (row, kind) not in IMPOSSIBLE)


@dataclass(slots=True)
class Plan:
    """Strikes that are to come: by row, each with how many of its occasions are let pass before."""

    strikes: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    hits: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, row: str, kind: str, after: int) -> None:
        self.strikes.setdefault(row, []).append((kind, after))

    def forget(self) -> None:
        """A new engine: else one that always dies at once would do so for ever. Janitors live on."""
        self.strikes = {row: strikes for row, strikes in self.strikes.items() if row == "janitor"}

    def due(self, row: str, kinds: tuple[str, ...]) -> str:
        """The kind that strikes on this occasion; empty: none."""
        planned = self.strikes.get(row)
        if planned:
            for index, (kind, after) in enumerate(planned):
                if kind in kinds:
                    if after == 0:
                        planned.pop(index)
                        return kind
                    planned[index] = (kind, after - 1)
        return ""

    def awaits(self, row: str, kind: str) -> bool:
        """Whether such a strike is still to come."""
        return any(planned == kind for planned, _ in self.strikes.get(row, ()))

    def hit(self, row: str, kind: str) -> None:
        self.hits[row, kind] += 1


def table(hits: Mapping[tuple[str, str], int]) -> str:
    """The coverage: a line a row; a dash where a failure makes no sense."""
    width = max(len(kind) for kind in KINDS) + 2
    lines = [" " * 9 + "".join(kind.rjust(width) for kind in KINDS)]
    for row in ROWS:
        cells = ("-" if (row, kind) in IMPOSSIBLE else str(hits.get((row, kind), 0)) for kind in KINDS)
        lines.append(row.ljust(9) + "".join(cell.rjust(width) for cell in cells))
    return "\n".join(lines)
