"""What came of one run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.killed.matrix import Case
from tests.killed.sight import Row, Spell

NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Times in seconds. `late`: the last moment a fault was seen, after its deadline; below 0: before it.

    `back`: how long the longest fault was in that appeared only after its deadline, as one may that a frozen
    engine was about to write. `after`: how long after the next engine's start, or the thaw, one was seen.
    """

    case: Case
    hit: bool = True
    left: tuple[str, ...] = ()
    faults: int = 0
    late: float = NEVER
    back: float = 0.0
    after: float = 0.0
    stale_file: bool = False  # a reader that knows no expiry still sees a fault
    litter: int = 0
    gap: float = 0.0  # the longest time between two looks
    trouble: str = ""

    @property
    def good(self) -> bool:
        """Whether the point was reached, and nothing is left."""
        return self.hit and not self.left and not self.trouble


def lateness(rows: Iterable[Row], spells: Iterable[Spell]) -> tuple[float, float]:
    """`late` and `back`, over all faults."""
    deadlines = {row.fault.id: row.deadline for row in rows}
    late, back = NEVER, 0.0
    for spell in spells:
        deadline = deadlines.get(spell.fault, spell.begun)
        if spell.begun < deadline:
            late = max(late, spell.ended - deadline)
        else:
            back = max(back, spell.ended - spell.begun)
    return late, back


def left_in(seen: str, rows: Iterable[Row], raw: str, *, nobody: bool) -> tuple[str, ...]:
    """What is still there when nothing may be. `nobody`: no process is left that could close the ledger,
    or write the file: what an application sees is all that counts then."""
    found = [f"an application still sees {seen}"] if seen else []
    if nobody:
        return tuple(found)
    found += [f"{row.fault.id} is open in the ledger ({row.status})" for row in rows if row.open]
    found += [f"the file still says {raw}"] if raw != "healthy" else []
    return tuple(found)
