"""The Compose example that gates a deployment: Compose itself can read it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker
FOLDER = Path(__file__).parents[2] / "examples" / "pipeline"


def test_compose_can_read_it() -> None:
    told = subprocess.run(
        ["docker", "compose", "-f", "compose.yml", "config", "--format", "json"], cwd=FOLDER,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    services = json.loads(told.stdout)["services"]
    assert set(services) == {"candidate", "gate", "promote"}
    assert services["promote"]["depends_on"]["gate"]["condition"] == "service_completed_successfully"
