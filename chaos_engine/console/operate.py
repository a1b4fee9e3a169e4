"""`inject`, `clear`, `pause`, `halt`, `resume`: through the running daemon, or without one."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from chaos_engine import durations
from chaos_engine.adapters import folder
from chaos_engine.by_hand import by_hand
from chaos_engine.commands import WHO, WHY
from chaos_engine.config import load_settings
from chaos_engine.console import preflight, records
from chaos_engine.console.clearing import clear_here
from chaos_engine.console.daemons import Daemon, Elsewhere, Here
from chaos_engine.console.found import Found
from chaos_engine.console.live import waiting
from chaos_engine.console.log import log_of_environment
from chaos_engine.console.outcome import NOT_CLEAN, code_of
from chaos_engine.console.remote import remotely
from chaos_engine.console.run import code, experiments, ready, workplace
from chaos_engine.hand_checks import unfit, unknown
from chaos_engine.journal import Journal
from chaos_engine.model import Cleanup, Verdict
from chaos_engine.switches import FILE as HALT
from chaos_engine.switches import of_fact
from chaos_engine.written import ConfigError


def inject(
    config: Path | None, scenario: str, target: str, hold: str | None, *, now: bool, as_json: bool
) -> int:
    """One fault, with its whole life. Returns the exit code of its verdict."""
    if remote := remotely(config):
        return _inject_by_daemon(
            Elsewhere(remote), _arguments(scenario, target, hold, (), now=now), as_json=as_json
        )
    settings = load_settings(config, os.environ)
    problems = [f"--target: {text}" for text in (unfit(settings, scenario, target),) if text]
    arguments = _arguments(scenario, target, hold, (*problems, *unknown(settings, scenario, target)), now=now)
    if records.daemon_runs():
        with records.journal() as journal:
            return _inject_by_daemon(Here(journal), arguments, as_json=as_json)
    wanted = by_hand(ready(settings), arguments)
    preflight.check([(settings, (wanted,))])
    with waiting("begins") as line, workplace(log_of_environment()) as place:
        before = place.journal.count()
        ended = experiments(settings, place, (wanted,), line)
        newest = place.journal.history(1)
        if as_json and place.journal.count() > before:
            click.echo(json.dumps(newest[0], indent=1))
        return code(ended)


def _arguments(
    scenario: str, target: str, hold: str | None, known: Iterable[str], *, now: bool
) -> dict[str, Any]:
    """What the daemon is asked. ConfigError: `known` problems, and what is wrong with `hold`."""
    problems, arguments = list(known), {"scenario": scenario, "target": target, "now": now}
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


def _inject_by_daemon(daemon: Daemon, arguments: Mapping[str, Any], *, as_json: bool) -> int:
    outcome = daemon.inject(arguments)
    if "error" in outcome:
        click.echo(f"chaos-engine: refused for now: {outcome['error']}", err=True)
        return NOT_CLEAN
    found = _follow(daemon, str(outcome["experiment"]))
    result = found["result"]
    line = f"{found['id']}  {found['scenario']} on {found['target']}: {result['verdict']}: {result['reason']}"
    click.echo(json.dumps(found, indent=1) if as_json else line)
    return code_of(Verdict(result["verdict"]), Cleanup(result["cleanup"]))


def _follow(daemon: Daemon, id_: str) -> dict[str, Any]:
    """Wait for the experiment's end; Ctrl-C clears it, and waits on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with waiting(f"{id_}: begins") as line:
        while True:
            try:
                row = daemon.find(id_)
                if row and row["result"]:
                    return row
                if not daemon.runs():
                    raise records.NoAnswerError(
                        f"the daemon ended; `chaos-engine history {id_}` has the rest"
                    )
                line.say(f"{id_}: {row['phase'] if row else 'begins'}")
                time.sleep(daemon.poll)
            except KeyboardInterrupt:
                line.say(f"{id_}: clearing")
                daemon.clear()


def switch(kind: str, reason: str) -> int:
    """Pause, halt or resume; kept in the journal, so that a daemon started later obeys too."""
    remote = remotely()
    if remote:
        switches = remote.post(kind, {"reason": reason, WHO: records.who()})
    elif records.daemon_runs():
        switches = records.ask(kind, {WHY: reason})
    else:
        with records.journal() as journal:
            switches = _switched_here(journal, kind, reason)
    found = Found()
    if kind == "halt" and not remote and not records.daemon_runs():
        clear_here(found, None)
    said = found.lines if found.cleared or found.left else []
    word = "halted" if switches["halted"] else "paused" if switches["paused"] else "resumed"
    if switches.get("file") is not None:
        word = f"halted by the file {folder.of_environment() / HALT}: its removal lifts that"
    click.echo("\n".join([*said, word]))
    return NOT_CLEAN if found.left else 0


def _switched_here(journal: Journal, kind: str, reason: str) -> dict[str, Any]:
    """As the daemon would do it, for the one that starts next."""
    before = of_fact(journal.get("switches"), folder.halt_reason(folder.of_environment()))
    fact = before.switched(kind, reason).as_fact()
    journal.put("switches", fact)
    journal.note(time.time(), kind, who=records.who(), why=reason)
    return fact
