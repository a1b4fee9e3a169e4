"""Bounds as users write them: `"< 0.01"`, `">= 99%"`, `"in 0.9..1.1"`, `"<= 2x baseline"`."""

from __future__ import annotations

import math
import re

from chaos_engine.model import Expectation

ALLOWED = (
    'allowed are "<", "<=", ">", ">=", "==" or "!=" and a number, or "in LOW..HIGH"; '
    'a number may end in %, ms, s or m; or it is a multiple: "<= 2x baseline", "in 0.9..1.1x baseline"'
)
_PARTS = {"%": 100.0, "ms": 1000.0}  # divided by: 95 / 100 is 0.95, 95 * 0.01 is not
_MINUTE = 60.0
_NUMBER = r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
_COMPARED = re.compile(rf"(<=|>=|==|!=|<|>)\s*({_NUMBER})\s*(%|ms|s|m|x\s*baseline)?")
_RANGE = re.compile(rf"in\s+({_NUMBER})\s*(%|ms|s|m)?\s*\.\.\s*({_NUMBER})\s*(%|ms|s|m|x\s*baseline)?")


def parse(text: str) -> Expectation:
    """The expectation that the text states. ValueError: what is wrong, and what is allowed."""
    stripped = text.strip()
    if compared := _COMPARED.fullmatch(stripped):
        return _compared(stripped, *compared.groups())
    if ranged := _RANGE.fullmatch(stripped):
        return _ranged(stripped, *ranged.groups())
    raise ValueError(f"{text!r} is not an expectation: {ALLOWED}")


def holds(e: Expectation, value: float, baseline: float | None) -> bool | None:
    """Whether the value is within the bound; None: it is relative, and there is no baseline.

    NaN never holds.
    """
    if math.isnan(value):
        return False
    if not e.relative:
        return _within(e, value, e.low, e.high)
    if baseline is None or math.isnan(baseline):
        return None
    low, high = _times(e.low, baseline), _times(e.high, baseline)
    if low is not None and high is not None:  # a negative baseline turns a range round
        low, high = min(low, high), max(low, high)
    return _within(e, value, low, high)


def _within(e: Expectation, value: float, low: float | None, high: float | None) -> bool:
    above = low is None or value > low or (value == low and not e.low_open)
    below = high is None or value < high or (value == high and not e.high_open)
    return above and below and value != e.but


def _times(bound: float | None, baseline: float) -> float | None:
    return None if bound is None else bound * baseline


def _compared(text: str, operator: str, number: str, unit: str | None) -> Expectation:
    bound, relative = _bound(text, number, unit), _is_multiple(unit)
    if operator == "!=":
        return _but(text, bound, relative=relative)
    is_open = operator in ("<", ">")
    low = None if operator.startswith("<") else bound
    high = None if operator.startswith(">") else bound
    return Expectation(
        text, low, high, low_open=is_open and low is not None, high_open=is_open and high is not None,
        relative=relative,
    )  # fmt: skip


def _but(text: str, bound: float, *, relative: bool) -> Expectation:
    if relative:
        raise ValueError(f"{text!r} is an expectation that nearly everything meets: {ALLOWED}")
    return Expectation(text, but=bound)


def _ranged(text: str, first: str, first_unit: str | None, second: str, unit: str | None) -> Expectation:
    relative = _is_multiple(unit)
    if relative and first_unit:
        raise ValueError(f"{text!r} mixes a unit with a multiple of the baseline: {ALLOWED}")
    low = _bound(text, first, first_unit if first_unit or relative else unit)
    high = _bound(text, second, unit)
    if low > high:
        raise ValueError(f"{text!r} is empty: its low end is above its high end")
    return Expectation(text, low, high, relative=relative)


def _bound(text: str, number: str, unit: str | None) -> float:
    bound = float(number) / _PARTS.get(unit or "", 1.0) * (_MINUTE if unit == "m" else 1.0)
    if not math.isfinite(bound):
        raise ValueError(f"{text!r} has a number that is too large: {ALLOWED}")
    return bound


def _is_multiple(unit: str | None) -> bool:
    return bool(unit) and str(unit).startswith("x")
