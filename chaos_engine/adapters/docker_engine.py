"""The Docker Engine's API through docker's SDK, which is loaded when it is first needed."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chaos_engine.containers import Container, ContainerError

TIMEOUT = 8  # seconds for an answer
MISSING = "docker is not installed: install chaos-engine anew"
IMAGE = "chaos-engine"  # of helpers, where the engine itself runs in no container
_CONTAINER_ID = re.compile(r"/(?:docker|containers|docker-)[/-]?([0-9a-f]{64})")


class DockerEngine:
    """Fulfils `containers.Containers`. DOCKER_HOST says where the Engine is, as for docker itself.

    `helper_image`: what helpers are made from; empty: the image of the container that we are in.
    """

    def __init__(self, helper_image: str | None = None) -> None:
        named = os.environ.get("CHAOS_HELPER_IMAGE", "") if helper_image is None else helper_image
        self._helper_image = named
        self._api: Any = None
        self._own: str | None = None
        self._lock = threading.Lock()

    def own(self) -> str:
        """Id of the container that this process is in; empty: in none."""
        if self._own is None:
            found = own_id()
            self._own = found if found and self.inspect(found) else ""
        return self._own

    def image(self) -> str:
        """The image that helper containers are made from."""
        if not self._helper_image:
            mine = self.inspect(self.own()) if self.own() else None
            self._helper_image = str(mine["Image"]) if mine else IMAGE
        return self._helper_image

    def has_image(self, image: str) -> bool:
        """Whether the Engine has it."""
        return self._found("inspect_image", image) is not None

    def listing(self, labels: Sequence[str] = ()) -> tuple[Container, ...]:
        """All containers that have these labels, in whatever state, by name."""
        with _said():
            found = self._client().containers(all=True, filters={"label": list(labels)})
        return tuple(sorted((_listed(each) for each in found), key=lambda container: container.name))

    def inspect(self, container: str) -> Mapping[str, Any] | None:
        """What the Engine knows of it; None: there is none."""
        return self._found("inspect_container", container)

    def kill(self, container: str, signal: str) -> None:
        """The Engine's own kill."""
        self._do("kill", container, signal)

    def stop(self, container: str, patience: float) -> None:
        """SIGTERM, SIGKILL after `patience` seconds."""
        self._do("stop", container, timeout=round(patience))

    def start(self, container: str) -> None:
        """Start a stopped one."""
        self._do("start", container)

    def restart(self, container: str, patience: float) -> None:
        """Stop and start it."""
        self._do("restart", container, timeout=round(patience))

    def pause(self, container: str) -> None:
        """Freeze all its processes."""
        self._do("pause", container)

    def unpause(self, container: str) -> None:
        """Let them go on."""
        self._do("unpause", container)

    def rename(self, container: str, name: str) -> None:
        """Give it another name."""
        self._do("rename", container, name)

    def create(self, name: str, body: Mapping[str, Any]) -> str:
        """A new container; its id."""
        with _said():
            return str(self._client().create_container_from_config(dict(body), name)["Id"])

    def remove(self, container: str) -> None:
        """Remove it, running or not. Of a vanished one, or one that is being removed: nothing."""
        try:
            self._do("remove_container", container, v=True, force=True)
        except ContainerError as error:
            if not (error.gone or (error.conflict and "already in progress" in str(error))):
                raise

    def logs(self, container: str) -> str:
        """All that it has written to its standard output."""
        with _said():
            told: bytes = self._client().logs(container, stdout=True, stderr=False)
        return told.decode(errors="replace")

    def network(self, network: str) -> Mapping[str, Any] | None:
        """What the Engine knows of a network; None: there is none."""
        return self._found("inspect_network", network)

    def disconnect(self, network: str, container: str) -> None:
        """Take the container out of the network."""
        self._do("disconnect_container_from_network", container, network)

    def connect(self, network: str, container: str, settings: Mapping[str, Any]) -> None:
        """Put it into the network."""
        with _said():
            api = self._client()
            body = {"Container": container, "EndpointConfig": dict(settings)}
            # The SDK's own method knows only some of the endpoint's settings.
            api._raise_for_status(  # noqa: SLF001
                api._post_json(api._url("/networks/{0}/connect", network), data=body)  # noqa: SLF001
            )

    def engine(self) -> Mapping[str, Any]:
        """The Engine's own information."""
        with _said():
            found: Mapping[str, Any] = self._client().info()
            return found

    def _do(self, operation: str, *arguments: Any, **options: Any) -> None:
        with _said():
            getattr(self._client(), operation)(*arguments, **options)

    def _found(self, operation: str, name: str) -> Mapping[str, Any] | None:
        try:
            with _said():
                found: Mapping[str, Any] = getattr(self._client(), operation)(name)
                return found
        except ContainerError as error:
            if error.gone:
                return None
            raise

    def _client(self) -> Any:
        """One for all threads; the versions are negotiated once."""
        with self._lock:
            if self._api is None:
                self._api = _connected()
            return self._api


def _connected() -> Any:
    from docker.api import APIClient  # noqa: PLC0415, TID251
    from docker.utils import kwargs_from_env  # noqa: PLC0415, TID251

    return APIClient(version="auto", timeout=TIMEOUT, **kwargs_from_env())


def _listed(found: Mapping[str, Any]) -> Container:
    names = [name.lstrip("/") for name in found.get("Names") or () if name.count("/") == 1]
    health = re.search(r"\((healthy|unhealthy|health: starting)\)", found.get("Status", ""))
    return Container(
        id=found["Id"],
        name=names[0] if names else found["Id"][:12],
        state=found.get("State", ""),
        labels=found.get("Labels") or {},
        image=found.get("Image", ""),
        health=health[1].removeprefix("health: ") if health else "",
        network=(found.get("HostConfig") or {}).get("NetworkMode", ""),
    )


def own_id() -> str:
    """Of the container that we are in; empty: none.

    From what is mounted into every container: `/etc/hostname` comes from the Engine's own folder.
    """
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
    lines = [
        line for line in mounts.splitlines() if " /etc/hostname " in line or " /etc/resolv.conf " in line
    ]
    found = next((match for line in lines if (match := _CONTAINER_ID.search(line))), None)
    return found[1] if found else ""


@contextmanager
def _said() -> Iterator[None]:
    """Turns the SDK's errors into ours, whose text says all there is to say."""
    try:
        yield
    except ImportError as error:
        raise ContainerError(MISSING) from error
    except Exception as error:
        told = _told(error)
        if told is None:
            raise
        raise told from error


def _told(error: Exception) -> ContainerError | None:
    from docker.errors import APIError, DockerException  # noqa: PLC0415, TID251
    from requests.exceptions import RequestException  # noqa: PLC0415, TID251

    if isinstance(error, APIError):
        return ContainerError(str(error.explanation or error).strip(), error.status_code or 0)
    if not isinstance(error, (DockerException, RequestException)):
        return None
    text = str(error)
    where = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if "Permission denied" in text or "PermissionError" in text:
        return ContainerError(
            f"{where}: permission denied; allowed: a user who may open it, or a proxy in DOCKER_HOST"
        )
    if "FileNotFoundError" in text or "No such file" in text:
        return ContainerError(f"{where}: there is no such socket; DOCKER_HOST says where the Engine is")
    return ContainerError(f"the Docker Engine at {where} does not answer: {text}")
