"""The functions of metric math that take values alone (user guide: "Using metric math", table of functions).

Each entry: how many arguments, and what is made of them. A wrong type raises `ExpressionError`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate, pairwise

from chaos_engine.rehearsal.metric_math_values import (
    ExpressionError,
    Scalar,
    Series,
    Value,
    finite,
    guarded,
    kind,
)

Pairs = list[tuple[int, float]]
OfSeries = Callable[[Series], Series]


def each_series(name: str, change: OfSeries) -> Callable[[Value], Value]:
    """A function of TS → TS and TS[] → TS[]."""

    def function(value: Value) -> Value:
        if isinstance(value, tuple):
            return tuple(change(series) for series in value)
        if isinstance(value, Series):
            return change(value)
        raise ExpressionError(f"{name} takes a time series, not a scalar")

    return function


def aggregate(name: str, of: Callable[[list[float]], float]) -> Callable[[Value], Value]:
    """A function of TS → S, over its datapoints, and of TS[] → TS, at each time over the series."""

    def function(value: Value) -> Value:
        if isinstance(value, Series):
            return finite(guarded(of, list(value.values.values()))) if value.values else None
        if isinstance(value, tuple):
            return _across(value, of, zeros=name == "AVG")
        raise ExpressionError(f"{name} takes a time series, not a scalar")

    return function


def _across(array: tuple[Series, ...], of: Callable[[list[float]], float], *, zeros: bool) -> Series:
    """At each time of any series. Only AVG is documented to take missing values as 0."""
    times = sorted({at for series in array for at in series.values})
    period = max((series.period for series in array), default=0)
    values = ((at, [series.values[at] for series in array if at in series.values]) for at in times)
    return Series({}, period).with_values(
        (at, guarded(of, present + [0.0] * (len(array) - len(present) if zeros else 0)))
        for at, present in values
    )


def _steps(change: Callable[[tuple[int, float], tuple[int, float]], float]) -> OfSeries:
    """Each datapoint with the one before it; the first one has none."""
    return lambda series: series.with_values(
        (after[0], change(before, after)) for before, after in pairwise(series.values.items())
    )


def _running_sum(series: Series) -> Series:
    return series.with_values(zip(series.values, accumulate(series.values.values()), strict=True))


def metric_count(value: Value) -> Value:
    """METRIC_COUNT(TS[])."""
    return float(len(_array("METRIC_COUNT", value)))


def remove_empty(value: Value) -> Value:
    """REMOVE_EMPTY(TS[])."""
    return tuple(series for series in _array("REMOVE_EMPTY", value) if series.values)


def first(value: Value) -> Value:
    """FIRST(TS[])."""
    return next(iter(_array("FIRST", value)), Series({}, 0))


def last(value: Value) -> Value:
    """LAST(TS[])."""
    return next(reversed(_array("LAST", value)), Series({}, 0))


def slice_(value: Value, start: Value, end: Value = None) -> Value:
    """SLICE(TS[], from, up to): zero-based, the end not included."""
    return _array("SLICE", value)[_index("SLICE", start) : None if end is None else _index("SLICE", end)]


def sort(value: Value, by: str, order: str, limit: Value = None) -> Value:
    """SORT(TS[], AVG | MIN | MAX | SUM, ASC | DESC, limit). Series without data come last."""
    if by not in SORTED_BY or order not in ("ASC", "DESC"):
        raise ExpressionError("SORT takes AVG, MIN, MAX or SUM, then ASC or DESC")
    array, sign = _array("SORT", value), -1 if order == "DESC" else 1
    measure = AGGREGATES[by]
    ranked = sorted(
        array, key=lambda series: sign * measure(list(series.values.values())) if series.values else math.inf
    )
    return tuple(ranked[: None if limit is None else _index("SORT", limit)])


def if_(condition: Value, true: Value, false: Value | None = None, *, otherwise: bool = True) -> Value:
    """IF(condition, true, false); `otherwise` says whether there is a third argument.

    Where the condition holds and `true` has no value it is 0; where not and `false` has none, it is dropped.
    """
    if "TS[]" in (kind(condition), kind(true), kind(false)):
        raise ExpressionError("IF does not take an array of time series")
    if isinstance(condition, Series):
        return condition.with_values(
            (at, _at(true, at, 0.0) if value else _at(false, at, None) if otherwise else None)
            for at, value in condition.values.items()
        )
    return _whole_if(condition, true, false, otherwise=otherwise)


def _whole_if(condition: Value, true: Value, false: Value, *, otherwise: bool) -> Value:
    if not isinstance(true, Series) or (otherwise and not isinstance(false, Series)):
        raise ExpressionError("IF of a scalar takes time series")
    return (
        replace(true, values={})
        if condition is None or not (condition or otherwise)
        else true
        if condition
        else false
    )


def _at(value: Value, at: int, missing: Scalar) -> Scalar:
    if isinstance(value, Series):
        return value.values.get(at, missing)
    assert not isinstance(value, tuple)  # noqa: S101 - refused above
    return value


def _array(name: str, value: Value) -> tuple[Series, ...]:
    if isinstance(value, tuple):
        return value
    raise ExpressionError(f"{name} takes an array of time series, not {kind(value)}")


def _index(name: str, value: Value) -> int:
    if isinstance(value, (int, float)) and value >= 0 and value == int(value):
        return int(value)
    raise ExpressionError(f"{name} takes a whole number that is not negative")


AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "AVG": lambda values: math.fsum(values) / len(values),
    "MAX": max,
    "MIN": min,
    "SUM": math.fsum,
    "STDDEV": statistics.pstdev,
    "DATAPOINT_COUNT": lambda values: float(len(values)),
}
SORTED_BY = ("AVG", "MIN", "MAX", "SUM")
POINTWISE: dict[str, Callable[[float], float]] = {
    "ABS": abs,
    "CEIL": lambda value: float(math.ceil(value)),
    "FLOOR": lambda value: float(math.floor(value)),
    "LOG": math.log,
    "LOG10": math.log10,
}
STEPS: dict[str, OfSeries] = {
    "DIFF": _steps(lambda before, after: after[1] - before[1]),
    "DIFF_TIME": _steps(lambda before, after: float(after[0] - before[0])),
    "RATE": _steps(lambda before, after: (after[1] - before[1]) / (after[0] - before[0])),
    "RUNNING_SUM": _running_sum,
}


def _pointwise(change: Callable[[float], float]) -> OfSeries:
    return lambda series: series.mapped(change)


FUNCTIONS: dict[str, tuple[range, Callable[..., Value]]] = {
    **{name: (range(1, 2), aggregate(name, of)) for name, of in AGGREGATES.items()},
    **{name: (range(1, 2), each_series(name, _pointwise(change))) for name, change in POINTWISE.items()},
    **{name: (range(1, 2), each_series(name, change)) for name, change in STEPS.items()},
    "METRIC_COUNT": (range(1, 2), metric_count),
    "REMOVE_EMPTY": (range(1, 2), remove_empty),
    "FIRST": (range(1, 2), first),
    "LAST": (range(1, 2), last),
    "SLICE": (range(2, 4), slice_),
}
