"""Pure: which faults somebody other than their engine has to clear.

The janitor acts only where the engine's sign of life is gone. It holds a fault that it took over for one
lease; then another may try. What was taken over and cleared is watched for one more lease: an engine that
was only frozen may have injected after the clearing, before it saw that the duty was not its any more.
"""

from __future__ import annotations

from collections.abc import Iterable

from chaos_engine.ledger import Entry

LEASE = 10.0  # seconds
POLL = 1.0  # seconds between two looks
GRACE = 1.0  # seconds past its deadline in which the fault is still its engine's


def engine_is_gone(heartbeat_age: float | None) -> bool:
    """Whether the sign of life is missing, or older than a lease; one from the future is none."""
    return heartbeat_age is None or not -LEASE <= heartbeat_age <= LEASE


def to_take_over(entries: Iterable[Entry], now: float, heartbeat_age: float | None) -> list[Entry]:
    """Overdue faults whose holder is gone. `now` is wall time."""
    gone = engine_is_gone(heartbeat_age)
    return [
        entry for entry in entries if entry.open and _is_overdue(entry, now) and _is_free(entry, now, gone)
    ]


def to_watch(entries: Iterable[Entry], now: float) -> list[Entry]:
    """Faults that were taken over and cleared within the last lease."""
    return [
        entry
        for entry in entries
        if entry.taken_at is not None and entry.cleared_at is not None and now - entry.cleared_at <= LEASE
    ]


def _is_overdue(entry: Entry, now: float) -> bool:
    return now >= entry.fault.deadline.wall + GRACE


def _is_free(entry: Entry, now: float, gone: bool) -> bool:
    """An engine's fault where the engine is gone; another remover's where its lease is over."""
    if entry.status == "taken over":
        return entry.taken_at is None or abs(now - entry.taken_at) > LEASE
    return gone
