"""Actions and probes of the tests' experiments: they note what they did in the folder they run in."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from chaoslib import exit as leave


def note(what: str, make: str = "") -> str:
    with Path("notes.txt").open("a") as notes:
        notes.write(what + "\n")
    if make:
        Path(make).touch()
    return what


def fail(what: str) -> None:
    note(what)
    raise RuntimeError(f"{what} could not be done")


def steady(dead: str = "dead", broken: str = "broken") -> bool:
    """Whether nothing is broken; it fails where something is dead."""
    if Path(dead).exists():
        raise RuntimeError("nobody answers")
    return not Path(broken).exists()


def terminated(seconds: float) -> None:
    """The signal reaches a Python activity."""
    note("terminated")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(seconds)


def leaving(how: str) -> None:
    note(how)
    {"gracefully": leave.exit_gracefully, "ungracefully": leave.exit_ungracefully, "exit": sys.exit}[how]()
    time.sleep(5)


def told(configuration: Any = None, secrets: Any = None, **more: Any) -> dict[str, Any]:
    """What it was given, with its types."""
    return {"configuration": configuration, "secrets": secrets, **more}


def several() -> set[int]:
    """What JSON cannot hold."""
    note("several")
    return {1, 2}


def number(value: float) -> float:
    return value


def chosen() -> str:
    """Another one each time it is asked."""
    asked = Path("asked.txt")
    asked.write_text(asked.read_text() + "x" if asked.exists() else "x")
    return f"i-{len(asked.read_text())}"


def is_even(value: int) -> bool:
    return value % 2 == 0


def awaited(path: str, seconds: float = 20.0) -> None:
    """Until the file is there."""
    note("awaited")
    ends = time.monotonic() + seconds
    while not Path(path).exists() and time.monotonic() < ends:
        time.sleep(0.01)
