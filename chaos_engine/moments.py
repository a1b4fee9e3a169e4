"""Moments as people write them: `30d` (ago), `2026-03-01`, `2026-03-01T12:00+01:00`."""

from __future__ import annotations

from datetime import UTC, datetime

from chaos_engine import durations

ALLOWED = "how long ago, such as 30d or 2h, or a date, such as 2026-03-01 or 2026-03-01T12:00+01:00"


def parse(text: str, now: float) -> float:
    """Wall time. A date without a zone is in this machine's. ValueError says what is allowed."""
    try:
        return now - durations.parse(text)
    except ValueError:
        return _date(text)


def iso(wall: float | None) -> str:
    """The date in UTC, to the millisecond; empty where there is none."""
    if wall is None:
        return ""
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _date(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text!r} is no moment; allowed: {ALLOWED}") from None
