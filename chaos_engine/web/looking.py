"""Whether what the engine needs can be reached, and what Docker has. Looked at rarely, whoever asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from chaos_engine.adapters import folder
from chaos_engine.adapters.prometheus import PrometheusApi
from chaos_engine.config import Settings
from chaos_engine.containers import ContainerError, Containers
from chaos_engine.found_targets import as_data, census_of
from chaos_engine.model import AlertFires, PrometheusProbe
from chaos_engine.ports import PrometheusQuery, SourceFailure

T = TypeVar("T")
KEPT = 5.0  # seconds for which an answer holds
BUDGET = 2.0  # seconds that a source has


class Kept(Generic[T]):
    """The answer of something slow, asked at most every `KEPT` seconds, and by one at a time."""

    def __init__(self, look: Callable[[], T]) -> None:
        self._look = look
        self._at = -KEPT
        self._found: T
        self._lock = asyncio.Lock()

    async def get(self) -> T:
        """What was found last, if that was lately; else what is found now, in a thread."""
        async with self._lock:
            if time.monotonic() - self._at >= KEPT:
                self._found = await asyncio.to_thread(self._look)
                self._at = time.monotonic()
            return self._found


def lacks(settings: Settings, containers: Containers) -> Iterator[str]:
    """A sentence for each source that cannot be reached."""
    yield from _folders(settings)
    yield from _prometheus(settings)
    if settings.hurts_containers:
        yield from _docker(containers)


def _folders(settings: Settings) -> Iterator[str]:
    for name, target in settings.targets.items():
        refusal = folder.state_file_refusal(target.state_file) if target.state_file else None
        if refusal:
            yield f"target {name}: {refusal}"


def _prometheus(settings: Settings) -> Iterator[str]:
    alerts = [e.hypothesis.alert_fires for e in settings.experiments.values()]
    asked = [
        probe for probe in (*settings.probes, *alerts) if isinstance(probe, (PrometheusProbe, AlertFires))
    ]
    api, now = PrometheusApi(), time.time()
    for url in dict.fromkeys(probe.url for probe in asked):
        answer = api.ask(PrometheusQuery(url, "vector(1)", now, now, 0.0), BUDGET)
        if isinstance(answer, SourceFailure):
            yield f"prometheus: {answer.message}"


def _docker(containers: Containers) -> Iterator[str]:
    try:
        containers.engine()
    except ContainerError as error:
        yield f"docker: {error}"


def targets(settings: Settings, containers: Containers) -> dict[str, Any]:
    """Every target, with its containers where it has some; and the containers that are none's."""
    found: dict[str, Any] = {"targets": [], "others": []}
    error = ""
    if any(target.containers for target in settings.targets.values()):
        try:
            found = as_data(census_of(settings, containers))
        except ContainerError as failure:
            error = str(failure)
    counted = {target["name"]: target for target in found["targets"]}
    return {
        "targets": [_target(settings, name, counted.get(name)) for name in settings.targets],
        "others": found["others"],
        "error": error,
    }


def _target(settings: Settings, name: str, counted: dict[str, Any] | None) -> dict[str, Any]:
    target = settings.targets[name]
    none: dict[str, Any] = {"eligible": 0, "refusal": "", "containers": [] if target.containers else None}
    return {
        "name": name,
        "state_file": str(target.state_file) if target.state_file else None,
        "aws": target.aws is not None,
        "scenarios": sorted(label for label, hurt in settings.experiments if hurt == name),
        **(counted or none),
    }
