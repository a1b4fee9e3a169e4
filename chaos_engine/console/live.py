"""A live line on a terminal while a command waits; nothing at all where output is piped."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Line(Protocol):
    """What is being waited for."""

    def say(self, text: str) -> None:
        """Replace the line."""
        ...


class _Silent:
    def say(self, text: str) -> None:
        """Nobody looks."""


class _Spinning:
    def __init__(self, status: object) -> None:
        self._status = status

    def say(self, text: str) -> None:
        """Replace the line."""
        self._status.update(text)  # type: ignore[attr-defined]


@contextmanager
def waiting(text: str) -> Iterator[Line]:
    """Show the text, and that time passes."""
    if not sys.stderr.isatty():
        yield _Silent()
        return
    from rich.console import Console  # noqa: PLC0415 - a terminal is rare where a daemon runs

    with Console(stderr=True).status(text) as status:
        yield _Spinning(status)
