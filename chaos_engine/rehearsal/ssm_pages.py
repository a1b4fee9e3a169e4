"""Filters by key and values, and pages by the last entry's id: a list may grow while it is read. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from chaos_engine.rehearsal.automation_document import RefusedError

T = TypeVar("T")
Test = Callable[[T, str], bool]
LARGEST = 50


class UnknownKeyError(RefusedError):
    """No filter of that name."""


class UnknownTokenError(RefusedError):
    """No entry of that token."""


def filtered(
    items: Sequence[T], filters: Sequence[Mapping[str, Any]], tests: Mapping[str, Test[T]]
) -> list[T]:
    """What passes every filter; any of a filter's values will do. UnknownKeyError names the key."""
    for one in filters:
        if one["Key"] not in tests:
            allowed = ", ".join(sorted(tests))
            raise UnknownKeyError(f"filter {one['Key']} is not rehearsed; allowed: {allowed}")
    return [item for item in items if all(_passes(item, one, tests[one["Key"]]) for one in filters)]


def page(
    items: Sequence[T], name: Callable[[T], str], size: int | None, token: str | None
) -> tuple[list[T], str]:
    """The entries after the token, and the next token ("" at the end). UnknownTokenError otherwise."""
    start = _after(items, name, token) if token else 0
    size = LARGEST if size is None else size
    if not 1 <= size <= LARGEST:
        raise RefusedError(f"MaxResults {size}; allowed: 1 to {LARGEST}")
    shown = list(items[start : start + size])
    more = start + size < len(items)
    return shown, base64.urlsafe_b64encode(name(shown[-1]).encode()).decode() if more else ""


def moment(written: str) -> float:
    """Seconds since 1970 of an ISO 8601 time. RefusedError says what is wrong."""
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        raise RefusedError(f"{written!r} is not a time, such as 2026-01-31T12:00:00Z") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _passes(item: T, one: Mapping[str, Any], test: Test[T]) -> bool:
    return any(test(item, value) for value in one["Values"])


def _after(items: Sequence[T], name: Callable[[T], str], token: str) -> int:
    try:
        last = base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, ValueError):
        last = ""
    for place, item in enumerate(items):
        if name(item) == last:
            return place + 1
    raise UnknownTokenError("the NextToken is not valid")
