"""The options of `chaos run`, for `chaos-engine run` with an experiment of the Chaos Toolkit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from chaos_engine.toolkit_runs import Dry, HypothesisStrategy, RollbackStrategy

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(exists=True, path_type=Path)
_ALL = (
    click.option("--var", multiple=True, metavar="KEY[:TYPE]=VALUE", help="A value of its configuration."),
    click.option("--var-file", multiple=True, type=_FILE, help="Values: JSON, YAML, or a .env file."),
    click.option("--control-file", multiple=True, type=_FILE, help="Controls for the whole run."),
    click.option("--settings", type=_FILE, help="The Chaos Toolkit's settings."),
    click.option(
        "--hypothesis-strategy", type=click.Choice(get_args(HypothesisStrategy)), help="When it is asked."
    ),
    click.option(
        "--hypothesis-frequency", type=float, help="Seconds between two askings of a continuous one."
    ),
    click.option("--fail-fast", is_flag=True, default=None, help="End when a continuous one deviates."),
    click.option(
        "--rollback-strategy", type=click.Choice(get_args(RollbackStrategy)), help="When rollbacks are run."
    ),
    click.option("--dry", type=click.Choice(get_args(Dry)), help="What is left out."),
    click.option("--journal-path", type=click.Path(path_type=Path), help="Its journal (./journal.json)."),
    click.option("--no-validation", is_flag=True, default=None, help="Run it unchecked."),
    click.option("--no-verify-tls", is_flag=True, default=None, help="Of an experiment at a URL."),
    click.option("--strict", is_flag=True, default=None, help="All as `chaos run`, the exit code too."),
)


def toolkit_options(command: F) -> F:
    """All of them; those that are given come in one mapping, by `given`."""
    for option in reversed(_ALL):
        command = option(command)
    return command


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those that were given, with absolute paths, as the scenario's parameters."""
    chosen = {key: value for key, value in options.items() if value not in (None, ())}
    return {key: _plain(value) for key, value in chosen.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value.absolute()) if isinstance(value, Path) else value
