"""Pure: how often something may happen. A bucket of tokens for each client."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second in the long run, and at most `burst` at once."""

    per_second: float
    burst: int


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Rates:
    """A bucket a name; of too many names those are forgotten that were quiet the longest."""

    def __init__(self, rate: Rate, most_names: int = 1000) -> None:
        self._rate = rate
        self._most = most_names
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, name: str, now: float) -> float:
        """Seconds to wait before it may; 0: it may now, and counts. `now` in monotonic seconds."""
        bucket = self._buckets.setdefault(name, _Bucket(float(self._rate.burst), now))
        self._buckets.move_to_end(name)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        grown = bucket.tokens + (now - bucket.at) * self._rate.per_second
        bucket.tokens, bucket.at = min(float(self._rate.burst), grown), now
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self._rate.per_second
        bucket.tokens -= 1
        return 0.0
