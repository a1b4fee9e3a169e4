"""Settings that keep an engine from starting do not keep what an earlier one left from being cleared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from chaos_engine.console import records
from chaos_engine.console.clearing import clear_here
from chaos_engine.console.found import Found
from chaos_engine.written import ConfigError

T = TypeVar("T")


def cleared_if_refused(start: Callable[[], T], config: Path | None) -> T:
    """What `start` returns. ConfigError: it was refused, and what could be cleared was."""
    try:
        return start()
    except ConfigError:
        if records.exists() and not records.daemon_runs():
            _clear(config)
        raise


def _clear(config: Path | None) -> None:
    found = Found()
    try:
        clear_here(found, config)
    except Exception as error:  # noqa: BLE001 - what is wrong with the settings is still to be told
        found.left.append(str(error))
    for name in found.cleared:
        click.echo(f"chaos-engine: cleared {name}, which an earlier engine left", err=True)
    for text in found.left:
        click.echo(f"chaos-engine: left: {text}", err=True)
