"""`inject`, `clear`, `pause`, `halt`, `resume`: through the running daemon, or without one."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from chaos_engine import durations
from chaos_engine.adapters.clock import SystemClock
from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.by_hand import by_hand
from chaos_engine.config import Settings, load_settings
from chaos_engine.console import records
from chaos_engine.console.live import waiting
from chaos_engine.console.outcome import BAD_INPUT, NOT_CLEAN, code_of
from chaos_engine.console.run import experiments, log_of_environment, ready, workplace
from chaos_engine.model import Cleanup, Fault, Verdict
from chaos_engine.performing import undo
from chaos_engine.ports import World
from chaos_engine.written import ConfigError, nearest
from scenarios.base import Scenario
from scenarios.registry import load
from scenarios.state_file import healthy

CLEAR_PATIENCE = 30.0


def inject(
    config: Path | None, scenario: str, target: str, hold: str | None, *, now: bool, as_json: bool
) -> int:
    """One fault, with its whole life. Returns the exit code of its verdict."""
    settings = load_settings(config, os.environ)
    arguments = _checked(settings, scenario, target, hold, now=now)
    if records.daemon_runs():
        return _inject_by_daemon(arguments, as_json=as_json)
    wanted = by_hand(ready(settings), arguments)
    with waiting("begins") as line, workplace(log_of_environment()) as place:
        code, _ = experiments(settings, place, (wanted,), line)
        newest = place.journal.history(1)
        if as_json and newest:
            click.echo(json.dumps(newest[0], indent=1))
        return code


def _checked(
    settings: Settings, scenario: str, target: str, hold: str | None, *, now: bool
) -> dict[str, Any]:
    labels = {label for label, _ in settings.experiments} | set(settings.scenarios)
    problems = list(_unfit(settings, scenario, target))
    if scenario not in labels:
        allowed = ", ".join(sorted(labels))
        problems.append(f"unknown scenario {scenario!r}{nearest(scenario, labels)}; allowed: {allowed}")
    if target not in settings.targets:
        allowed = ", ".join(sorted(settings.targets))
        problems.append(f"unknown target {target!r}{nearest(target, settings.targets)}; allowed: {allowed}")
    arguments: dict[str, Any] = {"scenario": scenario, "target": target, "now": now}
    try:
        if hold is not None:
            arguments["for"] = durations.parse(hold)
    except ValueError as error:
        problems.append(f"--for: {error}")
    if arguments.get("for") == 0:
        problems.append(f"--for: {hold!r} is too short; allowed: above 0s")
    if problems:
        raise ConfigError(problems)
    return arguments


def _unfit(settings: Settings, scenario: str, target: str) -> Iterator[str]:
    """Why this scenario cannot hurt that target, where both are known."""
    if (scenario, target) in settings.experiments or target not in settings.targets:
        return
    allowed = [name for label, name in settings.experiments if label == scenario]
    if allowed:
        yield f"--target: {scenario!r} does not hurt {target!r}; allowed: {', '.join(sorted(allowed))}"
    elif scenario in settings.scenarios:
        refusal = settings.scenarios[scenario].refusal(settings.targets[target])
        yield from [f"--target: {refusal}"] if refusal else []


def _inject_by_daemon(arguments: Mapping[str, Any], *, as_json: bool) -> int:
    outcome = records.ask("inject", arguments)
    if "error" in outcome:
        click.echo(f"chaos-engine: refused: {outcome['error']}", err=True)
        return BAD_INPUT
    found = _follow(str(outcome["experiment"]))
    result = found["result"]
    line = f"{found['id']}  {found['scenario']} on {found['target']}: {result['verdict']}: {result['reason']}"
    click.echo(json.dumps(found, indent=1) if as_json else line)
    return code_of(Verdict(result["verdict"]), Cleanup(result["cleanup"]))


def _follow(id_: str) -> dict[str, Any]:
    """Wait for the experiment's end; Ctrl-C clears it, and waits on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with records.journal() as journal, waiting(f"{id_}: begins") as line:
        while True:
            try:
                row = journal.find(id_)
                if row and row["result"]:
                    return row
                if not records.daemon_runs():
                    raise records.NoAnswerError(
                        f"the daemon ended; `chaos-engine history {id_}` has the rest"
                    )
                line.say(f"{id_}: {row['phase'] if row else 'begins'}")
                time.sleep(records.POLL)
            except KeyboardInterrupt:
                line.say(f"{id_}: clearing")
                journal.post("clear", {}, time.time())


