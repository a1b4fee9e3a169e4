"""`clear`: through the running daemon, or without one; at need without settings and without a journal."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

import click

from chaos_engine.adapters.real_world import world_of
from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.commands import WHO
from chaos_engine.config import Settings, load_settings
from chaos_engine.console import records
from chaos_engine.console.daemons import Elsewhere
from chaos_engine.console.found import Found
from chaos_engine.console.live import waiting
from chaos_engine.console.outcome import NOT_CLEAN
from chaos_engine.console.remote import Remote, remotely
from chaos_engine.console.stray_clearing import clear_strays
from chaos_engine.journal import JournalError
from chaos_engine.model import Fault
from chaos_engine.performing import undo
from chaos_engine.ports import World
from chaos_engine.written import ConfigError
from scenarios.aws import StillRunningError
from scenarios.base import Scenario
from scenarios.registry import load
from scenarios.state_file import healthy

PATIENCE = 30.0


def clear(config: Path | None, *, everything: bool, as_json: bool) -> int:
    """Clear what the ledger holds open; with `everything` also what state files and the Engine show.

    Exit code 4 where something is left, or could not be looked at.
    """
    found = Found()
    if remote := remotely(config):
        if everything:
            raise ConfigError(["--all: looks at this machine, and --url names an engine elsewhere"])
        _clear_elsewhere(found, remote)
        return _told(found, as_json=as_json)
    try:
        _clear_by_daemon(found) if records.daemon_runs() else clear_here(found, config)
    except JournalError as error:
        if not everything:
            raise
        found.unchecked.append(str(error))
    if everything:
        settings = _settings(found, config)
        _clear_files(found, settings)
        clear_strays(found, settings)
    return _told(found, as_json=as_json)


def _told(found: Found, *, as_json: bool) -> int:
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


def _clear_elsewhere(found: Found, remote: Remote) -> None:
    ends = time.monotonic() + PATIENCE
    with waiting("clearing"):
        before = set(remote.post("clear", {WHO: records.who()})["faults"])
        while (left := before & _open(remote)) and time.monotonic() < ends:
            time.sleep(Elsewhere.poll)
    found.cleared += sorted(before - left)
    found.left += sorted(left)


def _open(remote: Remote) -> set[str]:
    return {str(fault["id"]) for fault in remote.get("status")["open_faults"]}


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
    settings = settings_of(config, environment)
    return settings.scenarios if settings else load()


def settings_of(config: Path | None, environment: Mapping[str, str]) -> Settings | None:
    """The settings; where they are broken that is said, and clearing goes on without them."""
    try:
        return load_settings(config, environment)
    except ConfigError as error:
        click.echo(f"chaos-engine: the settings cannot be used, nor plugins: {error}", err=True)
        return None


def _try(fault: Fault, scenarios: Mapping[str, Scenario]) -> str:
    world = world_of(lambda text: click.echo(f"chaos-engine: {text}", err=True))
    try:
        _undo(scenarios, fault, world)
    except LookupError as error:
        return f"{error}; --config names the settings with its plugin"
    except Exception as error:  # noqa: BLE001 - the others are cleared all the same
        return str(error)
    return ""


def _undo(scenarios: Mapping[str, Scenario], fault: Fault, world: World) -> None:
    """What was told to end is waited for."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            return undo(scenarios, fault, world)
        except StillRunningError:
            if time.monotonic() > ends:
                raise
            time.sleep(records.POLL)


def _settings(found: Found, config: Path | None) -> Settings | None:
    try:
        return load_settings(config, os.environ)
    except ConfigError as error:
        found.unchecked.append(f"the targets of the settings: {error}")
        return None


def _clear_files(found: Found, settings: Settings | None) -> None:
    """Whatever the state files hold, by hand or by whom."""
    files = StateFiles()
    for path in _state_files(settings):
        try:
            if (files.read(path) or {"mode": "healthy"}).get("mode") != "healthy":
                files.write(path, healthy(time.time()))
                found.cleared.append(str(path))
        except OSError as error:
            found.left.append(f"{path}: {error.strerror or error}")


def _state_files(settings: Settings | None) -> list[Path]:
    if settings is None:
        named = os.environ.get("FAILURE_STATE_FILE")
        return [Path(named)] if named else []
    return [target.state_file for target in settings.targets.values() if target.state_file is not None]
