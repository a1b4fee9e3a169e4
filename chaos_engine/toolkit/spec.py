"""What is asked for: the command line of `chaos run`, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

ROLLBACK_STRATEGIES = ("default", "always", "never", "deviated")


@dataclass(frozen=True)
class Spec:
    """`experiment` is the document as it was armed; None: it is read from `source`."""

    source: str
    experiment: Any = None
    settings: str | None = None
    var: tuple[str, ...] = ()
    var_file: tuple[str, ...] = ()
    control_file: tuple[str, ...] = ()
    dry: str | None = None
    hypothesis_strategy: str | None = None
    rollback_strategy: str | None = None
    hypothesis_frequency: float = 1.0
    fail_fast: bool = False
    no_validation: bool = False
    no_verify_tls: bool = False
    strict: bool = False
    journal_path: str | None = None
    mark: str = ""


def spec_of(document: Mapping[str, Any]) -> Spec:
    """Keys that are missing mean their defaults; keys that are not known are left alone."""
    known = {field.name for field in fields(Spec)}
    given = {key: value for key, value in document.items() if key in known}
    for key in ("var", "var_file", "control_file"):
        given[key] = tuple(given.get(key) or ())
    return Spec(**given)


def read_spec(folder: Path) -> Spec:
    """`FOLDER/spec.json`."""
    return spec_of(json.loads((folder / "spec.json").read_text(encoding="utf-8")))
