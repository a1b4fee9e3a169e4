"""`catalogue`: scenarios, probes, and the activities of Chaos Toolkit extensions, with all that they take."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from chaos_engine.adapters.toolkit_python import ask
from chaos_engine.catalogue import probe_entries, scenario_entries, toolkit_entries
from chaos_engine.catalogue.model import Catalogue, Entry
from chaos_engine.catalogue.search import exact, found, suggestion
from chaos_engine.catalogue.text import page, table
from chaos_engine.config import written_settings
from chaos_engine.console.outcome import BAD_INPUT
from chaos_engine.toolkit_runs import ToolkitError
from chaos_engine.written import ConfigError
from scenarios.base import Scenario
from scenarios.registry import PluginError, load

PATIENCE = 60.0  # seconds: importing many extensions takes a while at a tenth of a core


def show(config: Path | None, words: Sequence[str], *, as_json: bool) -> int:
    """Print what the words find; of one alone its page. Exit code 2 where they find nothing."""
    whole = collected(config)
    words = [part for word in words for part in word.split()]
    one, chosen = exact(whole.entries, words), found(whole.entries, words)
    for problem in whole.problems:
        click.echo(f"chaos-engine: {problem}", err=True)
    if as_json:
        click.echo(json.dumps(_data(chosen, whole.problems), indent=1))
    else:
        _print(one, chosen)
    if chosen:
        return 0
    hint = suggestion(whole.entries, words)
    click.echo(f"chaos-engine: nothing in the catalogue has {' '.join(words)!r} in it{hint}", err=True)
    return BAD_INPUT


def collected(config: Path | None) -> Catalogue:
    """All there is here. ConfigError: the settings cannot be read."""
    scenarios, broken = scenario_entries.entries(_scenarios(config))
    activities, problems = _activities()
    ordered = sorted(scenarios, key=lambda entry: (entry.package != "chaos-engine", entry.family, entry.name))
    return Catalogue((*ordered, *probe_entries.entries(), *activities), (*broken, *problems))


def _scenarios(config: Path | None) -> Mapping[str, Scenario]:
    """With the plugins that the settings name. Nothing else of them is checked: who mends them looks here."""
    written = written_settings(config, os.environ)
    plugins = written.data.get("plugins")
    try:
        return load(Path(written.name).parent / str(plugins) if plugins else None)
    except PluginError as error:
        raise ConfigError([str(error)]) from error


def _activities() -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    try:
        return toolkit_entries.entries(json.loads(ask("catalogue", timeout=PATIENCE)))
    except (ToolkitError, ValueError, LookupError) as error:
        return (), (f"no Chaos Toolkit extensions: {error}",)


def _data(entries: Iterable[Entry], problems: Iterable[str]) -> dict[str, Any]:
    return {"entries": [entry.as_data() for entry in entries], "problems": list(problems)}


def _print(one: Entry | None, entries: tuple[Entry, ...]) -> None:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line, title in page(one, [each for each in entries if each != one]) if one else table(entries, width):
        click.echo(click.style(line, bold=True) if title else line)
