"""A whole service is down: every replica of it."""

from __future__ import annotations

from random import Random

from chaos_engine.containers import Containers
from chaos_engine.model import Target
from scenarios.container import Victim, found_for, victim_of
from scenarios.downtime import Downtime
from scenarios.selection import RefusedError
from scenarios.whole_service import is_database, whole


class ServiceUnavailable(Downtime):
    """All replicas are stopped, whatever `replicas` says; its limits hold."""

    name = "service_unavailable"

    def refusal(self, target: Target) -> str | None:
        """A zone is a part of a service."""
        if target.containers is not None and target.containers.zone:
            return f"target {target.name!r} is one zone; allowed: the scenario stop, with replicas: all"
        return super().refusal(target)

    def choose(self, target: Target, rng: Random, containers: Containers) -> tuple[Victim, ...]:
        """All that run. RefusedError: one would go on serving."""
        assert target.containers is not None  # noqa: S101 - refusal() has seen to it
        found = found_for(target, containers)
        picked = whole(found, target.containers, self.name, containers.own(), rng)
        return tuple(victim_of(each.id, containers) for each in picked)


class DatabaseFailure(ServiceUnavailable):
    """The service in the role of the database is down."""

    name = "database_failure"

    def choose(self, target: Target, rng: Random, containers: Containers) -> tuple[Victim, ...]:
        """RefusedError: it is no database, or a replica would go on serving."""
        found = found_for(target, containers)
        other = next((each for each in found if not is_database(each.image)), None)
        if other is not None and target.role != "database":
            raise RefusedError(
                f"{other.name} is no known database (its image is {other.image}); "
                "allowed: `role: database` in the target, or an image such as postgres, mysql or mongo"
            )
        return super().choose(target, rng, containers)
