"""Pure: how users say how bad a network is: delays, percentages, rates."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator

from chaos_engine import durations
from scenarios.amounts import percent

MOST_DELAY = 60.0  # seconds
LEAST_RATE, MOST_RATE = 8_000, 10_000_000_000  # bits a second
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?)bit\s*", re.IGNORECASE)
_TIMES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
RATES = "a number with bit, kbit, mbit or gbit (a second), such as 1mbit, from 8kbit to 10gbit"


def delay(value: object) -> float:
    """Seconds, at most a minute."""
    seconds = durations.parse(value)
    if seconds > MOST_DELAY:
        raise ValueError(f"{value!r} is too long; allowed: at most {MOST_DELAY:g}s")
    return seconds


def percentage(value: object) -> float:
    """From `10%` or 10: above 0, at most 100."""
    return round(percent(value) * 100, 6)


def rate(value: object) -> int:
    """Bits a second, from `1mbit`."""
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    bits = round(float(match[1]) * _TIMES[match[2].lower()]) if match else _already(value)
    if not LEAST_RATE <= bits <= MOST_RATE:
        raise ValueError(f"{value!r} is no rate; allowed: {RATES}")
    return bits


def _already(value: object) -> int:
    """What was parsed before stays as it is."""
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


Delay = Annotated[float, BeforeValidator(delay)]
Percent = Annotated[float, BeforeValidator(percentage)]
Rate = Annotated[int, BeforeValidator(rate)]
