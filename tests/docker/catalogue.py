"""Every scenario that hurts containers, with what it cannot be without in the stacks of these tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scenarios.container import ContainerScenario
from scenarios.helper import HelperScenario
from scenarios.registry import load

PARAMETERS: Mapping[str, Mapping[str, Any]] = {}


def names() -> list[str]:
    """All of them."""
    return [name for name, found in load().items() if isinstance(found, ContainerScenario)]


def parameters(name: str) -> dict[str, Any]:
    """What is written for it."""
    return dict(PARAMETERS.get(name, {}))


def ends_by_itself(name: str) -> bool:
    """Whether a helper takes it out, whoever has died."""
    return isinstance(load()[name], HelperScenario)
