"""Durations and cron lines, as fields of what users write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from cronsim import CronSim, CronSimError
from pydantic import BeforeValidator

import scheduler
from chaos_engine import durations


def _seconds(least: float = 0.0, *, above: bool = False) -> Callable[[object], float]:
    def check(value: object) -> float:
        seconds = durations.parse(value)
        if seconds < least or (above and seconds == least):
            raise ValueError(
                f"{value!r} is too short; allowed: {'above' if above else 'at least'} {least:g}s"
            )
        return seconds

    return check


Duration = Annotated[float, BeforeValidator(_seconds())]
PositiveDuration = Annotated[float, BeforeValidator(_seconds(0.0, above=True))]


def check_cron(window: str) -> None:
    """ValueError: it is none, or has no moment."""
    allowed = "five fields: minute hour day month weekday, such as `* 9-16 * * 1-5`"
    if len(window.split()) != 5:  # noqa: PLR2004  # cronsim takes seconds too, of which windows know nothing
        raise ValueError(f"{window!r} is no cron line; allowed: {allowed}")
    try:
        CronSim(window, datetime(2024, 1, 1))  # noqa: DTZ001  # cronsim wants the zone's own clock
    except CronSimError as error:
        raise ValueError(f"{window!r} is no cron line ({error}); allowed: {allowed}") from None
    if scheduler.never_fires(window):
        raise ValueError(f"{window!r} never fires; allowed: a line with at least one moment in it")
