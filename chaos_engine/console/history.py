"""`history`: what was injected, felt and judged; and for one experiment the numbers behind it."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NoReturn

import click

from chaos_engine import moments
from chaos_engine.console import records
from chaos_engine.console.outcome import BAD_INPUT
from chaos_engine.console.remote import Remote, remotely
from chaos_engine.narration import clock
from chaos_engine.written import ConfigError

Form = Literal["text", "json", "csv"]
CSV_COLUMNS = (
    "id", "started_at", "injected_at", "cleared_at", "ended_at", "title", "scenario", "target", "phase",
    "verdict", "run", "hypothesis", "recovery", "time_to_recover", "witness", "cleanup", "ended_by", "reason",
)  # fmt: skip
PAGE = 100  # experiments that an engine elsewhere is asked for at once
COLOURS = {"supported": "green", "unjudged": "white", "not_supported": "red", "inconclusive": "yellow"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What to show: one experiment, or the newest that fit. `since` and `until` as `moments` reads them."""

    experiment: str | None = None
    limit: int = 20
    scenario: str = ""
    target: str = ""
    verdict: str = ""
    since: str | None = None
    until: str | None = None
    before: str | None = None


def show(asked: Asked, form: Form = "text") -> None:
    """Print the newest experiments, or one with its evidence. ConfigError: a moment that is none."""
    rows = _rows(asked)
    if asked.experiment is not None and not rows:
        _unknown(asked.experiment)
    if form == "json":
        click.echo(json.dumps(rows if asked.experiment is None else rows[0], indent=1))
    elif form == "csv":
        comma_separated(rows)
    elif asked.experiment is not None:
        click.echo("\n".join(detail(rows[0])))
    else:
        table(rows)


def _rows(asked: Asked) -> list[dict[str, Any]]:
    since, until = (moment(name, getattr(asked, name)) for name in ("since", "until"))
    if remote := remotely():
        return _elsewhere(remote, asked, since, until)
    if not records.exists():
        return []
    with records.journal() as journal:
        if asked.experiment is not None:
            found = journal.find(asked.experiment)
            return [found] if found else []
        if asked.before is not None and journal.find(asked.before) is None:
            _unknown(asked.before)
        return journal.history(
            asked.limit, scenario=asked.scenario, target=asked.target, verdict=asked.verdict,
            since=since, until=until, before=asked.before,
        )  # fmt: skip


def _unknown(experiment: str) -> NoReturn:
    click.echo(
        f"chaos-engine: unknown experiment {experiment!r}; `chaos-engine history` lists them", err=True
    )
    sys.exit(BAD_INPUT)


def moment(option: str, text: str | None) -> float | None:
    """Wall time of what an option says. ConfigError: it is none."""
    try:
        return None if text is None else moments.parse(text, time.time())
    except ValueError as error:
        raise ConfigError([f"--{option}: {error}"]) from None


def comma_separated(rows: list[dict[str, Any]]) -> None:
    """One line an experiment, newest first; dates in UTC, seconds as they are."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in rows:
        writer.writerow([_csv_cell(row, column) for column in CSV_COLUMNS])


def _csv_cell(row: dict[str, Any], column: str) -> Any:
    value = row[column] if column in row else (row["result"] or {}).get(column)
    return moments.iso(value) if column.endswith("_at") else value


def _elsewhere(
    remote: Remote, asked: Asked, since: float | None, until: float | None
) -> list[dict[str, Any]]:
    if asked.experiment is not None:
        row = remote.find(asked.experiment)
        return [row] if row else []
    if asked.before is not None and remote.find(asked.before) is None:
        _unknown(asked.before)
    rows: list[dict[str, Any]] = []
    before = asked.before
    while len(rows) < asked.limit:
        page = remote.get(
            "history", limit=min(asked.limit - len(rows), PAGE), scenario=asked.scenario or None,
            target=asked.target or None, verdict=asked.verdict or None, since=since, until=until,
            before=before,
        )  # fmt: skip
        rows += page["experiments"]
        before = page["next"]
        if before is None:
            break
    return rows


def table(rows: list[dict[str, Any]]) -> None:
    """One line an experiment, newest last, so that a terminal's last line is the latest."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    if not rows:
        click.echo("no experiments yet")
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("id", "begun", "scenario", "target", "verdict", "recovered", "why"):
        shown.add_column(heading, no_wrap=heading != "why", overflow="fold")
    for row in reversed(rows):
        shown.add_row(*_cells(row))
    # Piped output is for grep: one line an experiment, however long.
    width = None if sys.stdout.isatty() else 1000
    Console(width=width).print(shown)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    from rich.markup import escape  # noqa: PLC0415

    result = row["result"] or {}
    verdict = row["verdict"] or f"({row['phase']})"
    colour = COLOURS.get(verdict, "yellow")
    seconds = result.get("time_to_recover")
    return (
        row["id"],
        _date(row["started_at"]),
        row["scenario"],
        row["target"],
        f"[{colour}]{verdict}[/]",
        "" if seconds is None else f"{seconds:.1f} s",
        escape(result.get("reason", "")),
    )


