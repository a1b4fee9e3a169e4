"""A command on several instances, as a function of time. Pure.

Statuses from AWS's page "Understanding command statuses". An instance that is not running when the command is
sent is Undeliverable (status Failed); such invocations "contribute to whether the parent command status is
Success": all of them undeliverable is Failed, one success among them is Success.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

DELIVERY = 0.5  # seconds until the agent has it; AWS does not say
ENDED = frozenset({"Success", "Failed", "Cancelled", "TimedOut"})


@dataclass(frozen=True)
class Invocation:
    """One instance's part. `starts`: its turn, in seconds since 1970; None when it cannot be reached."""

    instance: str
    starts: float | None
    cancelled: float | None = None


@dataclass(frozen=True)
class Command:
    """`lasts`: seconds on each instance. `request` is what the caller sent."""

    id: str
    document: str
    version: str
    at: float
    lasts: float
    request: Mapping[str, object]
    invocations: tuple[Invocation, ...]
    plugin: str = "aws:runShellScript"


@dataclass(frozen=True)
class Look:
    """How an invocation or a command is at one moment. Times are seconds since 1970."""

    status: str
    details: str
    started: float | None = None
    ended: float | None = None

    @property
    def over(self) -> bool:
        """Whether the status is final."""
        return self.status in ENDED


def turns(instances: Mapping[str, bool], at: float, lasts: float, concurrency: int) -> tuple[Invocation, ...]:
    """Instances that can be reached (True) take turns, `concurrency` at once; the others have none."""
    reached = [name for name, can in instances.items() if can]
    starts = {name: at + DELIVERY + place // concurrency * lasts for place, name in enumerate(reached)}
    return tuple(Invocation(name, starts.get(name)) for name in instances)


def look(command: Command, invocation: Invocation, now: float) -> Look:
    """One instance's part at this moment."""
    natural = _natural(command, invocation, now)
    cancelled = invocation.cancelled
    if cancelled is None or now < cancelled or _natural(command, invocation, cancelled).over:
        return natural
    started = None if invocation.starts is None or invocation.starts > cancelled else invocation.starts
    if now < cancelled + DELIVERY:
        return Look("Cancelling", "Cancelling", started)
    return Look("Cancelled", "Cancelled", started, cancelled + DELIVERY)


def _natural(command: Command, invocation: Invocation, now: float) -> Look:
    """How it would be, if nobody cancelled it."""
    starts = invocation.starts
    if starts is None:
        late = command.at + DELIVERY
        return Look("Pending", "Pending") if now < late else Look("Failed", "Undeliverable", None, late)
    if now < starts:
        return Look("Pending", "Pending")
    if now < starts + command.lasts:
        return Look("InProgress", "InProgress", starts)
    return Look("Success", "Success", starts, starts + command.lasts)


def whole(command: Command, now: float) -> Look:
    """The command's own status."""
    looks = [look(command, invocation, now) for invocation in command.invocations]
    statuses = {one.status for one in looks}
    if not looks:
        return Look("Success", "NoInstancesInTag")
    if statuses <= {"Pending"}:
        return Look("Pending", "Pending")
    if not statuses <= ENDED:
        status = "Cancelling" if "Cancelling" in statuses else "InProgress"
        return Look(status, status)
    status = next(one for one in ("Cancelled", "Success", "Failed") if one in statuses)
    return Look(status, status)


def cancel(command: Command, instances: frozenset[str], now: float) -> Command:
    """Cancels the invocations of these instances (all of them, if empty) that are not over."""
    return replace(
        command,
        invocations=tuple(
            replace(one, cancelled=now)
            if one.cancelled is None and (not instances or one.instance in instances)
            else one
            for one in command.invocations
        ),
    )
