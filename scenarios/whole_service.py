"""Pure: all replicas of a service, and whether it is a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from chaos_engine.containers import Container, Replicas, Selector
from scenarios.selection import RefusedError, chosen, forbidden, refusal

DOWN = ("created", "exited", "dead", "removing")
DATABASES = frozenset(
    (
        "postgres", "postgresql", "postgis", "pgvector", "timescaledb", "timescaledb-ha",
        "mysql", "mysql-server", "mariadb", "percona", "percona-server",
        "mongo", "mongodb", "mongodb-community-server", "redis", "valkey", "keydb",
        "azure-sql-edge", "cockroach", "cockroachdb", "yugabyte", "cassandra", "scylla",
        "clickhouse", "clickhouse-server", "couchdb", "couchbase", "neo4j", "arangodb", "rethinkdb",
        "influxdb", "elasticsearch", "opensearch", "dynamodb-local",
    )
)  # fmt: skip


def whole(
    found: Sequence[Container], selector: Selector, scenario: str, own: str, rng: Random
) -> tuple[Container, ...]:
    """All that run, whatever `replicas` says. RefusedError: one may not be hurt, and would go on serving."""
    every = replace(selector, replicas=Replicas(every=True))
    picked = chosen(found, every, scenario, own, rng)
    others = [each for each in found if each not in picked and each.state not in DOWN]
    if others:
        raise RefusedError(
            "the service would not be unavailable: "
            + "; ".join(f"{each.name}: {_why(each, selector, scenario, own)}" for each in others)
        )
    return picked


def _why(container: Container, selector: Selector, scenario: str, own: str) -> str:
    reason = refusal(container, own) or forbidden(container, scenario)
    if reason:
        return reason
    if container.state != "running":
        return f"it is {container.state}"
    return f"it stays, since min_healthy is {selector.min_healthy}"


def is_database(image: str) -> bool:
    """Whether an image is a database's, by its name: a registry, a tag and a digest say nothing."""
    path = image.partition("@")[0].lower().split("/")
    path[-1] = path[-1].partition(":")[0]
    return path[-1] in DATABASES or path[-2:] == ["mssql", "server"]
