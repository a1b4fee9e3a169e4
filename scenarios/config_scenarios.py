"""The application answers as if its configuration were broken: DATABASE_URL is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scenarios.state_file import StateFileScenario, write_by_hand


class ConfigError(StateFileScenario):
    """With `heals_on: env:DATABASE_URL` only the right value repairs it, a restart alone does not."""

    name = "config_error"
    mode = "config_error"


def inject_config_error(state_file: Path) -> dict[str, Any]:
    """By hand: break the configuration of the application that reads this file. Returns what was written."""
    return write_by_hand(state_file, "config_error")
