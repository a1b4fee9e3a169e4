"""The real command `chaos`, in a folder of its own; and environments in which it can be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMMAND = "from chaostoolkit.__main__ import cli; cli()"  # the script's own line, for any Python


@dataclass
class Chaos:
    """Where it is run, by which Python, with what beside a clean environment."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    python: Path = Path(sys.executable)

    def call(self, *arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("CHAOS_", "PYTEST", "PYTHON"))}
        settings = self.folder / "no-settings.yaml"  # not those of whoever runs the tests
        return subprocess.run(
            [str(self.python), "-c", COMMAND, "--settings", str(settings), *map(str, arguments)],
            cwd=self.folder, env={**clean, **self.environment, **more}, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip

    def run(self, experiment: Mapping[str, Any] | Path, **more: str) -> tuple[int, dict[str, Any]]:
        """The exit code and the journal of one experiment."""
        file = experiment if isinstance(experiment, Path) else self.folder / "experiment.json"
        if not isinstance(experiment, Path):
            file.write_text(json.dumps(experiment))
        done = self.call("run", file, **more)
        journal = self.folder / "journal.json"
        assert journal.exists(), done.stderr
        return done.returncode, json.loads(journal.read_text())

    def discover(self, package: str, *options: str, **more: str) -> dict[str, Any]:
        """What `chaos discover --no-install` finds."""
        outcome = self.folder / "discovery.json"
        outcome.unlink(missing_ok=True)
        done = self.call("discover", "--no-install", *options, package, **more)
        assert outcome.exists(), done.stdout + done.stderr
        found: dict[str, Any] = json.loads(outcome.read_text())
        return found


def environment_of(folder: Path) -> Path:
    """The Python of an environment with all that this one has, but for chaos-engine itself."""
    bare = call(folder, sys.executable, "-m", "venv", "--without-pip", folder / "env")
    assert bare.returncode == 0, bare.stderr
    theirs = folder / "theirs"
    theirs.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "chaos_engine" not in entry.name and entry.name != "chaosengine":
            (theirs / entry.name).symlink_to(entry)
    (packages,) = (folder / "env").glob("lib/python*/site-packages")
    (packages / "theirs.pth").write_text(str(theirs))
    return folder / "env" / "bin" / "python"


def call(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Any command, to its end."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CHAOS_", "PYTEST", "PYTHON"))}
    return subprocess.run(
        [str(part) for part in command], cwd=folder, env=clean, capture_output=True, text=True, timeout=200,
        check=False,
    )  # fmt: skip
