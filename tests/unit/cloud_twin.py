"""An in-memory AWS: as much of FIS and SSM as the scenarios ask for, on a clock that only waiting moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from chaos_engine.cloud import CloudError
from chaos_engine.model import AwsAccess, Fault, Now, Target
from chaos_engine.ports import World
from scenarios.base import Scenario

NOW = 1_700_000_000.0
SITE = Target("petsite", aws=AwsAccess(profile="game-day"))


@dataclass
class Clock:
    """Moves when somebody waits."""

    wall: float = NOW

    def now(self) -> Now:
        return Now(self.wall, self.wall)

    def wait(self, seconds: float) -> None:
        self.wall += seconds

    def date(self) -> datetime:
        return datetime.fromtimestamp(self.wall, UTC)


class NoStates:
    """Nothing here has a state file."""

    def read(self, path: Path) -> Mapping[str, Any] | None:
        raise NotImplementedError

    def write(self, path: Path, state: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def remove(self, path: Path) -> None:
        raise NotImplementedError


@dataclass
class CloudTwin:
    """Fulfils `cloud.Cloud`. `refusals`: operation -> what it raises; `calls`: what it was asked."""

    clock: Clock = field(default_factory=Clock)
    refusals: dict[str, CloudError] = field(default_factory=dict)
    calls: list[tuple[AwsAccess, str, Mapping[str, Any]]] = field(default_factory=list)
    stopping_takes: float = 0.0  # seconds between being told to stop and having stopped
    listed_after: float = 0.0  # seconds until a run that was started is in the listings

    def region(self, access: AwsAccess) -> str:
        return access.region or "eu-central-1"

    def call(self, access: AwsAccess, service: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        self.calls.append((access, f"{service}:{operation}", parameters))
        if operation in self.refusals:
            raise self.refusals[operation]
        found: Mapping[str, Any] = getattr(self, f"{service}_{operation}")(parameters)
        return found

    def pages(
        self, access: AwsAccess, service: str, operation: str, **parameters: Any
    ) -> Iterator[Mapping[str, Any]]:
        """Of a listing with one list in it: one thing a page, and an empty page at the end."""
        answer = self.call(access, service, operation, **parameters)
        ((key, things),) = answer.items()
        yield from ({key: [thing]} for thing in things)
        yield {key: []}

    def asked(self, operation: str) -> list[Mapping[str, Any]]:
        return [parameters for _, name, parameters in self.calls if name == operation]

    @property
    def world(self) -> World:
        return World(NoStates(), self.clock, self, self.clock.wait)


def prepared(scenario: Scenario, twin: CloudTwin, *, id_: str = "e1-0", seed: int = 7, **own: Any) -> Fault:
    """A fault whose intent is on disk, and nothing more."""
    parameters = scenario.parameters.model_validate(own)
    found = scenario.prepare(SITE, parameters, Random(seed), twin.world)
    now = twin.clock.now()
    return Fault(
        id_, id_.partition("-")[0], scenario.name, SITE, found.parameters, found.undo, found.resources,
        "0123456789ab", 0, now, now.plus(3620.0),
    )  # fmt: skip


def started(scenario: Scenario, twin: CloudTwin, **own: Any) -> Fault:
    """A fault that is in, as the ledger has it afterwards."""
    return injected(scenario, twin, prepared(scenario, twin, **own))


def injected(scenario: Scenario, twin: CloudTwin, fault: Fault) -> Fault:
    facts = scenario.inject(fault, twin.world)
    assert facts is not None
    return replace(fault, undo={**fault.undo, **facts})
