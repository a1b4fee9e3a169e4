"""The options of `chaos run`, for `chaos-engine run` with an experiment of the Chaos Toolkit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
HYPOTHESIS = (
    "default", "before-method-only", "after-method-only", "during-method-only", "continuously",
    "continously",
)  # fmt: skip
ROLLBACKS = ("default", "always", "never", "deviated")
DRY = ("probes", "actions", "activities", "pause")
_FILE = click.Path(exists=True, path_type=Path)
_ALL = (
    click.option("--var", multiple=True, metavar="KEY[:TYPE]=VALUE", help="A value of its configuration."),
    click.option("--var-file", multiple=True, type=_FILE, help="Values: JSON, YAML, or a .env file."),
    click.option("--control-file", multiple=True, type=_FILE, help="Controls for the whole run."),
    click.option("--settings", type=_FILE, help="The Chaos Toolkit's settings."),
    click.option("--hypothesis-strategy", type=click.Choice(HYPOTHESIS), help="When it is asked."),
    click.option(
        "--hypothesis-frequency", type=float, help="Seconds between two askings of a continuous one."
    ),
    click.option("--fail-fast", is_flag=True, default=None, help="End when a continuous one deviates."),
    click.option("--rollback-strategy", type=click.Choice(ROLLBACKS), help="When rollbacks are run."),
    click.option("--dry", type=click.Choice(DRY), help="What is left out."),
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
