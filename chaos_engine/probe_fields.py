"""The fields that probes have in common: each refused by name, with what is allowed."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from chaos_engine import durations
from chaos_engine.model import Expectation
from chaos_engine.spelling import nearest
from evaluators import expectation


def known(data: Mapping[str, Any], keys: Collection[str], prefix: str = "") -> Mapping[str, Any]:
    """The mapping, whose keys are all among these."""
    for key in data:
        if key not in keys:
            allowed = ", ".join(sorted(keys))
            raise ValueError(f"{prefix}unknown key {key!r}{nearest(str(key), keys)}; allowed: {allowed}")
    return data


def bound(key: str, value: object) -> Expectation:
    """An expectation such as "< 5"."""
    try:
        return expectation.parse(str(value))
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def between(key: str, value: object, least: float, most: float) -> float:
    """A duration within these bounds, in seconds."""
    try:
        seconds = durations.parse(value)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None
    if not least <= seconds <= most:
        raise ValueError(f"{key}: {value!r} is out of bounds; allowed: {least:g}s to {most:g}s")
    return seconds


def one_of(key: str, value: str, words: Collection[str]) -> str:
    """One of these words."""
    if value in words:
        return value
    raise ValueError(f"{key}: unknown {value!r}{nearest(value, words)}; allowed: {', '.join(sorted(words))}")


def share(value: object) -> float:
    """A share above 0 and up to 1, from `80%` or `0.8`. ValueError says what is allowed."""
    text = str(value).strip()
    try:  # as decimals: 14.3 / 100 is not quite 0.143
        found = float(Decimal(text.removesuffix("%")) / (100 if text.endswith("%") else 1))
    except ArithmeticError:
        found = math.nan
    if isinstance(value, bool) or not 0 < found <= 1:
        raise ValueError(f"{value!r} is no share; allowed: above 0% and up to 100%, such as 80%")
    return found


def url(key: str, value: object) -> str:
    """The address. ValueError says that it is none, and what is allowed."""
    try:
        parts = urlsplit(str(value))
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port out of range, a bracket too few
        good = False
    if not good:
        named = f"{key}: " if key else ""
        raise ValueError(f"{named}{value!r} is no address; allowed: http://HOST:PORT/PATH or https://…")
    return str(value)