def clear(config: Path | None, *, everything: bool, as_json: bool) -> int:
    """Clear what the ledger holds open; with `everything` also what the state files show."""
    if records.daemon_runs():
        cleared, left = _clear_by_daemon()
    else:
        cleared, left = _clear_here(config)
    if everything:
        cleared += _clear_files(load_settings(config, os.environ))
    if as_json:
        click.echo(json.dumps({"cleared": cleared, "left": left}, indent=1))
    else:
        click.echo("\n".join([f"cleared {name}" for name in cleared] or ["nothing was in"]))
        click.echo("\n".join(f"left: {name}" for name in left), nl=bool(left), err=True)
    return NOT_CLEAN if left else 0


def _clear_by_daemon() -> tuple[list[str], list[str]]:
    ends = time.monotonic() + CLEAR_PATIENCE
    with records.journal() as journal, waiting("clearing"):
        before = {fault.id for fault in journal.open_faults()}  # before it is asked: it is quick
        records.ask("clear", {})
        while (left := {fault.id for fault in journal.open_faults()} & before) and time.monotonic() < ends:
            time.sleep(records.POLL)
    return sorted(before - left), sorted(left)


def _clear_here(config: Path | None) -> tuple[list[str], list[str]]:
    """No daemon runs: undo each open fault with its own scenario."""
    if not records.exists():
        return [], []
    with records.journal() as journal:
        cleared, left = [], []
        faults = journal.open_faults()
        scenarios = scenarios_of(config, os.environ) if faults else {}
        for fault in faults:
            error = _try(fault, scenarios)
            if error:
                left.append(f"{fault.id}: {error}")
                continue
            journal.cleared(fault, time.time())
            cleared.append(fault.id)
    return cleared, left


def scenarios_of(config: Path | None, environment: Mapping[str, str]) -> Mapping[str, Scenario]:
    """Those of the settings, plugins among them. Where the settings are broken the built-in ones clear."""
    try:
        return load_settings(config, environment).scenarios
    except ConfigError as error:
        click.echo(f"chaos-engine: the settings cannot be used, nor plugins: {error}", err=True)
        return load()


def _try(fault: Fault, scenarios: Mapping[str, Scenario]) -> str:
    try:
        undo(scenarios, fault, World(StateFiles(), SystemClock()))
    except LookupError as error:
        return f"{error}; --config names the settings with its plugin"
    except Exception as error:  # noqa: BLE001 - the others are cleared all the same
        return str(error)
    return ""


def _clear_files(settings: Settings) -> list[str]:
    files, cleared = StateFiles(), []
    for target in settings.targets.values():
        path = target.state_file
        if path is not None and path.exists() and (files.read(path) or {}).get("mode") != "healthy":
            files.write(path, healthy(time.time()))
            cleared.append(str(path))
    return cleared


def switch(kind: str, reason: str) -> int:
    """Pause, halt or resume; kept in the journal, so that a daemon started later obeys too."""
    if records.daemon_runs():
        switches = records.ask(kind, {"reason": reason})
    else:
        with records.journal() as journal:
            before = journal.get("switches") or {}
            # As the daemon does it: a pause does not lift a halt.
            halted = kind == "halt" or (kind == "pause" and bool(before.get("halted")))
            switches = {"paused": kind == "pause", "halted": halted, "reason": reason}
            journal.put("switches", switches)
    click.echo("halted" if switches["halted"] else "paused" if switches["paused"] else "resumed")
    return 0
