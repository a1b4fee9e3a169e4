"""The moments at which a query is evaluated over a window."""

from __future__ import annotations

import math
from dataclasses import dataclass

from chaos_engine.ports import PrometheusQuery

LEAST_STEP = 250  # milliseconds: below it, evaluations only repeat each other
USUAL_STEP = 1000
LEAST_STEPS, MOST_STEPS = 10, 120


@dataclass(frozen=True, slots=True)
class Grid:
    """Evaluation times in whole milliseconds, as Prometheus keeps them. Step 0: one instant."""

    first: int
    step: int
    count: int

    @property
    def times(self) -> tuple[int, ...]:
        """Every evaluation time, in milliseconds, the last of them the window's end."""
        return tuple(self.first + i * self.step for i in range(self.count))

    def query(self, url: str, expr: str) -> PrometheusQuery:
        """The expression, evaluated at these times."""
        times = self.times
        return PrometheusQuery(url, expr, times[0] / 1000, times[-1] / 1000, self.step / 1000)


def between(start: float, end: float) -> Grid:
    """Evaluations from `start` to `end` (which is one of them): at most a tenth of the span apart."""
    low, high = math.ceil(start * 1000), math.floor(end * 1000)
    span = max(0, high - low)
    wished = min(max(LEAST_STEPS, math.ceil(span / USUAL_STEP)), MOST_STEPS)
    steps = min(wished, span // LEAST_STEP)
    if steps == 0:
        return at(end)
    step = span // steps
    return Grid(high - steps * step, step, steps + 1)


def at(moment: float) -> Grid:
    """One evaluation."""
    return Grid(math.floor(moment * 1000), 0, 1)