def detail(row: dict[str, Any]) -> list[str]:
    """Everything that is known of one experiment."""
    result = row["result"] or {}
    lines = [
        f"{row['id']}  {row['title']}",
        f"  begun      {_date(row['started_at'])}",
        f"  verdict    {row['verdict'] or 'not yet: ' + row['phase']}",
        f"  why        {result.get('reason', '')}",
        f"  run        {result.get('run', '')}, ended by {result.get('ended_by') or '-'}",
        f"  hypothesis {result.get('hypothesis', '')}",
        f"  recovery   {result.get('recovery', '')}{_after_clearing(result.get('time_to_recover'))}",
        f"  witness    {result.get('witness', '')}",
        f"  cleanup    {result.get('cleanup', '')}",
    ]
    if result.get("injected_at"):
        lines.append(f"  fault in   {clock(result['injected_at'])} to {_cleared(result)}")
    for details in result.get("details", []):
        lines += _details(details)
    lines += [_steady("before", judgement) for judgement in result.get("before", [])]
    for judgement in result.get("judgements", []):
        lines += _judgement(judgement)
    lines += [_steady("after", judgement) for judgement in result.get("after", [])]
    lines += [f"  {note['kind']:<11} {note['text']}" for note in row.get("notes", [])]
    return lines


def _details(details: dict[str, Any]) -> list[str]:
    """What a scenario told of its fault, or another tool's verdict; the whole of it is in the JSON."""
    if "chaos_machine" in details:
        head = f"  original   {details['chaos_machine']} (the Chaos Machine's verdict)"
        return [head, *(f"             {reason}" for reason in details["because"])]
    if "chaos_toolkit" in details:
        return [_original(details["chaos_toolkit"]), *_own(details)]
    return _own(details)


def _original(strict: dict[str, Any]) -> str:
    """The Chaos Toolkit's own verdict."""
    deviated = "deviated, " if strict.get("deviated") else ""
    journal = f"; its journal: {strict['journal']}" if strict.get("journal") else ""
    said = f"{strict['status']}, {deviated}exit code {strict['exit_code']}"
    return f"  strict     {said} (as `chaos run`){journal}"


def _own(details: dict[str, Any]) -> list[str]:
    state = f"{details.get('status', '')} {details.get('reason', '')}".strip()
    head = f"  {details['scenario']:<10} {details.get('run', details['fault'])} {state}".rstrip()
    lines = (*_targets(details), *_parts(details), *([details["left"]] if "left" in details else []))
    return [head, *(f"             {line}".rstrip() for line in lines)]


def _targets(details: dict[str, Any]) -> Iterator[str]:
    for target in details.get("targets", []):
        yield " ".join(target.values()) if isinstance(target, dict) else str(target)


def _parts(details: dict[str, Any]) -> Iterator[str]:
    """Actions, instances and steps, each with its state."""
    parts = [*details.get("actions", {}).items(), *details.get("instances", {}).items()]
    parts += [(step["step"], step) for step in details.get("steps", [])]
    for name, part in parts:
        yield f"{name}: {part['status']} {part['reason']}"


def _cleared(result: dict[str, Any]) -> str:
    return clock(result["cleared_at"]) if result.get("cleared_at") else "?"


def _judgement(judgement: dict[str, Any]) -> list[str]:
    evidence = judgement["evidence"]
    window = evidence["window"]
    between = f"{clock(window['start'])} to {clock(window['end'])}"
    lines = [
        f"  {judgement['outcome']:<10} {judgement['probe']}",
        f"             {judgement['reason']}",
    ]
    if judgement["probe"] == "recovers_within":  # derived from the recovery, which has its own line
        return lines
    lines += [
        f"             query {evidence['query']}",
        f"             window {between}, {evidence['samples']} samples{_range(evidence)}",
    ]
    if evidence["broke_at"] is not None:
        series = f" in {evidence['broke_series']}" if evidence["broke_series"] else ""
        value = "" if evidence["broke_value"] is None else f": {evidence['broke_value']}"
        lines.append(f"             broke at {clock(evidence['broke_at'])}{value}{series}")
    return lines


def _steady(stage: str, judgement: dict[str, Any]) -> str:
    """The steady state, before the injection or after the clearing."""
    return f"  {stage:<10} {judgement['outcome']} {judgement['probe']}: {judgement['reason']}"


def _range(evidence: dict[str, Any]) -> str:
    low, high = evidence["low"], evidence["high"]
    return "" if low is None or high is None else f", values {low:g} to {high:g}"


def _after_clearing(seconds: float | None) -> str:
    return "" if seconds is None else f", {seconds:.1f} s after clearing"


def _date(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).astimezone().strftime("%d %b %H:%M:%S")
