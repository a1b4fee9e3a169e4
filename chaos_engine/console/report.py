"""`report`: what a period showed, as one HTML file, Markdown or JSON. `note`: what people add to it."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from chaos_engine import moments
from chaos_engine.console import records
from chaos_engine.journal import Journal
from chaos_engine.report.document import Material, Order, report
from chaos_engine.report.trials import Trial
from chaos_engine.written import ConfigError


def show(since: str, until: str | None, output: Path | None, form: str, zone: str, shown: int) -> None:
    """Write it to a file, or to the standard output. ConfigError: the period is none."""
    order = ordered(since, until, zone, shown, time.time())
    text = rendered(collected(order), form)
    if output is None:
        click.echo(text, nl=False)
        return
    output.write_text(text, encoding="utf-8")
    click.echo(f"wrote {output}", err=True)


def ordered(since: str, until: str | None, zone: str, shown: int, now: float) -> Order:
    """What is asked for. ConfigError names the option that is wrong."""
    begins = _moment("since", since, now)
    ends = now if until is None else _moment("until", until, now)
    if begins >= ends:
        raise ConfigError([f"--since: {since!r} is not before the end of the period"])
    try:
        return Order(begins, ends, now, ZoneInfo(zone), shown)
    except (KeyError, ValueError, OSError):
        raise ConfigError(
            [f"--timezone: {zone!r} is no time zone; allowed: names such as Europe/Berlin"]
        ) from None


def _moment(option: str, text: str, now: float) -> float:
    try:
        return moments.parse(text, now)
    except ValueError as error:
        raise ConfigError([f"--{option}: {error}"]) from None


def collected(order: Order) -> dict[str, Any]:
    """The report's data, from the journal of the data folder."""
    if not records.exists():
        return report(order, Material((), (), (), {}))
    with records.journal() as journal:
        return told(journal, order)


def told(journal: Journal, order: Order) -> dict[str, Any]:
    """The report's data, from an open journal."""
    with _uncollected():
        return report(order, _material(journal, order))


@contextmanager
def _uncollected() -> Iterator[None]:
    """A month is tens of thousands of small objects and no cycle: to look for one takes half of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _material(journal: Journal, order: Order) -> Material:
    """What the journal has of the period, and of the one before it."""
    before = order.since - (order.until - order.since)
    return Material(
        trials=[Trial(*row) for row in journal.summaries(order.since, order.until)],
        before=[Trial(*row) for row in journal.summaries(before, order.since, spans=False)],
        notes=list(journal.annotations(order.since, order.until)),
        weights=(journal.get("settings") or {}).get("weights", {}),
    )


def rendered(found: dict[str, Any], form: str) -> str:
    """As text; jinja2 is loaded only for pages."""
    if form == "json":
        return json.dumps(found, indent=1) + "\n"
    from chaos_engine.report.pages import page  # noqa: PLC0415

    return page(found, "html" if form == "html" else "markdown")


def note(experiment: str, text: str, kind: str) -> None:
    """Keep what somebody has to say of an experiment. ConfigError: it is not one, or nothing is said."""
    try:
        with records.journal() as journal:
            journal.annotate(experiment, time.time(), kind, records.who(), text)
    except ValueError as error:
        raise ConfigError([str(error)]) from None
    click.echo(f"noted on {experiment}")
