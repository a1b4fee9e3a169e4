"""What the scenarios in AWS have in common, and those that start something which ends by itself: a run."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from random import Random
from typing import Annotated, Any, ClassVar
from uuid import NAMESPACE_URL, uuid5

from pydantic import BeforeValidator

from chaos_engine import durations
from chaos_engine.cloud import Cloud, CloudError
from chaos_engine.model import AwsAccess, Fault, Observation, Seen, Target
from chaos_engine.ports import World
from scenarios.base import Parameters, Scenario

LOOKS, PAUSE = 5, 0.5  # looks within one clearing, seconds between two of them
SETTLED = 10.0  # seconds after which AWS's listings have a run that was started
SKEW = 900.0  # seconds by which our clock may be ahead of AWS's; signatures allow no more
DENIED = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"})


class RefusedError(Exception):
    """It is not started, since it should not be; the message says why."""


class NotStartedError(Exception):
    """AWS did not start it; the message has AWS's words."""


class StillRunningError(Exception):
    """It was told to stop, and has not stopped yet."""


def _timeout(value: object) -> float:
    seconds = durations.parse(value)
    if seconds == 0:
        raise ValueError(f"{value!r} is too short; allowed: above 0s")
    return seconds


class RunParameters(Parameters):
    """`timeout`: how long its end is waited for; then it is stopped, and has failed."""

    timeout: Annotated[float, BeforeValidator(_timeout)] = 3600.0


