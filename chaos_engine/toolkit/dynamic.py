"""Configuration that a probe gave: the rollbacks after a kill must act on the same values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaos_engine.toolkit.record import parsed, synced

FILE = "configuration.json"


def keep_dynamic(folder: Path, experiment: Mapping[str, Any], configuration: Mapping[str, Any]) -> None:
    """What JSON cannot hold is asked again."""
    declared = experiment.get("configuration", {})
    found = {
        key: configuration[key] for key, value in declared.items() if is_dynamic(value, key, configuration)
    }
    if found:
        synced(folder / FILE, json.dumps(found))


def is_dynamic(value: Any, key: str, configuration: Mapping[str, Any]) -> bool:
    """Given by a probe, and to be written down."""
    if not isinstance(value, dict) or value.get("type") != "probe" or key not in configuration:
        return False
    try:
        json.dumps(configuration[key])
    except (TypeError, ValueError):
        return False
    return True


def kept(folder: Path) -> dict[str, Any]:
    """What was written down."""
    try:
        return parsed((folder / FILE).read_bytes())
    except OSError:
        return {}
