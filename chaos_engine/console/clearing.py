"""`clear`: through the running daemon, or without one; at need without settings and without a journal."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from chaos_engine.adapters.aws import Aws
from chaos_engine.adapters.clock import SystemClock
from chaos_engine.adapters.docker_engine import DockerEngine
from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.config import Settings, load_settings
from chaos_engine.console import records
from chaos_engine.console.live import waiting
from chaos_engine.console.outcome import NOT_CLEAN
from chaos_engine.journal import JournalError
from chaos_engine.model import Fault
from chaos_engine.performing import undo
from chaos_engine.ports import World
from chaos_engine.written import ConfigError
from scenarios.base import Scenario
from scenarios.registry import load
from scenarios.state_file import healthy

PATIENCE = 30.0


@dataclass(slots=True)
class Found:
    """What became of everything that was looked at."""

    cleared: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """One for each thing."""
        said = [f"cleared {name}" for name in self.cleared]
        said += [f"left: {name}" for name in self.left]
        return [*said, *(f"not checked: {text}" for text in self.unchecked)] or ["nothing was in"]


def clear(config: Path | None, *, everything: bool, as_json: bool) -> int:
    """Clear what the ledger holds open; with `everything` also what the state files show.

    Exit code 4 where something is left, or could not be looked at.
    """
    found = Found()
    try:
        _clear_by_daemon(found) if records.daemon_runs() else clear_here(found, config)
    except JournalError as error:
        if not everything:
            raise
        found.unchecked.append(str(error))
    if everything:
        _clear_files(found, config)
    if as_json:
        click.echo(json.dumps({"cleared": found.cleared, "left": found.left, "unchecked": found.unchecked}))
    else:
        click.echo("\n".join(found.lines))
    return NOT_CLEAN if found.left or found.unchecked else 0


def _clear_by_daemon(found: Found) -> None:
    ends = time.monotonic() + PATIENCE
    with records.journal() as journal, waiting("clearing"):
        before = {fault.id for fault in journal.open_faults()}  # before it is asked: it is quick
        records.ask("clear", {})
        while (left := {fault.id for fault in journal.open_faults()} & before) and time.monotonic() < ends:
            time.sleep(records.POLL)
    found.cleared += sorted(before - left)
    found.left += sorted(left)


def clear_here(found: Found, config: Path | None) -> None:
    """No daemon runs: undo each open fault with its own scenario."""
    if not records.exists():
        return
    with records.journal() as journal:
        faults = journal.open_faults()
        scenarios = scenarios_of(config, os.environ) if faults else {}
        for fault in faults:
            error = _try(fault, scenarios)
            if error:
                found.left.append(f"{fault.id}: {error}")
                continue
            journal.cleared(fault, time.time())
            found.cleared.append(fault.id)


def scenarios_of(config: Path | None, environment: Mapping[str, str]) -> Mapping[str, Scenario]:
    """Those of the settings, plugins among them. Where the settings are broken the built-in ones clear."""
    try:
        return load_settings(config, environment).scenarios
    except ConfigError as error:
        click.echo(f"chaos-engine: the settings cannot be used, nor plugins: {error}", err=True)
        return load()


def _try(fault: Fault, scenarios: Mapping[str, Scenario]) -> str:
    try:
        clock = SystemClock()
        world = World(StateFiles(), clock, Aws(), clock.wait, DockerEngine(), _told)
        undo(scenarios, fault, world)
    except LookupError as error:
        return f"{error}; --config names the settings with its plugin"
    except Exception as error:  # noqa: BLE001 - the others are cleared all the same
        return str(error)
    return ""


def _told(text: str) -> None:
    click.echo(f"chaos-engine: {text}", err=True)


def _clear_files(found: Found, config: Path | None) -> None:
    """Whatever the state files hold, by hand or by whom."""
    files = StateFiles()
    for path in _state_files(found, config):
        try:
            if (files.read(path) or {"mode": "healthy"}).get("mode") != "healthy":
                files.write(path, healthy(time.time()))
                found.cleared.append(str(path))
        except OSError as error:
            found.left.append(f"{path}: {error.strerror or error}")


def _state_files(found: Found, config: Path | None) -> list[Path]:
    try:
        settings: Settings = load_settings(config, os.environ)
    except ConfigError as error:
        found.unchecked.append(f"the targets of the settings: {error}")
        named = os.environ.get("FAILURE_STATE_FILE")
        return [Path(named)] if named else []
    return [target.state_file for target in settings.targets.values() if target.state_file is not None]
