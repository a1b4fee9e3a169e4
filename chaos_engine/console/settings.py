"""`settings`: shows the ones that hold; changes the schedule and the weights, while running or not."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from chaos_engine import effective
from chaos_engine.commands import WHO, WHY
from chaos_engine.configured import Configured
from chaos_engine.console import records
from chaos_engine.console.remote import remotely
from chaos_engine.console.run import ready
from chaos_engine.narration import clock
from chaos_engine.steering import FACT, Steering
from chaos_engine.written import ConfigError


def run(
    config: Path | None, changes: Sequence[str], why: str, reset: Sequence[str], *, all_: bool, as_json: bool
) -> int:
    """Change what is asked for; print what holds then."""
    arguments = {
        "changes": dict(_change(text) for text in changes), "reset": all_ or list(reset),
        WHO: records.who(), WHY: why,
    }  # fmt: skip
    outcome = _asked(config, arguments)
    if "error" in outcome:
        raise ConfigError([outcome["error"]])
    click.echo(json.dumps(outcome["settings"], indent=1) if as_json else text_of(outcome["settings"]))
    return 0


def _asked(config: Path | None, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    asks = arguments["changes"] or arguments["reset"]
    if remote := remotely(config):
        body = {key: arguments[key] for key in ("changes", "reset", WHO)} | {"reason": arguments[WHY]}
        return remote.patch("settings", body) if asks else {"settings": remote.get("settings")}
    if records.daemon_runs():
        if asks:
            return records.ask("settings", arguments)
        with records.journal() as journal:
            return {"settings": journal.get(FACT) or {}}
    configured = Configured(config, os.environ, ready)
    with records.journal() as journal:
        steering = Steering.over(journal, configured.settings, None)
        settings, problems = steering.fitting()
        for problem in problems:
            click.echo(f"chaos-engine: left out: {problem}", err=True)
        return steering.obey(arguments, settings, time.time())[1]


def _change(text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if not found or not key:
        raise ConfigError([f"{text}: has no setting and value; allowed: schedule.every=60s and the like"])
    return key, value


def text_of(fact: Mapping[str, Any]) -> str:
    """A line each; of those that were changed also by whom, when and why."""
    values = {f"schedule.{name}": value for name, value in fact.get("schedule", {}).items()}
    values |= {f"scenarios.{label}.weight": weight for label, weight in fact.get("weights", {}).items()}
    changes = fact.get("changes", {})
    return "\n".join(
        f"{name:<30} {effective.shown(name, value):<12} {told(changes.get(name))}".rstrip()
        for name, value in values.items()
    )


def told(change: Mapping[str, Any] | None) -> str:
    """Who changed it, when and why."""
    if change is None:
        return ""
    by, why = change["who"] and f" by {change['who']}", change["why"] and f": {change['why']}"
    return f"changed{by} at {clock(change['at'])}{why}"