@dataclass(frozen=True, slots=True)
class Reached:
    """AWS, as one target reaches it."""

    cloud: Cloud
    access: AwsAccess

    def call(self, service: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """One call. CloudError: refused, or not answered."""
        return self.cloud.call(self.access, service, operation, **parameters)

    def pages(self, service: str, operation: str, **parameters: Any) -> Iterator[Mapping[str, Any]]:
        """Every page of a listing. CloudError as above."""
        return self.cloud.pages(self.access, service, operation, **parameters)


class CloudScenario(Scenario):
    """A scenario that acts on something in AWS."""

    # The IAM actions that it needs, as in `docs/aws/`, and on which resources; none: they know no resources.
    permissions: ClassVar[Mapping[str, tuple[str, ...]]]

    def refusal(self, target: Target) -> str | None:
        """It needs a target in AWS."""
        return None if target.aws else f"target {target.name!r} is not in AWS; allowed: with `aws: true`"


class AwsScenario(CloudScenario):
    """A scenario whose fault is a run. Its id is in `fault.undo["run"]` from when it is known."""

    runs = True
    undoes = "none"  # nobody knows what a template or a document does; stopping it undoes what AWS undoes
    unknown: ClassVar[frozenset[str]]  # AWS's codes for: there is no such run
    ended: ClassVar[frozenset[str]]  # the states in which a run is over
    ending: ClassVar[frozenset[str]]  # the states in which it was told to stop

    @abstractmethod
    def look(self, aws: Reached, fault: Fault, run: str) -> Seen:
        """What AWS says of the run. CloudError: nothing."""

    @abstractmethod
    def find(self, aws: Reached, fault: Fault) -> str | None:
        """The run that carries the fault's mark, where its id never reached the ledger."""

    @abstractmethod
    def status(self, aws: Reached, run: str) -> str:
        """The run's state. CloudError: nothing."""

    @abstractmethod
    def stop(self, aws: Reached, run: str) -> None:
        """Tell it to stop. Of one that is over: nothing happens, or CloudError."""

    def observe(self, fault: Fault, world: World) -> Seen:
        """GONE where nothing was ever started."""
        aws = reached_by(fault, world)
        run = _run(fault) or self.find(aws, fault)
        if run is None:
            return Seen(Observation.GONE)
        try:
            return self.look(aws, fault, run)
        except CloudError as error:
            return self._not_seen(run, fault, error, world)

    def _not_seen(self, run: str, fault: Fault, error: CloudError, world: World) -> Seen:
        """AWS's answers may lag behind: a run that it does not know yet was not taken away."""
        if error.code in DENIED:
            return Seen(Observation.FAILED, f"{self.name} {run} cannot be followed: {error}")
        if error.code not in self.unknown:
            raise error
        if _age(fault, world) < SETTLED:
            return Seen(Observation.BLIND)
        return Seen(Observation.FAILED, f"AWS does not know {self.name} {run} any more: {error}")

    def clear(self, fault: Fault, world: World) -> None:
        """Stop it, and look until it is over. One that was never started, or has vanished, is."""
        aws = reached_by(fault, world)
        run = _run(fault) or self._lost(aws, fault, world)
        if run is None:
            return
        status = self._status(aws, run)
        for _ in range(LOOKS):
            if status is None or status in self.ended:
                return
            if status not in self.ending:
                self._stop(aws, run)
            world.wait(PAUSE)
            status = self._status(aws, run)
        if status is not None and status not in self.ended:
            raise StillRunningError(f"{run} was told to stop, and is still {status}")

    def _lost(self, aws: Reached, fault: Fault, world: World) -> str | None:
        """A start that was never heard of. Shortly after it AWS's listings may not have it yet."""
        for _ in range(LOOKS):
            run = self.find(aws, fault)
            if run is not None or _age(fault, world) > SETTLED:
                return run
            world.wait(PAUSE)
        return None

    def _status(self, aws: Reached, run: str) -> str | None:
        """None: it has vanished."""
        try:
            return self.status(aws, run)
        except CloudError as error:
            if error.code in self.unknown:
                return None
            raise

    def _stop(self, aws: Reached, run: str) -> None:
        """It may have ended meanwhile, which AWS may refuse: what counts is the look after it."""
        try:
            self.stop(aws, run)
        except CloudError as error:
            if error.code in DENIED or not self._is_over(aws, run):
                raise

    def _is_over(self, aws: Reached, run: str) -> bool:
        status = self._status(aws, run)
        return status is None or status in self.ended or status in self.ending


# --- how AWS is reached -----------------------------------------------------------------------


def reach(target: Target, world: World) -> Reached:
    """AWS as the target reaches it, with its region settled: the environment may be another tomorrow."""
    assert target.aws is not None  # noqa: S101 - refusal() has seen to it
    region = target.aws.region or world.cloud.region(target.aws)
    return Reached(world.cloud, replace(target.aws, region=region))


def reached_by(fault: Fault, world: World) -> Reached:
    """AWS as it was reached when the fault was prepared."""
    return Reached(world.cloud, AwsAccess(**fault.undo["aws"]))


def undo_by(aws: Reached, rng: Random, world: World, **what: Any) -> dict[str, Any]:
    """What clearing needs: how AWS is reached, and the token that makes a repeated start the same one.

    The token is never drawn twice, also where an engine with the same seed begins anew.
    """
    token = uuid5(NAMESPACE_URL, f"chaos-engine/{world.clock.now().wall!r}/{rng.random()!r}")
    return {"aws": asdict(aws.access), "token": str(token), **what}


# --- how a run is marked ----------------------------------------------------------------------

MARK = "chaos-engine:fault"


def mark(fault: Fault) -> str:
    """What no other fault has: the data folder's id and the fault's own."""
    return f"{fault.owner}/{fault.id}"


def tags(fault: Fault, own: Mapping[str, str]) -> dict[str, str]:
    """The user's tags, and ours over them."""
    ours = {
        MARK: mark(fault),
        "chaos-engine:experiment": fault.experiment,
        "chaos-engine:owner": fault.owner,
        "chaos-engine:target": _as_value(fault.target.name),
    }
    return {"Name": f"chaos-engine {fault.experiment}", **own, **ours}


def _as_value(text: str) -> str:
    """AWS takes no other characters in a tag."""
    return re.sub(r"[^\w\s.:/=+\-@]", "_", text)[:256]


def _run(fault: Fault) -> str | None:
    run = fault.undo.get("run")
    return None if run is None else str(run)


def _age(fault: Fault, world: World) -> float:
    return world.clock.now().wall - fault.armed_at.wall


# --- AWS's words ------------------------------------------------------------------------------


def started_about(fault: Fault) -> str:
    """A moment that is surely before the run's start, as AWS's filters take it."""
    return datetime.fromtimestamp(fault.armed_at.wall - SKEW, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def wall(moment: object) -> float | None:
    """Unix time of a date in AWS's answer; None where there is none."""
    return moment.timestamp() if isinstance(moment, datetime) else None
