"""What was published with PutMetricData, and the statistics of it over the periods of a window."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from chaos_engine.rehearsal.metric_math_values import Series
from chaos_engine.rehearsal.metric_statistics import Sample, parse

MINUTE = 60
DAY = 86400
SECONDS_ARE_KEPT = 3 * 60 * MINUTE  # as in CloudWatch (user guide: "Metrics retention")


@dataclass(frozen=True)
class Metric:
    """A metric is named by its namespace, name and all of its dimensions."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def of(namespace: str, name: str, dimensions: Sequence[Mapping[str, str]] | None) -> Metric:
        """From the API's words."""
        pairs = ((each["Name"], each["Value"]) for each in dimensions or ())
        return Metric(namespace, name, tuple(sorted(pairs)))


@dataclass(frozen=True)
class MetricStat:
    """One statistic of a metric; `unit` None counts data of every unit."""

    metric: Metric
    stat: str
    period: int
    unit: str | None = None


@dataclass(frozen=True, order=True, slots=True)
class Point:
    """Samples of one moment: second, rounded down to the minute where the resolution is a minute."""

    at: int
    unit: str | None = field(compare=False)
    sample: Sample = field(compare=False)


@dataclass(frozen=True)
class Window:
    """StartTime (inclusive) and EndTime (exclusive) of a request, and when it was made; Unix seconds."""

    start: float
    end: float
    now: float

    def starts(self, period: int) -> range:
        """Where each period starts, oldest first; StartTime is rounded as the API reference says."""
        if not period:
            return range(0)
        step = self._rounding(period)
        return range(int(self.start // step) * step, math.ceil(self.end), period)

    def _rounding(self, period: int) -> int:
        if period < MINUTE:
            return period
        age = self.now - self.start
        return MINUTE if age < 15 * DAY else 5 * MINUTE if age <= 63 * DAY else 60 * MINUTE


class Samples:
    """All that was published into one region."""

    def __init__(self, points: Mapping[Metric, Sequence[Point]] | None = None) -> None:
        self._points = {metric: list(each) for metric, each in (points or {}).items()}
        self._aged: int | None = None

    def copy(self) -> Samples:
        """The same points, to add others to."""
        return Samples(self._points)

    def __iter__(self) -> Iterator[Metric]:
        return iter(self._points)

    def add(self, metric: Metric, datum: Mapping[str, Any], at: float) -> None:
        """A MetricDatum of PutMetricData: Value, Values with Counts, or StatisticValues."""
        step = 1 if datum.get("StorageResolution") == 1 else MINUTE
        points = self._points.setdefault(metric, [])
        for sample in _samples(datum):
            insort(points, Point(int(at // step) * step, datum.get("Unit"), sample))

    def age(self, now: float) -> None:
        """What was published by the second becomes one statistic set a minute, as it grows old."""
        limit = int((now - SECONDS_ARE_KEPT) // MINUTE) * MINUTE
        before, self._aged = self._aged, limit
        if before is None or before == limit:  # what was old when it came stays as it is
            return
        for points in self._points.values():
            first, last = _place(points, before), _place(points, limit)
            points[first:last] = _by_minute(points[first:last])

    def between(self, metric: Metric, start: int, end: int, unit: str | None = None) -> list[Sample]:
        """What was measured in [start, end)."""
        points = self._points.get(metric, [])
        inside = points[_place(points, start) : _place(points, end)]
        return [point.sample for point in inside if unit is None or point.unit == unit]

    def unit(self, metric: Metric, start: int, end: int) -> str | None:
        """The unit of the first point of [start, end)."""
        points = self._points.get(metric, [])
        inside = points[_place(points, start) : _place(points, end)]
        return inside[0].unit if inside else None

    def series(self, wanted: MetricStat, starts: range) -> Series:
        """The statistic over each period that has samples."""
        statistic, empty = parse(wanted.stat), Series({}, wanted.period, wanted.metric.name)
        return empty.with_values((at, statistic(samples)) for at, samples in self._by_period(wanted, starts))

    def _by_period(self, wanted: MetricStat, starts: range) -> Iterator[tuple[int, list[Sample]]]:
        """By the points, not by the periods: a window may be years long."""
        points = self._points.get(wanted.metric, [])
        end = starts.start + len(starts) * wanted.period
        inside = points[_place(points, starts.start) : _place(points, end)]
        counted = [point for point in inside if wanted.unit in (None, point.unit)]
        for number, group in groupby(counted, lambda point: (point.at - starts.start) // wanted.period):
            yield starts.start + number * wanted.period, [point.sample for point in group]


def _by_minute(points: Sequence[Point]) -> Iterator[Point]:
    for minute, group in groupby(points, lambda point: point.at // MINUTE * MINUTE):
        found = list(group)
        if all(point.at == minute for point in found):  # published by the minute
            yield from found
            continue
        for unit in dict.fromkeys(point.unit for point in found):
            yield Point(minute, unit, Sample.together([p.sample for p in found if p.unit == unit]))


def _place(points: list[Point], at: int) -> int:
    return bisect_left(points, at, key=lambda point: point.at)


def _samples(datum: Mapping[str, Any]) -> list[Sample]:
    if values := datum.get("Values"):
        counts = datum.get("Counts") or [1] * len(values)
        return [Sample.of(float(value), float(count)) for value, count in zip(values, counts, strict=True)]
    if known := datum.get("StatisticValues"):
        return [Sample(*(float(known[name]) for name in ("SampleCount", "Sum", "Minimum", "Maximum")))]
    return [Sample.of(float(datum.get("Value", 0)))]
