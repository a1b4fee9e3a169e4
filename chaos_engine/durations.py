"""Durations as people write them: `180s`, `1.5m`, `250ms`, `10-30s`. All values in seconds."""

from __future__ import annotations

import difflib
import re

_UNITS = {
    "ms": 0.001, "millisecond": 0.001, "milliseconds": 0.001,
    "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0,
    "m": 60.0, "min": 60.0, "minute": 60.0, "minutes": 60.0,
    "h": 3600.0, "hour": 3600.0, "hours": 3600.0,
    "d": 86400.0, "day": 86400.0, "days": 86400.0,
}  # fmt: skip
_ONE = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([A-Za-z]*)\s*")
ALLOWED = "a number with ms, s, m, h or d, such as 180s or 1.5m"
LONGEST = 3650 * 86400.0  # so that every moment that is reckoned with is still a date


def parse(value: object) -> float:
    """Seconds. A bare number is seconds. ValueError says what is allowed."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _bounded(value, value)
    if isinstance(value, str) and (match := _ONE.fullmatch(value)):
        return _bounded(float(match[1]) * _unit(match[2], value), value)
    raise ValueError(f"{value!r} is not a duration; allowed: {ALLOWED}")


def parse_range(value: object) -> tuple[float, float]:
    """Lowest and highest: `10-30s`, or one duration for both."""
    if not isinstance(value, str) or "-" not in value.strip().lstrip("-"):
        return (parse(value),) * 2
    first, _, last = value.partition("-")
    unit = re.sub(r"[\d.\s]", "", last)
    try:
        low, high = parse(first if re.search("[A-Za-z]", first) else first + unit), parse(last)
    except ValueError as error:
        raise ValueError(f"{value!r}: {error}, or lowest-highest, such as 10-30s") from None
    if low > high:
        raise ValueError(f"{value!r} runs backwards; allowed: lowest-highest, such as 10-30s")
    return low, high


def show(seconds: float) -> str:
    """The shortest way to write it: 90 -> 90s, 0.25 -> 250ms, 7200 -> 2h."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:g}ms"
    for name, size in (("d", 86400.0), ("h", 3600.0), ("m", 60.0)):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds / size:.0f}{name}"
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"  # never 1e+06s


def _unit(word: str, value: str) -> float:
    if not word:
        return 1.0
    if (size := _UNITS.get(word.lower() if len(word) > 1 else word)) is not None:
        return size
    near = difflib.get_close_matches(word.lower(), _UNITS, 1)
    hint = f"; did you mean {value.replace(word, near[0])!r}?" if near else ""
    raise ValueError(f"{value!r} is not a duration; allowed: {ALLOWED}{hint}")


def _bounded(seconds: float, value: object) -> float:
    if not 0 <= seconds <= LONGEST:  # nor is NaN; and an int may be too large for a float
        shown = str(value) if len(str(value)) < 40 else f"{str(value)[:40]}…"  # noqa: PLR2004
        raise ValueError(f"{shown!r} is not a duration; allowed: {ALLOWED}, from 0 to {show(LONGEST)}")
    return float(seconds)
