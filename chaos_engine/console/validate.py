"""`validate`: whether files say something that can be run. Looks at nothing else.

Of experiments of the Chaos Toolkit, that toolkit says so: it loads the modules that their activities are in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from chaos_engine import chaos_machine, toolkit_files
from chaos_engine.config import Settings, load_settings
from chaos_engine.console import toolkit_checks
from chaos_engine.console.outcome import BAD_INPUT
from chaos_engine.experiment_file import load_experiment
from chaos_engine.written import ConfigError, read

_EXPERIMENT_KEYS = {"title", "scenario", "steps", "with"}


def check(files: Iterable[Path], *, as_json: bool) -> int:
    """Print what is wrong, or that nothing is. Exit code 2 where something is wrong."""
    found = [*_checked([*files])]
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        for entry in found:
            _print(entry)
    return BAD_INPUT if any(entry["problems"] for entry in found) else 0


def _checked(files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """It is the files that are checked, not this machine's environment."""
    read = [_read(file) for file in files]
    findings = iter(toolkit_checks.examine_all([found for found in read if isinstance(found, Settings)]))
    for file, found in zip(files, read, strict=True):
        if isinstance(found, ConfigError):
            yield {"file": str(file), "problems": list(found.problems), "warnings": []}
        else:
            more = next(findings)
            warnings = [*found.warnings, *more.warnings]
            yield {"file": str(file), "problems": list(more.problems), "warnings": warnings}


def _read(file: Path) -> Settings | ConfigError:
    try:
        return load(file, {})
    except ConfigError as error:
        return error


def load(file: Path | None, environment: Mapping[str, str]) -> Settings:
    """The file as what it is: one experiment, or the daemon's settings."""
    if file is not None and _is_experiment(read(file).data):
        return load_experiment(file, environment)
    return load_settings(file, environment)


def _is_experiment(data: Mapping[str, Any]) -> bool:
    known = chaos_machine.is_input(data) or toolkit_files.is_experiment(data)
    return known or not _EXPERIMENT_KEYS.isdisjoint(data)


def _print(entry: dict[str, Any]) -> None:
    for problem in entry["problems"]:
        click.echo(problem, err=True)
    for warning in entry["warnings"]:
        click.echo(f"{entry['file']}: warning: {warning}")
    if not entry["problems"]:
        click.echo(f"{entry['file']}: ok")
