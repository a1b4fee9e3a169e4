"""What the proxy itself asks the Engine, to judge a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chaos_engine.containers import PROJECT
from chaos_engine.docker_proxy import helper_form
from chaos_engine.docker_proxy.scope import Kind, Scope
from chaos_engine.docker_proxy.upstream import Answer


class Engine(Protocol):
    """The real one, or a twin."""

    def ask(self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None) -> Answer:
        """One call."""
        ...


@dataclass(frozen=True, slots=True)
class Sight:
    """Looks for itself; nobody who asks is told."""

    engine: Engine
    scope: Scope
    images: frozenset[str]

    def look(self, container: str, version: str = "") -> Mapping[str, Any] | None:
        """Any container, by id or name; None: there is none."""
        answer = self.engine.ask("GET", f"{version}/containers/{container}/json")
        return answer.data if answer.status == 200 else None  # noqa: PLR2004

    def pid_of(self, id_: str) -> int | None:
        """The main process of one that opted in; None: it did not."""
        found = self.look(id_)
        known = found is not None and found["Id"] == id_ and self.scope.kind_of(found) is Kind.TARGET
        return int(found["State"]["Pid"]) if known and found else None

    def rights(self, works: frozenset[str]) -> helper_form.Rights:
        """What a helper's body is judged by."""
        about = (self.pid_of, works, self.places_of, self.network_of)
        return helper_form.Rights(self.is_ours, *about)

    def network_of(self, id_: str) -> str:
        """The network mode of one that opted in."""
        found = self.look(id_) if self.pid_of(id_) is not None else None
        return str(found["HostConfig"].get("NetworkMode", "")) if found else ""

    def places_of(self, id_: str) -> frozenset[str]:
        """Where the files of one that opted in are: on the host, and its volumes."""
        found = self.look(id_)
        if self.pid_of(id_) is None or found is None:
            return frozenset()
        layer = (found.get("GraphDriver", {}).get("Data") or {}).get("UpperDir")
        mounts = [mount.get(key) for mount in found.get("Mounts") or () for key in ("Name", "Source")]
        return frozenset(place for place in (layer, *mounts) if place)

    def is_ours(self, image: str) -> bool:
        """Whether it is our own image."""
        answer = self.engine.ask("GET", f"/images/{image}/json")
        return answer.status == 200 and answer.data.get("Id") in self.images  # noqa: PLR2004

    def listing(self) -> list[Mapping[str, Any]]:
        """All containers that there are."""
        return list(self.engine.ask("GET", "/containers/json", {"all": "1"}).data)

    def visible_ids(self) -> set[str]:
        """Of those that may be shown."""
        return {e["Id"] for e in self.listing() if self.scope.kind_of_listed(e) is not Kind.FOREIGN}

    def targets(self) -> list[Mapping[str, Any]]:
        """Inspections of all that opted in."""
        ids = [e["Id"] for e in self.listing() if self.scope.kind_of_listed(e) is Kind.TARGET]
        return [found for id_ in ids if (found := self.look(id_)) is not None]

    def projects(self) -> set[str]:
        """Their Compose projects."""
        listed = [e for e in self.listing() if self.scope.kind_of_listed(e) is Kind.TARGET]
        return {(e.get("Labels") or {}).get(PROJECT, "") for e in listed} - {""}
