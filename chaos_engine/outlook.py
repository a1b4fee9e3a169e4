"""Pure: what would be injected, and when, as the schedule stands."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import scheduler
from chaos_engine.config import Settings
from chaos_engine.model import Now
from chaos_engine.worst_case import OBJECTIVE, worst_case

COUNT = 20
MOST_DAYS = 3650


def outlook(
    settings: Settings, seed: int, now: float, days: float | None = None, count: int | None = None,
    objective: float = OBJECTIVE,
) -> dict[str, Any]:  # fmt: skip
    """The starts after `now` (wall): so many, or those of so many days; COUNT where neither is said.

    `at` is a date and time where the schedule's windows are. With what the schedule can do at worst.
    """
    return {
        "seed": seed,
        "timezone": settings.rules.timezone,
        "enabled": settings.rules.enabled,
        "worst_case": worst_case(settings, now, objective),
        "starts": [_entry(start, settings) for start in _starts(settings, seed, now, days, count)],
    }


def _starts(
    settings: Settings, seed: int, now: float, days: float | None, count: int | None
) -> Iterator[scheduler.Planned]:
    state = scheduler.State(origin=Now(now, 0.0))
    until = now + (scheduler.YEAR if days is None else days * scheduler.DAY)
    starts = scheduler.forecast(settings.rules, state, seed, settings.hold, until)
    return itertools.islice(starts, count if count or days else COUNT)


def _entry(start: scheduler.Planned, settings: Settings) -> dict[str, str]:
    at = datetime.fromtimestamp(start.at, UTC).astimezone(ZoneInfo(settings.rules.timezone))
    return {"at": at.isoformat(timespec="seconds"), "scenario": start.label, "target": start.target}
