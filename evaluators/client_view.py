"""What a client saw: which requests are good, which are still open, and the latencies of the good ones."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chaos_engine.model import HttpProbe, Window
from chaos_engine.ports import HttpSample
from evaluators import expectation

STATISTICS = ("p50", "p90", "p95", "p99", "max")
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?|100)")
_GOOD_STATUS = range(200, 400)  # a redirect is an answer; it is not followed


@dataclass(frozen=True, slots=True)
class ClientView:
    """The requests of one window, sorted by what became of them.

    `slow` ones are unanswered for longer than the latency bound, but may still succeed; unanswered ones
    past the timeout are bad; younger ones say nothing yet, and are left out.
    """

    good: tuple[HttpSample, ...]
    bad: tuple[HttpSample, ...]
    slow: tuple[HttpSample, ...]

    @property
    def judged(self) -> int:
        """How many requests say something."""
        return len(self.good) + len(self.bad) + len(self.slow)

    @property
    def latencies(self) -> tuple[float, ...]:
        """Seconds, ascending. Fast failures must not flatter; open ones have taken at least this long."""
        return tuple(sorted(sample.took for sample in (*self.good, *self.slow)))

    def success(self) -> float:
        """Share of good ones among those whose fate is known, 0..1."""
        known = len(self.good) + len(self.bad)
        return len(self.good) / known if known else math.nan

    def worst_success(self) -> float:
        """Share of good ones, should every slow one fail."""
        return len(self.good) / self.judged if self.judged else math.nan


def view(probe: HttpProbe, samples: Iterable[HttpSample], baseline: Mapping[str, float]) -> ClientView:
    """The samples, sorted by what became of them."""
    good, bad, slow = [], [], []
    limit = patience(probe, baseline)
    for sample in samples:
        if is_good(probe, sample):
            good.append(sample)
        elif sample.done or sample.took > probe.timeout:
            bad.append(sample)
        elif sample.took > limit:
            slow.append(sample)
    return ClientView(tuple(good), tuple(bad), tuple(slow))


def patience(probe: HttpProbe, baseline: Mapping[str, float]) -> float:
    """Seconds after which an open request is a slow one: the loosest latency bound, else the timeout."""
    tops = [
        bound.high * (baseline.get(name, math.inf) if bound.relative else 1.0)
        for name, bound in probe.latency.items()
        if bound.high is not None
    ]
    return min(max(tops, default=math.inf), probe.timeout)


def is_good(probe: HttpProbe, sample: HttpSample) -> bool:
    """Whether the request is answered, with a status and a body that the probe accepts."""
    if not sample.done or sample.error or sample.status is None or not sample.body_matches:
        return False
    return sample.status in (probe.status or _GOOD_STATUS)


def is_well(probe: HttpProbe, sample: HttpSample, baseline: Mapping[str, float]) -> bool:
    """Whether this one request is good, and within every latency bound by itself."""
    return is_good(probe, sample) and all(
        expectation.holds(bound, sample.took, baseline.get(name)) for name, bound in probe.latency.items()
    )


def statistic(name: str, latencies: Sequence[float]) -> float:
    """A percentile by nearest rank (no value that was not measured), or the maximum, in seconds."""
    if name == "max":
        return latencies[-1]
    matched = _PERCENTILE.fullmatch(name)
    if matched is None:
        raise ValueError(f"latency {name!r} is unknown: allowed are p50, p90, p95, p99, … and max")
    rank = math.ceil(float(matched[1]) / 100 * len(latencies))
    return latencies[max(0, rank - 1)]


def measured(seen: ClientView) -> dict[str, float]:
    """The share of good requests, and the median and p95 of the latencies, as far as there are."""
    found = {name: statistic(name, seen.latencies) for name in ("p50", "p95") if seen.latencies}
    success = seen.success()
    return found if math.isnan(success) else {"success": success, **found}


def clean(samples: Iterable[HttpSample], blackouts: Iterable[Window]) -> tuple[HttpSample, ...]:
    """Requests that did not live through a fault of our own."""
    times = tuple(blackouts)
    return tuple(s for s in samples if not any(b.start < s.at + s.took and s.at < b.end for b in times))


def describe(probe: HttpProbe, sample: HttpSample) -> str:
    """What became of one request, in a few words."""
    if not sample.done:
        return f"no answer after {sample.took:.1f} s"
    if sample.error or sample.status is None:
        return sample.error or "no answer"
    if sample.status not in (probe.status or _GOOD_STATUS):
        return f"HTTP {sample.status}"
    return (
        f"HTTP {sample.status} in {sample.took:.2f} s" if sample.body_matches else "the body does not match"
    )
