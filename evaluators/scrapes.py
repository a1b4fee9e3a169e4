"""The raw scrapes behind a query: were there enough of them, and where are they missing?

An expression such as `foo or vector(0)` has a value even where nothing was ever measured. So each selector
is counted by itself; where its own series do not exist (no errors yet), its metric on the same job and
instance shows whether the target was scraped at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chaos_engine.model import Window
from chaos_engine.ports import PrometheusAnswer, PrometheusQuery
from evaluators.grid import Grid, at
from evaluators.selectors import Selector

ENOUGH = 2
_LOOKBACK = 300.0  # https://prometheus.io/docs/prometheus/latest/querying/basics/#staleness

Found = Mapping[PrometheusQuery, PrometheusAnswer]


@dataclass(frozen=True, slots=True)
class Scrapes:
    """The side questions about the selectors of one query, and what their answers mean."""

    url: str
    selectors: tuple[Selector, ...]
    window: Window
    blackouts: tuple[Window, ...]
    grid: Grid

    @property
    def asks(self) -> tuple[PrometheusQuery, ...]:
        """Raw counts in the clean pieces of the window, and presence at each evaluation; each once."""
        presence = [self._presence(selector) for selector in self.selectors]
        counts = [q for s in self.selectors for text in (s.text, s.relaxed) for q in self._counts(s, text)]
        return tuple(dict.fromkeys((*presence, *counts)))

    def too_few(self, found: Found) -> tuple[Selector, int] | None:
        """The first selector with fewer than two raw scrapes, and how many it has."""
        counted = ((selector, self.count(selector, found)) for selector in self.selectors)
        return next(((selector, count) for selector, count in counted if count < ENOUGH), None)

    def count(self, selector: Selector, found: Found) -> int:
        """Raw samples of its best series; where it has no series, of its metric on the same targets."""
        own = self._counted(selector, selector.text, found)
        return own or self._counted(selector, selector.relaxed, found)

    def backed(self, found: Found) -> frozenset[int]:
        """Evaluation times (milliseconds) at which every selector had something measured to look at."""
        present = [_times(found[self._presence(selector)]) for selector in self.selectors]
        return frozenset.intersection(*present)

    def staleness(self, found: Found) -> float:
        """How old, in seconds, the last sample may be that a selector without a range takes up."""
        plain = [selector for selector in self.selectors if selector.span == 0]
        return max((self._interval(selector, found) for selector in plain), default=0.0)

    def interval(self, found: Found) -> float:
        """Seconds between two scrapes, of the selector that is scraped least."""
        return max(self._interval(selector, found) for selector in self.selectors)

    def _interval(self, selector: Selector, found: Found) -> float:
        seen = sum(piece.length for piece in self._pieces(selector))
        return min(seen / max(1, self.count(selector, found) - 1), _LOOKBACK)

    def _presence(self, selector: Selector) -> PrometheusQuery:
        offset = f" offset {_ms(selector.shift)}" if selector.shift else ""
        if selector.span:
            looked = f"count_over_time({selector.relaxed}[{_ms(selector.span)}]{offset})"
        else:
            looked = f"{selector.relaxed}{offset}"
        return self.grid.query(self.url, f"count({looked})")

    def _counts(self, selector: Selector, text: str) -> list[PrometheusQuery]:
        return [
            at(piece.end).query(self.url, f"max(count_over_time({text}[{_ms(piece.length)}]))")
            for piece in self._pieces(selector)
        ]

    def _counted(self, selector: Selector, text: str, found: Found) -> int:
        return int(sum(_value(found[query]) for query in self._counts(selector, text)))

    def _pieces(self, selector: Selector) -> list[Window]:
        """The clean parts of the window from which the selector takes samples."""
        read = Window(self.window.start, self.window.end - selector.shift)
        return [piece for piece in clean(read, self.blackouts) if piece.length >= 0.001]  # noqa: PLR2004


def clean(window: Window, blackouts: Iterable[Window]) -> list[Window]:
    """What is left of the window without the blackouts."""
    pieces, start = [], window.start
    for blackout in sorted(blackouts, key=lambda b: b.start):
        if blackout.start >= window.end or blackout.end <= start:
            continue
        if blackout.start > start:
            pieces.append(Window(start, blackout.start))
        start = blackout.end
    return [*pieces, Window(start, window.end)] if start < window.end else pieces


def _times(answer: PrometheusAnswer) -> frozenset[int]:
    return frozenset(round(moment * 1000) for series in answer.series for moment, _ in series.points)


def _value(answer: PrometheusAnswer) -> float:
    return max((value for series in answer.series for _, value in series.points), default=0.0)


def _ms(seconds: float) -> str:
    return f"{max(1, round(seconds * 1000))}ms"
