"""What services are, which are worth a probe, and which are hurt how often: guessed from names and images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chaos_engine.proposal.reading import Service

DATABASES = (
    "postgres", "postgis", "timescale", "mysql", "mariadb", "percona", "mongo", "cockroach", "mssql",
    "oracle", "cassandra", "clickhouse", "couchdb", "influxdb", "elasticsearch", "opensearch", "neo4j",
    "dynamodb",
)  # fmt: skip
CACHES = ("redis", "valkey", "memcached", "keydb", "dragonfly")
QUEUES = ("rabbitmq", "kafka", "redpanda", "nats", "activemq", "artemis", "pulsar", "zookeeper", "mosquitto")
WATCHERS = (
    "prometheus", "grafana", "alertmanager", "jaeger", "loki", "tempo", "otel", "opentelemetry", "exporter",
    "cadvisor", "chaos-engine",
)  # fmt: skip
KEEPS_STATE = ("database", "cache", "queue")
_ROLES = (("database", DATABASES), ("cache", CACHES), ("queue", QUEUES), ("watcher", WATCHERS))
# Ports that speak something other than HTTP, or that only developers use.
_NOT_HTTP = {
    21, 22, 25, 53, 443, 1433, 1521, 2345, 3306, 4317, 5005, 5432, 5671, 5672, 6379, 8443, 9000, 9042, 9092,
    9229, 11211, 15672, 27017, 33060, 50051,
}  # fmt: skip
_FIRST = (80, 8080, 8000, 3000, 5000)


@dataclass(frozen=True, slots=True)
class Probe:
    """One URL. `why`: what it was guessed from."""

    service: str
    url: str
    why: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed. `left_out`: services that are no targets, each with the reason."""

    targets: tuple[Service, ...]
    left_out: tuple[tuple[Service, str], ...]
    probes: tuple[Probe, ...]
    prometheus: Service | None = None  # the service that is one already

    @property
    def stateless(self) -> tuple[Service, ...]:
        """Targets that keep nothing."""
        return tuple(each for each in self.targets if role(each) not in KEEPS_STATE)

    @property
    def stateful(self) -> tuple[Service, ...]:
        """Databases, caches, queues."""
        return tuple(each for each in self.targets if role(each) in KEEPS_STATE)


def role(service: Service) -> str:
    """By its image; where it is built here, it is an application."""
    name = service.image.rpartition("@")[0] or service.image
    base = name.rpartition("/")[2].partition(":")[0].lower()
    owner = name.lower().split("/")
    for word, known in _ROLES:
        if any(each in base for each in known) or any(each in owner[:-1] for each in known):
            return word
    return "application"


def propose(services: Sequence[Service]) -> Proposal:
    """From all of them."""
    reasons = [(service, _why_not(service)) for service in services]
    targets = tuple(service for service, why in reasons if not why)
    return Proposal(
        targets=targets,
        left_out=tuple((service, why) for service, why in reasons if why),
        probes=tuple(found for service in targets if (found := probe(service))),
        prometheus=_prometheus(services),
    )


def needed_by(service: Service, services: Iterable[Service]) -> list[str]:
    """Who says that it depends on it."""
    return [each.name for each in services if service.name in each.needs]


def probe(service: Service) -> Probe | None:
    """What its health check asks, else its likeliest port; None: it does not seem to speak HTTP."""
    if service.mode or role(service) in KEEPS_STATE:
        return None
    if service.health:
        port, path = service.health
        return Probe(service.name, f"http://{service.name}:{port}{path}", "its health check asks it")
    ports = [port for port in service.ports if port not in _NOT_HTTP]
    if not ports:
        return None
    port = next((each for each in _FIRST if each in ports), ports[0])
    return Probe(service.name, f"http://{service.name}:{port}/", f"guessed from its port {port}")


def _why_not(service: Service) -> str:
    if service.refuses:
        return 'it says chaos.target: "false"'
    if service.profiles:
        return f"it is started with the profile {', '.join(service.profiles)} alone"
    if service.once:
        return "it runs once, and ends"
    if role(service) == "watcher":
        return "it watches the others"
    return ""


def _prometheus(services: Sequence[Service]) -> Service | None:
    found = (each for each in services if each.image.rpartition("/")[2].partition(":")[0] == "prometheus")
    return next((each for each in found if not each.profiles), None)
