"""A trivial experiment of the Chaos Toolkit, by its own command and by ours.

    python -m benchmarks.toolkit

From the start of Python to its end, in turns, so that a slow moment of the machine hits both. Both are
compiled, as an installation is; theirs does not look for a newer version of itself, as it else would.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.table import Row, show

TIMES = 15
MANY, ROUNDS = 10, 3  # files, and how often
BINARIES = Path(sys.executable).parent


def _python(module: str, func: str, **arguments: str) -> dict[str, Any]:
    return {"type": "python", "module": module, "func": func, "arguments": arguments}


EXPERIMENT = {
    "title": "the file is there",
    "description": "It is, whatever happens.",
    "steady-state-hypothesis": {
        "title": "the file is there",
        "probes": [
            {
                "type": "probe", "name": "file-is-there", "tolerance": True,
                "provider": _python("os.path", "exists", path="trivial-0.json"),
            }
        ],
    },
    "method": [{"type": "action", "name": "nothing", "provider": {"type": "process", "path": "true"}}],
    "rollbacks": [{"type": "action", "name": "nothing", "provider": {"type": "process", "path": "true"}}],
}  # fmt: skip


def rows() -> list[Row]:
    """About a minute."""
    with tempfile.TemporaryDirectory() as folder:
        files = [_written(folder, number) for number in range(MANY)]
        _ours(folder, files[:1]), _theirs(folder, files[:1])  # what is compiled and cached once
        one = _row("a trivial experiment of the Chaos Toolkit", folder, files[:1], TIMES)
        many = _row(f"each of {MANY} of them, in one command", folder, files, ROUNDS)
    return [one, many]


def _written(folder: str, number: int) -> str:
    name = f"trivial-{number}.json"
    Path(folder, name).write_text(json.dumps(EXPERIMENT))
    return name


def _row(name: str, folder: str, files: Sequence[str], times: int) -> Row:
    took = [(_ours(folder, files), _theirs(folder, files)) for _ in range(times)]
    ours, theirs = (median(side) / len(files) for side in zip(*took, strict=True))
    return Row(name, ours, "s; naive: chaos run", theirs, theirs / ours)


def _ours(folder: str, files: Sequence[str]) -> float:
    return _took([str(BINARIES / "chaos-engine"), "run", *files], folder)


def _theirs(folder: str, files: Sequence[str]) -> float:
    """It takes one file."""
    return sum(_took([str(BINARIES / "chaos"), "--no-version-check", "run", file], folder) for file in files)


def _took(command: Sequence[str], folder: str) -> float:
    environment = {
        name: value for name, value in os.environ.items()
        if not name.startswith("CHAOS_") and name != "PYTHONDONTWRITEBYTECODE"
    }  # fmt: skip
    began = time.perf_counter()
    subprocess.run(
        command, check=True, cwd=folder, env={**environment, "CHAOS_DATA_DIR": "data"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - began


if __name__ == "__main__":
    show("Experiments of the Chaos Toolkit", rows())
