"""When the journal is pruned: rarely, in small bites, and never while it could delay a clearing."""

from __future__ import annotations

from collections.abc import Callable

from chaos_engine.journal_fields import LEAST_AGE, Keep
from chaos_engine.model import Now
from chaos_engine.ports import Journal

BITE = 20  # experiments at a time: some milliseconds
REST, SOON = 600.0, 5.0  # seconds until the next look: where there was nothing to drop, and where there was
PATIENCE = 3600.0  # seconds after which it does not wait for a moment without experiments any more


class Retention:
    """Looks from time to time whether there is something to drop."""

    def __init__(self, journal: Journal, record: Callable[[Callable[[], None]], None], now: Now) -> None:
        self._journal = journal
        self._record = record
        self._next = now.plus(SOON)

    def look(self, keep: Keep, now: Now, *, idle: bool) -> None:
        """Drop a bite, if it is time. `idle`: no experiment is under way, and nothing is to be cleared."""
        late = now.mono >= self._next.mono + PATIENCE
        if now.mono >= self._next.mono and (idle or late):
            self._next = now.plus(REST)
            self._record(lambda: self._bite(keep, now))

    def _bite(self, keep: Keep, now: Now) -> None:
        before = self._oldest_kept(keep, now.wall)
        if before is not None and self._journal.prune(before, BITE):
            self._next = now.plus(SOON)

    def _oldest_kept(self, keep: Keep, wall: float) -> float | None:
        """What began before then is dropped; None: nothing is. Two days are kept whatever is asked for."""
        by_age = wall - keep.age if keep.age is not None else None
        by_count = self._journal.begun_at(keep.experiments) if keep.experiments is not None else None
        bounds = [bound for bound in (by_age, by_count) if bound is not None]
        return min(max(bounds), wall - LEAST_AGE) if bounds else None
