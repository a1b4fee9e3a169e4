"""`status`: whether the daemon runs, what is in, when the next injection is, how the weights came out."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from chaos_engine import durations
from chaos_engine.adapters import folder
from chaos_engine.console import records
from chaos_engine.console.remote import remotely
from chaos_engine.console.settings import told
from chaos_engine.narration import clock
from chaos_engine.overview import SILENT, overview
from chaos_engine.ramps import line
from chaos_engine.switches import FILE as HALT
from chaos_engine.switches import of_fact


def show(*, as_json: bool) -> int:
    """Print it."""
    found = collect(time.time())
    click.echo(json.dumps(found, indent=1) if as_json else _text(found))
    return 0


def collect(now: float) -> dict[str, Any]:
    """Switches, open faults, the next start, and the weights: asked for and seen."""
    if remote := remotely():
        return remote.get("status")
    running = records.daemon_runs()
    file = folder.halt_reason(folder.of_environment())
    if not records.exists():
        switches = of_fact(None, file)
        return {
            "running": running, **switches.shown(), "heartbeat_age": None,
            "next": None, "open_faults": [], "experiments": 0, "approvals": [], "ramps": {},
            "changes": {}, "weights": {},
        }  # fmt: skip
    with records.journal() as journal:
        return overview(
            journal, running=running, heartbeat_age=records.heartbeat_age(now), now=now, file=file
        )


def _text(found: dict[str, Any]) -> str:
    lines = [f"engine       {_engine(found)}"]
    if found["halted"] or found["paused"]:
        by = f" by the file {HALT}" if found["file"] is not None else ""
        reason = by + (f": {found['reason']}" if found["reason"] else "")
        lines.append(f"switch       {'halted' if found['halted'] else 'paused'}{reason}")
    lines += [_fault(fault) for fault in found["open_faults"]] or ["faults       none is in"]
    if found["next"]:
        lines.append(f"next         {clock(found['next'])}")
    lines += [f"ramp         {line(key, shown)}" for key, shown in found.get("ramps", {}).items()]
    lines += [_approval(one) for one in found["approvals"]]
    lines += [
        f"changed      {name} {change['value']}, {told(change)}" for name, change in found["changes"].items()
    ]
    lines.append(f"experiments  {found['experiments']}")
    for label, weight in found["weights"].items():
        shares = f"asked {weight['asked']:4.0%}  seen {weight['seen']:4.0%}  of {weight['injections']}"
        lines.append(f"  {label:<16} {shares}")
    return "\n".join(lines)


def _approval(one: dict[str, Any]) -> str:
    what = f"{one['scenario']} on {one['target']}, until {clock(one['expires_at'])}: {one['why']}"
    return f"approval     {one['id']} {one['state']}: {what}"


def _engine(found: dict[str, Any]) -> str:
    if not found["running"]:
        return "does not run"
    age = found["heartbeat_age"]
    silent = age is None or age > SILENT
    return f"runs, but has been silent for {durations.show(age or 0)}" if silent else "runs"


def _fault(fault: dict[str, Any]) -> str:
    named = f"{fault['id']} {fault['scenario']} on {fault['target']}"
    return f"fault        {named}, ends by {clock(fault['deadline'])}"
