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
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.table import Row, show

TIMES = 15
BINARIES = Path(sys.executable).parent
THEIRS = [str(BINARIES / "chaos"), "--no-version-check", "run"]
OURS = [str(BINARIES / "chaos-engine"), "run"]


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
                "provider": _python("os.path", "exists", path="trivial.json"),
            }
        ],
    },
    "method": [{"type": "action", "name": "nothing", "provider": {"type": "process", "path": "true"}}],
    "rollbacks": [{"type": "action", "name": "nothing", "provider": {"type": "process", "path": "true"}}],
}  # fmt: skip


def rows() -> list[Row]:
    """About a minute."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "trivial.json").write_text(json.dumps(EXPERIMENT))
        _took(THEIRS, folder), _took(OURS, folder)  # what is compiled and cached once
        took = [(_took(OURS, folder), _took(THEIRS, folder)) for _ in range(TIMES)]
    ours, theirs = (median(side) for side in zip(*took, strict=True))
    return [
        Row("a trivial experiment of the Chaos Toolkit", ours, "s; naive: chaos run", theirs, theirs / ours)
    ]


def _took(command: list[str], folder: str) -> float:
    environment = {
        name: value for name, value in os.environ.items()
        if not name.startswith("CHAOS_") and name != "PYTHONDONTWRITEBYTECODE"
    }  # fmt: skip
    began = time.perf_counter()
    subprocess.run(
        [*command, "trivial.json"], check=True, cwd=folder, env={**environment, "CHAOS_DATA_DIR": "data"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - began


if __name__ == "__main__":
    show("Experiments of the Chaos Toolkit", rows())
