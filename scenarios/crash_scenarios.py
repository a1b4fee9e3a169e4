"""The application's main process goes down on its next request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scenarios.state_file import StateFileScenario, write_by_hand


class Crash(StateFileScenario):
    """Heals on restart by default, so that one injection is one crash."""

    name = "crash"
    mode = "crash"


def inject_crash(state_file: Path) -> dict[str, Any]:
    """By hand: crash the application that reads this file. Returns what was written."""
    return write_by_hand(state_file, "crash")
