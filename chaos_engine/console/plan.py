"""`plan`: what would be injected, and when. It never looks at the world."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from random import SystemRandom
from typing import Any

import click

from chaos_engine import ramps
from chaos_engine.config import load_settings
from chaos_engine.console import records
from chaos_engine.console.remote import remotely
from chaos_engine.outlook import MOST_DAYS, outlook
from chaos_engine.worst_case import OBJECTIVE, of_budget, told
from chaos_engine.written import ConfigError, unknown_variables


def show(
    config: Path | None, days: float | None, count: int | None, seed: int | None, *,
    objective: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Print the starts, how often each scenario comes, and what the schedule can do at worst."""
    if days is not None and not 0 < days <= MOST_DAYS:  # nor is NaN, which would never end
        raise ConfigError([f"--days: {days:g}; allowed: above 0, at most {MOST_DAYS}"])
    found = _collect(config, days, count, seed, _objective(objective))
    if not as_json:
        click.echo(_text(found))
        return
    click.echo(json.dumps(found["starts"] if objective is None else found, indent=1))


def _objective(text: str | None) -> float:
    """0..1. ConfigError: it is none."""
    if text is None:
        return OBJECTIVE
    try:
        share = float(text.strip().removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise ConfigError([f"--objective: {text!r} is no objective; allowed: such as 99.9%"])
    return share


def _collect(
    config: Path | None, days: float | None, count: int | None, seed: int | None, objective: float
) -> dict[str, Any]:
    if remote := remotely(config):
        found = remote.get("plan", days=days, count=count, seed=seed)
        worst = found.get("worst_case")
        if worst is not None:
            worst |= of_budget(worst["minutes_under_fault_a_day"], objective)
        return found
    settings = load_settings(config, os.environ)
    for warning in unknown_variables(os.environ):
        click.echo(f"warning: {warning}", err=True)
    chosen = next((s for s in (seed, settings.seed) if s is not None), None)
    used = SystemRandom().randrange(2**31) if chosen is None else chosen
    found = outlook(settings, used, time.time(), days, count, objective)
    return {**found, "ramps": ramps.told(settings.experiments, _levels())}


def _levels() -> Any:
    """Those of the ramps, where anything was ever recorded here."""
    if not records.exists():
        return None
    with records.journal() as journal:
        return journal.get(ramps.FACT)


def _text(found: dict[str, Any]) -> str:
    lines = [
        f"{datetime.fromisoformat(start['at']):%a %d %b %H:%M:%S}  {start['scenario']:<20} {start['target']}"
        for start in found["starts"]
    ]
    worst = [told(found["worst_case"])] if "worst_case" in found else []  # an older engine elsewhere
    levels = [f"ramp {ramps.line(key, shown)}" for key, shown in found.get("ramps", {}).items()]
    return "\n".join([*lines, "", _summary(found), *levels, *worst])


def _summary(found: dict[str, Any]) -> str:
    starts = found["starts"]
    if not starts:
        return "nothing would be injected: the schedule is switched off" * (not found["enabled"]) or (
            "nothing would be injected in that time"
        )
    counts = Counter(start["scenario"] for start in starts)
    shares = ", ".join(f"{label} {n} ({n / len(starts):.0%})" for label, n in counts.most_common())
    return f"{len(starts)} injections: {shares}; seed {found['seed']}, times in {found['timezone']}"
