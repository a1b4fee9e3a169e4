"""CloudWatch's statistics over the samples of one period (user guide: "CloudWatch statistics definitions").

A percentile is the value of nearest rank: p99 is the highest of the lowest 99 % of the samples. Trimmed forms
leave out whole samples only: floor(n · share) at each end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from math import ceil, floor, inf


@dataclass(frozen=True, slots=True)
class Sample:
    """`count` samples at once. Published as one value, or as a statistic set that only knows its ends."""

    count: float
    total: float
    minimum: float
    maximum: float

    @staticmethod
    def of(value: float, count: float = 1.0) -> Sample:
        """`count` times the same value."""
        return Sample(count, value * count, value, value)

    @staticmethod
    def together(samples: Samples) -> Sample:
        """A statistic set of them all, at least one."""
        return Sample(
            sum(each.count for each in samples),
            sum(each.total for each in samples),
            min(each.minimum for each in samples),
            max(each.maximum for each in samples),
        )

    @property
    def is_raw(self) -> bool:
        """Whether the single values are known: as many equal ones as `count` says."""
        return self.minimum == self.maximum and self.total == self.minimum * self.count


Samples = Sequence[Sample]
Statistic = Callable[[Samples], float | None]
Ranked = list[tuple[float, float]]  # (value, count), lowest first


def parse(name: str) -> Statistic:
    """The statistic of that name. It takes a period's samples, at least one; None is no datapoint.

    ValueError for a name that CloudWatch does not know.
    """
    if name in PLAIN:
        return PLAIN[name]
    if name == "IQM":
        return _ranked(_Trimmed("TM", _Share(Fraction(1, 4), Fraction(3, 4))))
    for form, build in FORMS:
        if match := form.fullmatch(name):
            return _ranked(build(match))
    raise ValueError(f"{name} is not a statistic")


def percentile_of(name: str) -> Fraction | None:
    """0.99 for p99; None for other statistics."""
    match = PERCENTILE.fullmatch(name)
    return _share(match[1]) if match else None


def count(samples: Samples) -> float:
    """SampleCount."""
    return sum(sample.count for sample in samples)


def total(samples: Samples) -> float:
    """Sum."""
    return sum(sample.total for sample in samples)


def average(samples: Samples) -> float | None:
    """Sum / SampleCount; none of no samples."""
    number = count(samples)
    return total(samples) / number if number else None


PLAIN: dict[str, Statistic] = {
    "SampleCount": count,
    "Sum": total,
    "Average": average,
    "Minimum": lambda samples: min(sample.minimum for sample in samples),
    "Maximum": lambda samples: max(sample.maximum for sample in samples),
}


@dataclass(frozen=True)
class _Share:
    """Bounds in percent of the samples: ranks."""

    low: Fraction
    high: Fraction

    def keep(self, ranked: Ranked) -> Ranked:
        number = sum(count for _, count in ranked)
        first = floor(Fraction(number) * self.low)
        last = Fraction(number) - floor(Fraction(number) * (1 - self.high))
        return _between_ranks(ranked, float(first), float(last))

    def edges(self, ranked: Ranked) -> tuple[float, float]:
        kept = self.keep(ranked) or ranked
        return kept[0][0], kept[-1][0]


@dataclass(frozen=True)
class _Absolute:
    """Bounds as values of the metric: above the lower one, up to and with the higher one."""

    low: float
    high: float

    def keep(self, ranked: Ranked) -> Ranked:
        return [(value, count) for value, count in ranked if self.low < value <= self.high]

    def edges(self, _: Ranked) -> tuple[float, float]:
        return self.low, self.high


@dataclass(frozen=True)
class _Trimmed:
    kind: str  # TM, TC, TS, WM or PR
    bounds: _Share | _Absolute

    def __call__(self, ranked: Ranked) -> float | None:
        if self.kind == "WM":
            low, high = self.bounds.edges(ranked)
            return _mean([(min(max(value, low), high), number) for value, number in ranked])
        kept = self.bounds.keep(ranked)
        number = sum(count for _, count in kept)
        if self.kind == "TC":
            return number
        if self.kind == "PR":
            return 100 * number / sum(count for _, count in ranked)
        return sum(value * count for value, count in kept) if self.kind == "TS" else _mean(kept)


@dataclass(frozen=True)
class _Percentile:
    share: Fraction

    def __call__(self, ranked: Ranked) -> float:
        number = sum(count for _, count in ranked)
        rank = max(ceil(Fraction(number) * self.share), 1)
        reached = accumulate(count for _, count in ranked)
        return next(
            (value for (value, _), upto in zip(ranked, reached, strict=True) if upto >= rank), ranked[-1][0]
        )


def _ranked(of_ranked: Callable[[Ranked], float | None]) -> Statistic:
    """These need raw samples, none of them negative; without, CloudWatch has no datapoint."""

    def statistic(samples: Samples) -> float | None:
        raw = sorted((sample.minimum, sample.count) for sample in samples if sample.count)
        known = all(sample.is_raw and sample.minimum >= 0 for sample in samples)
        return of_ranked(raw) if raw and known else None

    return statistic


def _between_ranks(ranked: Ranked, first: float, last: float) -> Ranked:
    kept, before = [], 0.0
    for value, number in ranked:
        inside = min(before + number, last) - max(before, first)
        if inside > 0:
            kept.append((value, inside))
        before += number
    return kept


def _mean(ranked: Ranked) -> float | None:
    number = sum(count for _, count in ranked)
    return sum(value * count for value, count in ranked) / number if number else None


def _share(percent: str) -> Fraction:
    share = Fraction(percent) / 100
    if share > 1:
        raise ValueError(f"{percent} is not a percentage")
    return share


def _up_to(match: re.Match[str]) -> _Trimmed:
    return _Trimmed(match[1].upper(), _Share(Fraction(0), _share(match[2])))


def _shares(match: re.Match[str]) -> _Trimmed:
    share = _Share(_share(match[2] or "0"), _share(match[3] or "100"))
    return _Trimmed(match[1], _with_a_range(share, match))


def _values(match: re.Match[str]) -> _Trimmed:
    absolute = _Absolute(float(match[2] or -inf), float(match[3] or inf))
    return _Trimmed(match[1], _with_a_range(absolute, match))


def _with_a_range(bounds: _Share | _Absolute, match: re.Match[str]) -> _Share | _Absolute:
    if bounds.low >= bounds.high or not (match[2] or match[3]):
        raise ValueError(f"{match[0]} has no range")
    return bounds


NUMBER = r"(\d+(?:\.\d{1,10})?)"
PERCENTILE = re.compile(f"p{NUMBER}")
FORMS: list[tuple[re.Pattern[str], Callable[[re.Match[str]], Callable[[Ranked], float | None]]]] = [
    (PERCENTILE, lambda match: _Percentile(_share(match[1]))),
    (re.compile(f"(tm|tc|ts|wm){NUMBER}"), _up_to),
    (re.compile(rf"(TM|TC|TS|WM)\((?:{NUMBER}%)?:(?:{NUMBER}%)?\)"), _shares),
    (re.compile(rf"(TM|TC|TS|WM|PR)\({NUMBER}?:{NUMBER}?\)"), _values),
]
