"""`aws:ec2:terminate-instances`, `reboot-instances` and `stop-instances`: they act on moto's EC2.

moto starts, stops and reboots instances in any state, even terminated ones. Here they are looked at first,
and what EC2 would refuse is refused.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from chaos_engine.rehearsal import iso_duration
from chaos_engine.rehearsal.fis_actions import ActionError, Scene

GONE = frozenset({"shutting-down", "terminated"})
ALIVE = frozenset({"pending", "running", "stopping", "stopped"})


class Terminate:
    """The instances are terminated; nothing brings them back."""

    def __init__(self, scene: Scene) -> None:
        self._instances = Instances(scene)

    def begin(self, now: float) -> None:
        """Terminate."""
        del now
        self._instances.call("terminate_instances")

    def look(self, now: float) -> bool:
        """Whether all are terminated."""
        del now
        return self._instances.are({"terminated"})

    def halt(self) -> None:
        """What is terminated stays so."""


class Reboot:
    """The instances are rebooted, which EC2 does not wait for."""

    def __init__(self, scene: Scene) -> None:
        self._instances = Instances(scene)

    def begin(self, now: float) -> None:
        """Reboot."""
        del now
        self._instances.refuse_unless({"running"}, "rebooted")
        self._instances.call("reboot_instances")

    def look(self, now: float) -> bool:
        """There is nothing to wait for."""
        del now
        return True

    def halt(self) -> None:
        """There is nothing to undo."""


class Stop:
    """The instances are stopped, and started again after a while or when the experiment stops.

    Without `startInstancesAfterDuration` they stay stopped.
    """

    def __init__(self, scene: Scene) -> None:
        self._instances = Instances(scene)
        after = scene.parameters.get("startInstancesAfterDuration")
        self._seconds = iso_duration.seconds(after) if after else None
        self._gone_is_fine = scene.parameters.get("completeIfInstancesTerminated") == "true"
        self._until = math.inf

    def begin(self, now: float) -> None:
        """Stop."""
        self._instances.refuse_unless(ALIVE, "stopped")
        self._instances.call("stop_instances")
        self._until = now + (self._seconds or 0)

    def look(self, now: float) -> bool:
        """Whether they are stopped, or stopped and started again."""
        if now < self._until:
            return False
        if self._seconds is None:
            return self._instances.are({"stopped"} | GONE)
        self.halt()
        return True

    def halt(self) -> None:
        """Start them again, where that belongs to the action."""
        if self._seconds is None:
            return
        self._instances.call(
            "start_instances", [one for one, state in self._instances.states() if state in ALIVE]
        )
        if not self._gone_is_fine:  # asked last: what is there is started in any case
            self._instances.refuse_unless(ALIVE, "started")


class Instances:
    """The instances that one action is about."""

    def __init__(self, scene: Scene) -> None:
        self._ec2 = scene.client("ec2")
        self._ids = [arn.rpartition("/")[2] for arn in scene.targets["Instances"]]

    def call(self, operation: str, ids: list[str] | None = None) -> None:
        """One EC2 operation on all of them, or on these."""
        wanted = self._ids if ids is None else ids
        if wanted:
            getattr(self._ec2, operation)(InstanceIds=wanted)

    def states(self) -> list[tuple[str, str]]:
        """Id and state of each."""
        described = self._ec2.describe_instances(InstanceIds=self._ids)
        return [(one["InstanceId"], one["State"]["Name"]) for one in instances_of(described)]

    def are(self, allowed: Collection[str]) -> bool:
        """Whether each is in one of these states."""
        return all(state in allowed for _, state in self.states())

    def refuse_unless(self, allowed: Collection[str], what: str) -> None:
        """As EC2 does: IncorrectInstanceState."""
        for one, state in self.states():
            if state not in allowed:
                raise ActionError(
                    f"IncorrectInstanceState: the instance {one!r} is {state} and cannot be {what}"
                )


def instances_of(described: Any) -> list[dict[str, Any]]:
    """The instances in the answer of DescribeInstances."""
    return [one for reservation in described["Reservations"] for one in reservation["Instances"]]
