"""What the scenarios may ask of the Docker Engine, and what they are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

# Labels of Compose: https://docs.docker.com/reference/compose-file/services/#labels
PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
# Labels that a user gives to containers.
TARGET = "chaos.target"  # "true": it may be hurt
ALLOWED = "chaos.scenarios"  # the only ones that may hurt it, with commas between
ZONE = "chaos.zone"
# Labels of our own containers: the engine's image has the first one.
PART = "chaos-engine.part"
OWNER = "chaos-engine.owner"
FAULT = "chaos-engine.fault"
VICTIM = "chaos-engine.victim"  # of a helper: the container that it hurts
ORIGINAL = "chaos-engine.original"  # of a replacement: the container that it stands in for
PARKED = "chaos-original-"  # how the name of a container begins that a replacement stands in for


class ContainerError(Exception):
    """The Engine refused, or did not answer. `status` is its HTTP status; 0: there was no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status

    @property
    def gone(self) -> bool:
        """Whether there is no such container (network, image)."""
        return self.status == 404  # noqa: PLR2004

    @property
    def conflict(self) -> bool:
        """Whether its state forbids it: it is paused already, or the name is taken."""
        return self.status == 409  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class Replicas:
    """How many of the containers found are hurt at once: a count, a share, any number, or all."""

    count: int | None = None
    share: float | None = None  # 0..1, rounded up
    any_number: bool = False
    every: bool = False


ONE = Replicas(count=1)


@dataclass(frozen=True, slots=True)
class Selector:
    """Which containers a target is, and how many of them may be hurt at once.

    `project` empty: the Compose project that the engine itself is in; where it is in none, the only one
    that has the service. `at_most`: a blast radius beyond which an injection is refused.
    """

    container: str = ""  # a name
    service: str = ""
    project: str = ""
    labelled: bool = False  # all that say `chaos.target: "true"`
    zone: str = ""
    replicas: Replicas = ONE
    at_most: Replicas | None = None
    min_healthy: int = 0


@dataclass(frozen=True, slots=True)
class Container:
    """One container as a listing has it. `state`: created, running, paused, restarting, exited, dead."""

    id: str
    name: str
    state: str
    labels: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    health: str = ""  # healthy, unhealthy, starting; empty: it has no check
    network: str = ""  # its network mode; `container:ID` is the network namespace of another one

    @property
    def project(self) -> str:
        """Its Compose project."""
        return self.labels.get(PROJECT, "")

    @property
    def service(self) -> str:
        """Its Compose service."""
        return self.labels.get(SERVICE, "")

    @property
    def healthy(self) -> bool:
        """Whether it serves, as far as the Engine knows."""
        return self.state == "running" and self.health in ("", "healthy")


class Containers(Protocol):
    """The Docker Engine's API, as far as scenarios need it. Every call may raise ContainerError.

    Bodies and inspections are the Engine's own: https://docs.docker.com/reference/api/engine/
    """

    def own(self) -> str:
        """Id of the container that this process is in; empty: in none."""
        ...

    def image(self) -> str:
        """The image that helper containers are made from: our own."""
        ...

    def has_image(self, image: str) -> bool:
        """Whether the Engine has it."""
        ...

    def listing(self, labels: Sequence[str] = ()) -> tuple[Container, ...]:
        """All containers that have these labels (`key` or `key=value`), in whatever state, by name."""
        ...

    def inspect(self, container: str) -> Mapping[str, Any] | None:
        """What the Engine knows of it, by id or name; None: there is none."""
        ...

    def kill(self, container: str, signal: str) -> None:
        """The Engine's own kill: it counts as a stop, and the restart policy does not act."""
        ...

    def stop(self, container: str, patience: float) -> None:
        """SIGTERM (or its own stop signal), SIGKILL after `patience` seconds. Of a stopped one: nothing."""
        ...

    def start(self, container: str) -> None:
        """Start a stopped one. Of a running one: nothing."""
        ...

    def restart(self, container: str, patience: float) -> None:
        """Stop and start it."""
        ...

    def pause(self, container: str) -> None:
        """Freeze all its processes."""
        ...

    def unpause(self, container: str) -> None:
        """Let them go on."""
        ...

    def rename(self, container: str, name: str) -> None:
        """Give it another name."""
        ...

    def create(self, name: str, body: Mapping[str, Any]) -> str:
        """A new container from the Engine's own form of one; its id."""
        ...

    def remove(self, container: str) -> None:
        """Remove it, running or not, with its anonymous volumes. Of a vanished one: nothing."""
        ...

    def logs(self, container: str) -> str:
        """All that it has written to its standard output."""
        ...

    def network(self, network: str) -> Mapping[str, Any] | None:
        """What the Engine knows of a network, by id or name; None: there is none."""
        ...

    def disconnect(self, network: str, container: str) -> None:
        """Take the container out of the network."""
        ...

    def connect(self, network: str, container: str, settings: Mapping[str, Any]) -> None:
        """Put it into the network; `settings` as the API's EndpointConfig has them."""
        ...

    def engine(self) -> Mapping[str, Any]:
        """The Engine's own information (`GET /info`): its version, CgroupDriver, CgroupVersion, …"""
        ...


class NoContainers:
    """Fulfils `Containers` where there is no Engine."""

    def __getattribute__(self, name: str) -> Any:
        """ContainerError, whatever is asked."""
        if name.startswith("__"):
            return object.__getattribute__(self, name)
        raise ContainerError("nothing here can reach a Docker Engine")
