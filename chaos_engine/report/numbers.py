"""Pure: rates and times, never without how many they are made of.

Intervals of rates are Wilson's score intervals (E. B. Wilson, JASA 22, 1927, p. 209); of a difference of two
rates Newcombe's (R. G. Newcombe, Statistics in Medicine 17, 1998, p. 873, method 10), which is made of them.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

CONFIDENCE = 0.95
_Z = statistics.NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many `of` so many."""

    hits: int
    of: int

    @property
    def share(self) -> float | None:
        """0..1; None: of none."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true rate lies, with 95 % confidence: Wilson's score interval."""
        if not self.of:
            return 0.0, 1.0
        share, n, z2 = self.hits / self.of, self.of, _Z * _Z
        middle = (share + z2 / (2 * n)) / (1 + z2 / n)
        half = _Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
        low = 0.0 if self.hits == 0 else middle - half
        high = 1.0 if self.hits == self.of else middle + half
        return max(0.0, low), min(1.0, high)

    def plain(self) -> dict[str, float | int | None]:
        """As data."""
        low, high = self.interval
        return {"hits": self.hits, "of": self.of, "share": self.share, "low": low, "high": high}


def difference(now: Rate, before: Rate) -> tuple[float, float, float] | None:
    """How much the rate has changed, with the ends of its 95 % interval; None: one of them is of none."""
    if now.share is None or before.share is None:
        return None
    (l1, u1), (l2, u2), d = now.interval, before.interval, now.share - before.share
    low = d - math.hypot(now.share - l1, u2 - before.share)
    high = d + math.hypot(u1 - now.share, before.share - l2)
    return d, max(-1.0, low), min(1.0, high)


@dataclass(frozen=True, slots=True)
class Spread:
    """Many values in a few numbers. Without values there is none."""

    count: int
    median: float | None = None
    p90: float | None = None  # by nearest rank: a value that was measured
    most: float | None = None

    def plain(self) -> dict[str, float | int | None]:
        """As data."""
        return {"count": self.count, "median": self.median, "p90": self.p90, "most": self.most}


def spread(values: Iterable[float]) -> Spread:
    """The median, the 90th percentile and the largest."""
    found = sorted(values)
    if not found:
        return Spread(0)
    p90 = found[math.ceil(0.9 * len(found)) - 1]
    return Spread(len(found), statistics.median(found), p90, found[-1])
