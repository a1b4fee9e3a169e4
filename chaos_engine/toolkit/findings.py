"""What is wrong with an experiment, and what is odd: each at its path."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from chaoslib.exceptions import ChaosException

from chaos_engine.toolkit.record import short

Problem = dict[str, str]
logger = logging.getLogger("chaostoolkit")


class Findings:
    """Gathered; each text once at its path."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def problem(self, path: str, text: str) -> None:
        """It must not run."""
        note(self.problems, path, text)

    def warning(self, path: str, text: str) -> None:
        """It may."""
        note(self.warnings, path, text)

    def ask(self, path: str, check: Callable[..., Any], *arguments: Any) -> bool:
        """One of chaoslib's checks, in its words; whether it passed."""
        text = self.said(path, check, *arguments)
        if text:
            self.problem(path, text)
        return not text

    def said(self, path: str, check: Callable[..., Any], *arguments: Any) -> str:
        """What chaoslib has against it; empty: nothing. What it warns of is a warning."""
        with listening() as heard:
            try:
                check(*arguments)
            except ChaosException as error:
                return str(error) or type(error).__name__
            except Exception as error:  # noqa: BLE001 - it trips over what has another shape
                return short(f"{type(error).__name__}: {error}")
            finally:
                for text in heard:
                    self.warning(path, text)
        return ""


def note(into: list[Problem], path: str, text: str) -> None:
    """Once."""
    if {"path": path, "text": text} not in into:
        into.append({"path": path, "text": text})


class _Ear(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


@contextmanager
def listening() -> Iterator[list[str]]:
    """chaoslib's own warnings, instead of its log."""
    ear, handlers, propagates = _Ear(), logger.handlers[:], logger.propagate
    logger.handlers[:], logger.propagate = [ear], False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the same is logged
            yield ear.heard
    finally:
        logger.handlers[:], logger.propagate = handlers, propagates
