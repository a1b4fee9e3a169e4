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
from chaos_engine.by_hand import by_hand
from chaos_engine.commands import WHY
from chaos_engine.config import Settings, load_settings
from chaos_engine.console import preflight, records
from chaos_engine.console.clearing import clear_here
from chaos_engine.console.found import Found
from chaos_engine.console.live import waiting
from chaos_engine.console.log import log_of_environment
from chaos_engine.console.outcome import NOT_CLEAN, code_of
from chaos_engine.console.run import code, experiments, ready, workplace
from chaos_engine.model import Cleanup, Verdict
from chaos_engine.spelling import nearest
from chaos_engine.written import ConfigError


def inject(
    config: Path | None, scenario: str, target: str, hold: str | None, *, now: bool, as_json: bool
) -> int:
    """One fault, with its whole life. Returns the exit code of its verdict."""
    settings = load_settings(config, os.environ)
    arguments = _checked(settings, scenario, target, hold, now=now)
    if records.daemon_runs():
        return _inject_by_daemon(arguments, as_json=as_json)
    wanted = by_hand(ready(settings), arguments)
    preflight.check([(settings, (wanted,))])
    with waiting("begins") as line, workplace(log_of_environment()) as place:
        ended = experiments(settings, place, (wanted,), line)
        newest = place.journal.history(1)
        if as_json and newest:
            click.echo(json.dumps(newest[0], indent=1))
        return code(ended)


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
        click.echo(f"chaos-engine: refused for now: {outcome['error']}", err=True)
        return NOT_CLEAN
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


def switch(kind: str, reason: str) -> int:
    """Pause, halt or resume; kept in the journal, so that a daemon started later obeys too."""
    if records.daemon_runs():
        switches = records.ask(kind, {WHY: reason})
    else:
        with records.journal() as journal:
            before = journal.get("switches") or {}
            # As the daemon does it: a pause does not lift a halt.
            halted = kind == "halt" or (kind == "pause" and bool(before.get("halted")))
            switches = {"paused": kind == "pause", "halted": halted, "reason": reason}
            journal.put("switches", switches)
    found = Found()
    if kind == "halt" and not records.daemon_runs():
        clear_here(found, None)
    said = found.lines if found.cleared or found.left else []
    word = "halted" if switches["halted"] else "paused" if switches["paused"] else "resumed"
    click.echo("\n".join([*said, word]))
    return NOT_CLEAN if found.left else 0
