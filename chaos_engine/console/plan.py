"""`plan`: what would be injected, and when. It never looks at the world."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom
from zoneinfo import ZoneInfo

import click

import scheduler
from chaos_engine.config import Settings, load_settings
from chaos_engine.model import Now
from chaos_engine.written import ConfigError, unknown_variables

COUNT = 20
MOST_DAYS = 3650


def show(
    config: Path | None, days: float | None, count: int | None, seed: int | None, *, as_json: bool
) -> None:
    """Print the starts, and in the end how often each scenario comes."""
    if days is not None and not 0 < days <= MOST_DAYS:  # nor is NaN, which would never end
        raise ConfigError([f"--days: {days:g}; allowed: above 0, at most {MOST_DAYS}"])
    settings = load_settings(config, os.environ)
    for warning in unknown_variables(os.environ):
        click.echo(f"warning: {warning}", err=True)
    chosen = next((s for s in (seed, settings.seed) if s is not None), None)
    used = SystemRandom().randrange(2**31) if chosen is None else chosen
    starts = list(_bounded(settings, used, time.time(), days, count))
    if as_json:
        click.echo(json.dumps([_entry(start, settings) for start in starts], indent=1))
        return
    lines = [
        f"{_local(start.at, settings):%a %d %b %H:%M:%S}  {start.label:<20} {start.target}"
        for start in starts
    ]
    click.echo("\n".join([*lines, "", _summary(starts, settings, used)]))


def _bounded(
    settings: Settings, seed: int, now: float, days: float | None, count: int | None
) -> Iterator[scheduler.Planned]:
    state = scheduler.State(origin=Now(now, 0.0))
    until = now + (scheduler.YEAR if days is None else days * scheduler.DAY)
    starts = scheduler.forecast(settings.rules, state, seed, settings.hold, until)
    return itertools.islice(starts, count if count or days else COUNT)


def _entry(start: scheduler.Planned, settings: Settings) -> dict[str, str]:
    at = _local(start.at, settings).isoformat(timespec="seconds")
    return {"at": at, "scenario": start.label, "target": start.target}


def _local(wall: float, settings: Settings) -> datetime:
    return datetime.fromtimestamp(wall, UTC).astimezone(ZoneInfo(settings.rules.timezone))


def _summary(starts: list[scheduler.Planned], settings: Settings, seed: int) -> str:
    if not starts:
        return "nothing would be injected: the schedule is switched off" * (not settings.rules.enabled) or (
            "nothing would be injected in that time"
        )
    counts = Counter(start.label for start in starts)
    shares = ", ".join(f"{label} {n} ({n / len(starts):.0%})" for label, n in counts.most_common())
    return f"{len(starts)} injections: {shares}; seed {seed}, times in {settings.rules.timezone}"
