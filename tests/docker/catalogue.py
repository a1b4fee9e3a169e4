"""Every scenario that hurts containers, with what it cannot be without in the stacks of these tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scenarios.container import ContainerScenario
from scenarios.helper import HelperScenario
from scenarios.registry import load

# As the small project of `small.py`, with what some of them hurt: a child process, a variable.
PROJECT = """
services:
  web:
    image: python:3.13-slim
    command:
      - sh
      - -c
      - "(while :; do sleep 1000; done) & exec python -u -m http.server 8000 --directory /tmp"
    environment: {DATABASE_URL: "postgresql://db/shop"}
    restart: unless-stopped
    stop_grace_period: 1s
  client:
    image: python:3.13-slim
    command: [sleep, infinity]
    init: true
    stop_grace_period: 1s
"""
# In that project.
SMALL: Mapping[str, Mapping[str, Any]] = {
    "cpu_limit": {"cpus": 0.2},
    "memory_limit": {"limit": "64MB"},
    "memory_stress": {"size": "16MB"},
    "disk_fill": {"path": "/dev/shm", "percent": "50%"},
    "io_stress": {"path": "/dev/shm", "size": "8MB", "rate": "8MB"},
    "process_kill": {"process": "sleep"},
    "dependency_timeout": {"to": "client"},
}
# In the stack of docker-compose.yml. Only some have what is hurt.
STACK: Mapping[str, Mapping[str, Any]] = {
    **SMALL,
    "memory_limit": {"limit": "512MB"},
    "process_kill": {"pattern": "checkpointer", "targets": ["postgres"]},
    "database_failure": {"targets": ["postgres"]},
    "bad_config": {"targets": ["target-app"]},
    "dependency_timeout": {"to": "postgres", "targets": ["target-app"]},
}


def names() -> list[str]:
    """All of them."""
    return [name for name, found in load().items() if isinstance(found, ContainerScenario)]


def parameters(name: str) -> dict[str, Any]:
    """What is written for it in the small project."""
    return dict(SMALL.get(name, {}))


def on_the_stack(name: str) -> dict[str, Any]:
    """What is written for it in the stack, targets among it."""
    return dict(STACK.get(name, {}))


def ends_by_itself(name: str) -> bool:
    """Whether a helper takes it out, whoever has died."""
    return isinstance(load()[name], HelperScenario)
