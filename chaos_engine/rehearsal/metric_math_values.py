"""What metric math reckons with: scalars, time series, and arrays of time series.

User guide: "Using metric math", data types S, TS and TS[].
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

Scalar = float | None  # None: a scalar of no data, such as AVG of an empty series


@dataclass(frozen=True)
class Series:
    """One time series: values by the second at which their period starts, sparse, in order of time."""

    values: Mapping[int, float]
    period: int
    label: str = ""

    def with_values(self, values: Iterable[tuple[int, Scalar]]) -> Series:
        """The same series with other values; what is no number is dropped."""
        numbers = ((at, finite(value)) for at, value in values)
        return replace(self, values={at: value for at, value in numbers if value is not None})

    def mapped(self, change: Callable[[float], Scalar]) -> Series:
        """Each value changed."""
        return self.with_values((at, guarded(change, value)) for at, value in self.values.items())


Value = Scalar | Series | tuple[Series, ...]


class Frame(Protocol):
    """The window that is asked for."""

    def starts(self, period: int) -> range:
        """Where each period of that length starts, in seconds, oldest first."""


class ExpressionError(ValueError):
    """CloudWatch would refuse this expression; the message says why."""


def kind(value: Value) -> str:
    """S, TS or TS[], as the user guide abbreviates them."""
    if isinstance(value, Series):
        return "TS"
    return "TS[]" if isinstance(value, tuple) else "S"


def finite(value: Scalar) -> Scalar:
    """The value, unless it is none, infinite or not a number."""
    return value if value is not None and math.isfinite(value) else None


def guarded(function: Callable[..., Scalar], *values: Any) -> Scalar:
    """The function's value; no datapoint where it has none: a division by zero, the logarithm of 0."""
    try:
        return function(*values)
    except (ArithmeticError, ValueError):
        return None


def combine(symbol: str, left: Value, right: Value) -> Value:
    """`left symbol right`, by the table of operand types. A value that one series lacks is 0."""
    function = OPERATORS[symbol]
    arrays = isinstance(left, tuple) or isinstance(right, tuple)
    if arrays and (symbol not in ARITHMETIC or kind(left) == kind(right)):
        raise ExpressionError(f"operator {symbol} does not take {kind(left)} and {kind(right)}")
    if isinstance(left, tuple):
        return tuple(_of_two(function, each, right) for each in left)
    if isinstance(right, tuple):
        return tuple(replace(_of_two(function, left, each), label=each.label) for each in right)
    if isinstance(left, Series) or isinstance(right, Series):
        return _of_two(function, left, right)
    return None if left is None or right is None else finite(guarded(function, left, right))


def negated(value: Value) -> Value:
    """Unary minus."""
    if isinstance(value, tuple):
        return tuple(each.mapped(operator.neg) for each in value)
    if isinstance(value, Series):
        return value.mapped(operator.neg)
    return None if value is None else -value


def _of_two(function: Callable[[float, float], Scalar], left: Value, right: Value) -> Series:
    if isinstance(left, Series) and isinstance(right, Series):
        times = sorted(left.values.keys() | right.values.keys())
        both = replace(left, period=max(left.period, right.period))
        of_none = 0.0
        return both.with_values(
            (at, guarded(function, left.values.get(at, of_none), right.values.get(at, of_none)))
            for at in times
        )
    if isinstance(left, Series):
        return left.mapped(lambda value: _with(function, value, right))
    assert isinstance(right, Series)  # noqa: S101 - one of the two is, by the callers
    return right.mapped(lambda value: _with(function, left, value))


def _with(function: Callable[[float, float], Scalar], left: Value, right: Value) -> Scalar:
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return function(left, right)
    return None


def _power(base: float, exponent: float) -> float:
    return math.pow(base, exponent)


def _truth(function: Callable[[float, float], bool]) -> Callable[[float, float], float]:
    return lambda left, right: float(function(left, right))


ARITHMETIC: dict[str, Callable[[float, float], Scalar]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": _power,
}
OPERATORS: dict[str, Callable[[float, float], Scalar]] = ARITHMETIC | {
    "==": _truth(operator.eq),
    "!=": _truth(operator.ne),
    "<=": _truth(operator.le),
    ">=": _truth(operator.ge),
    "<": _truth(operator.lt),
    ">": _truth(operator.gt),
    "AND": _truth(lambda left, right: bool(left and right)),
    "OR": _truth(lambda left, right: bool(left or right)),
}
