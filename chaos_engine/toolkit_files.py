"""Experiments of the Chaos Toolkit where users name them: as files, and as entries of `scenarios`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaos_engine.model import Experiment, Step, Target

SCENARIO = "toolkit"
JOURNAL = "journal.json"  # where `chaos run` leaves its own
_MARKS = {"method", "steady-state-hypothesis"}  # what only such experiments have
_FILES = ("toolkit", "settings", "directory", "journal_path")
_LISTS = ("var_file", "control_file")


def is_experiment(data: Mapping[str, Any]) -> bool:
    """Whether a document is such an experiment."""
    return not _MARKS.isdisjoint(data)


def located(own: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """An entry's parameters with its paths, which are relative to the file that names them."""
    found = dict(own)
    for key in _FILES:
        if isinstance(found.get(key), str):
            found[key] = _path(found[key], folder)
    for key in _LISTS:
        several = [found[key]] if isinstance(found.get(key), str) else found.get(key)
        if isinstance(several, (list, tuple)):
            found[key] = [_path(one, folder) if isinstance(one, str) else one for one in several]
    return found


def experiment(path: Path, title: str, options: Mapping[str, Any], timeout: float) -> Experiment:
    """One run of the file, with the options of `chaos run`. It judges itself: no probes of ours beside it."""
    label = path.name.split(".")[0]
    parameters = {
        "toolkit": os.path.abspath(path),  # noqa: PTH100 - lexical
        "journal_path": os.path.abspath(JOURNAL),  # noqa: PTH100
        **options,
        "timeout": timeout,
    }
    step = Step(SCENARIO, Target(label), parameters, runs=True)
    return Experiment(title=title, label=label, steps=(step,), hold=timeout, recovers=False)


def strict_code(details: Mapping[str, Any]) -> int | None:
    """The exit code of `chaos run`; None: its run did not come to an end."""
    code = details.get("chaos_toolkit", {}).get("exit_code")
    return code if isinstance(code, int) else None


def _path(text: str, folder: Path) -> str:
    return text if text.startswith(("http://", "https://")) else os.path.abspath(folder / text)  # noqa: PTH100
