"""The mark `docker`: skipped where no Docker Engine is reachable, failed where CHAOS_REQUIRE_DOCKER=1."""

from __future__ import annotations

import os
import subprocess
from functools import cache

import pytest
from hypothesis import settings

# How long an example takes says nothing on a busy machine; hangs are ended by the timeout of each test.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

_NEEDED = (("docker", "version", "--format", "{{.Server.Version}}"), ("docker", "compose", "version"))


@cache
def docker_is_missing() -> str:
    """Why tests with a Docker Engine cannot run; empty: they can. Asked once a session."""
    for command in _NEEDED:
        try:
            asked = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{' '.join(command[:2])}: {error}"
        if asked.returncode != 0:
            said = asked.stderr.strip().splitlines() or ["no answer"]
            return f"{' '.join(command[:2])}: {said[-1]}"
    return ""


# First, since a module's own fixtures already need the Engine.
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("docker") is None or not docker_is_missing():
        return
    reason = f"no Docker Engine with Compose is reachable ({docker_is_missing()})"
    if os.environ.get("CHAOS_REQUIRE_DOCKER") == "1":
        pytest.fail(f"{reason}, and CHAOS_REQUIRE_DOCKER=1 asks for one", pytrace=False)
    pytest.skip(f"{reason}; CHAOS_REQUIRE_DOCKER=1 makes this a failure")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it without `-rs` too: a skipped stack is easily taken for a tested one."""
    skipped = [r for r in terminalreporter.getreports("skipped") if "docker" in r.keywords]
    if skipped:
        terminalreporter.write_line(f"{len(skipped)} tests skipped: {docker_is_missing() or 'see -rs'}")
