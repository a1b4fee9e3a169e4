"""One run of an experiment of the Chaos Toolkit: under way, killed, rolled back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.engine_process import until
from tests.integration.toolkit_cases import experiment, noting, python
from tests.integration.toolkit_side_by_side import (
    ROOM,
    Case,
    Ran,
    laid_out,
    prepared,
    surroundings,
)

WAITING = {"before": 0, "after": 60}


@contextmanager
def started(folder: Path, case: Case, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Ours, under way."""
    prepared(folder, case)
    laid_out(folder, case)
    with (folder / "said.txt").open("wb") as said:
        running = subprocess.Popen(
            [sys.executable, str(ROOM), "run", "run"],
            cwd=folder,
            env={**os.environ, **surroundings(case)},
            stdout=said,
            stderr=said,
            **more,
        )
        try:
            yield running
        finally:
            running.kill()
            running.wait(10)


def rolled_back(folder: Path, case: Case, **more: Any) -> int:
    with (folder / "rollback.txt").open("ab") as said:
        return subprocess.run(
            [sys.executable, str(ROOM), "rollback", "run"],
            cwd=folder,
            env={**os.environ, **surroundings(case)},
            timeout=60,
            check=False,
            stdout=said,
            stderr=said,
            **more,
        ).returncode


def ran(folder: Path, code: int = 0) -> Ran:
    return Ran(folder, code, (folder / "said.txt").read_text())


def events(found: Ran) -> list[str]:
    return [line["event"] for line in found.record]


ACTIVITIES = experiment(
    python("action", "in", "awaited", path="go"),
    rollbacks=[python("action", "first back", "awaited", path="gone"), noting("second back")],
)


def killed(folder: Path, case: Case, notes: int) -> Ran:
    """Once it has noted so much."""
    with started(folder, case) as running:
        found = ran(folder)
        until(lambda: len(found.notes) == notes)
        running.send_signal(signal.SIGKILL)
        running.wait(10)
    return found
