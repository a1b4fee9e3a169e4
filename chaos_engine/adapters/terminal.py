"""How log lines reach people and machines."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, TextIO

import structlog

_COLOURS = {
    "inject": "\x1b[1;35m", "injected": "\x1b[35m", "cleared": "\x1b[36m", "warning": "\x1b[33m",
    "error": "\x1b[1;31m", "supported": "\x1b[1;32m", "unjudged": "\x1b[1m", "banner": "\x1b[2m",
    "next": "\x1b[2m", "phase": "\x1b[2m",
}  # fmt: skip
FORMS = ("text", "json")
LEVELS = ("info", "warning", "error")  # the least that is told
_PLAIN = "\x1b[0m"


def logger(form: str = "text", level: str = "info", out: TextIO | None = None) -> Any:
    """A structlog logger: `text` is one calm line an event, `json` one object. `level`: one of LEVELS."""
    stream = out or sys.stderr
    render = structlog.processors.JSONRenderer() if form == "json" else _Line(colour=stream.isatty())
    return structlog.wrap_logger(
        structlog.WriteLogger(_Unbreakable(stream)),  # type: ignore[arg-type]
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso" if form == "json" else "%H:%M:%S", utc=form == "json"),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
    )


class _Unbreakable:
    """Whoever read the log may be gone (`2>&1 | head`): faults must be cleared all the same."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


class _Line:
    """`12:00:05  Injecting SLOWDOWN …`; colour only where it is seen, and where it means something."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> str:
        text = str(event["event"]).replace("\n", "\n          ")
        line = f"{event['timestamp']}  {text}"
        colour = _colour_of(event) if self._colour else None
        return f"{colour}{line}{_PLAIN}" if colour else line


def _colour_of(event: MutableMapping[str, Any]) -> str | None:
    for word in (event.get("verdict"), event.get("level"), event.get("kind")):
        if word in _COLOURS:
            return _COLOURS[word]
    return None
