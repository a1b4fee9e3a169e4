"""What becomes of a call: refused, or made anew from its parts and put to the Engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chaos_engine.containers import FAULT, PROJECT, SERVICE
from chaos_engine.docker_proxy import copy_form, helper_form
from chaos_engine.docker_proxy.calls import Call
from chaos_engine.docker_proxy.refusal import ForbiddenError
from chaos_engine.docker_proxy.scope import Kind, Scope, victim_of
from chaos_engine.docker_proxy.sight import Engine, Sight
from chaos_engine.docker_proxy.upstream import Answer

INFO = {
    "ServerVersion", "OperatingSystem", "OSType", "Architecture", "KernelVersion", "NCPU", "MemTotal",
    "CgroupDriver", "CgroupVersion", "SecurityOptions", "DefaultRuntime", "Driver", "DockerRootDir",
}  # fmt: skip
# What may be done to whom; a helper is ended and looked at.
DOES = {
    "kill": (Kind.TARGET, Kind.HELPER),
    "stop": (Kind.TARGET, Kind.HELPER),
    "start": (Kind.TARGET, Kind.HELPER),
    "restart": (Kind.TARGET,),
    "pause": (Kind.TARGET,),
    "unpause": (Kind.TARGET,),
    "rename": (Kind.TARGET,),
}
JSON = "application/json"


@dataclass(slots=True)
class Gate:
    """Decides each call by itself; what it remembers is what it let through.

    `images`: ids of our own. `networks`: further ones that targets may be joined to.
    """

    engine: Engine
    scope: Scope
    images: frozenset[str]
    works: frozenset[str]
    networks: frozenset[str] = frozenset()
    made: set[str] = field(default_factory=set)
    joined: set[tuple[str, str]] = field(default_factory=set)  # network and container, before a disconnect
    forms: list[Mapping[str, Any]] = field(default_factory=list)  # of containers that were copied

    @property
    def _sight(self) -> Sight:
        return Sight(self.engine, self.scope, self.images)

    def answer(self, call: Call, body: Any) -> Answer:
        """ForbiddenError: it is refused. UpstreamError: the Engine does not answer."""
        if call.has_body and not isinstance(body, Mapping):
            raise ForbiddenError("body", f"{call.kind} needs a JSON object")
        if call.kind in DOES:
            return self._act(call)
        answers: Mapping[str, Callable[[Call, Any], Answer]] = {
            "ping": self._plain, "version": self._plain, "info": self._info, "list": self._list,
            "inspect": self._inspect, "logs": self._logs, "create": self._create, "remove": self._remove,
            "network": self._network, "connect": self._join, "disconnect": self._join, "image": self._image,
        }  # fmt: skip
        return answers[call.kind](call, body)

    # --- looking ---

    def _plain(self, call: Call, body: Any) -> Answer:
        del body
        path = {"ping": "/_ping", "version": "/version"}[call.kind]
        return self.engine.ask("GET", call.version + path)

    def _info(self, call: Call, body: Any) -> Answer:
        del body
        answer = self.engine.ask("GET", f"{call.version}/info")
        return _with(answer, {key: value for key, value in answer.data.items() if key in INFO})

    def _list(self, call: Call, body: Any) -> Answer:
        del body
        _check_filters(call.query.get("filters", "{}"))
        answer = self.engine.ask("GET", f"{call.version}/containers/json", call.query)
        if answer.status != 200:  # noqa: PLR2004
            return answer
        return _with(answer, [entry for entry in answer.data if self._is_shown(entry)])

    def _is_shown(self, entry: Mapping[str, Any]) -> bool:
        kind = self.scope.kind_of_listed(entry)
        if kind is not Kind.HELPER:
            return kind is not Kind.FOREIGN
        helper = self._sight.look(entry["Id"])
        return helper is not None and self._serves_us(helper)

    def _inspect(self, call: Call, body: Any) -> Answer:
        del body
        inspection = self._sight.look(call.name, call.version)
        if inspection is None:
            return _no_such(call.name)
        kind = self._permitted(inspection, call, tuple(each for each in Kind if each is not Kind.FOREIGN))
        if kind is Kind.PART:  # what the engine was told is its own affair
            inspection = {**inspection, "Config": {**inspection["Config"], "Env": []}}
        return Answer(200, JSON, json.dumps(inspection).encode())

    def _logs(self, call: Call, body: Any) -> Answer:
        del body
        inspection = self._sight.look(call.name)
        if inspection is None:
            return _no_such(call.name)
        self._permitted(inspection, call, (Kind.HELPER,))
        return self.engine.ask("GET", f"{call.version}/containers/{inspection['Id']}/logs", call.query)

    def _image(self, call: Call, body: Any) -> Answer:
        del body
        answer = self.engine.ask("GET", f"{call.version}/images/{call.name}/json")
        if answer.status == 200 and answer.data.get("Id") not in self.images:  # noqa: PLR2004
            raise ForbiddenError("image", f"{call.name} is not our own image")
        return answer

    def _network(self, call: Call, body: Any) -> Answer:
        del body
        answer = self.engine.ask("GET", f"{call.version}/networks/{call.name}")
        if answer.status != 200:  # noqa: PLR2004
            return answer
        network = answer.data
        shown = self._sight.visible_ids()
        inside = {id_: each for id_, each in (network.get("Containers") or {}).items() if id_ in shown}
        known = any(name == network["Id"] for name, _ in self.joined) or self._is_listed(network)
        if (
            not inside
            and not known
            and (network.get("Labels") or {}).get(PROJECT) not in self._sight.projects()
        ):
            raise ForbiddenError("network", f"nothing in network {call.name} opted in")
        return _with(answer, {**network, "Containers": inside})

    # --- acting ---

    def _act(self, call: Call) -> Answer:
        inspection = self._sight.look(call.name)
        if inspection is None:
            return _no_such(call.name)
        if self._permitted(inspection, call, DOES[call.kind]) is Kind.TARGET:
            self.scope.admitted.add(inspection["Id"])  # also under another name
        return self.engine.ask(
            "POST", f"{call.version}/containers/{inspection['Id']}/{call.kind}", call.query
        )

    def _remove(self, call: Call, body: Any) -> Answer:
        del body
        inspection = self._sight.look(call.name)
        if inspection is None:
            return _no_such(call.name)
        if self._permitted(inspection, call, (Kind.TARGET, Kind.HELPER)) is Kind.TARGET:
            self._check_replaceable(inspection)
        return self.engine.ask("DELETE", f"{call.version}/containers/{inspection['Id']}", call.query)

    def _check_replaceable(self, inspection: Mapping[str, Any]) -> None:
        """Of targets only copies go: made here, or marked as such beside the one that they are copies of."""
        marked = FAULT in (inspection["Config"].get("Labels") or {})
        if inspection["Id"] not in self.made and not (marked and self._has_twin(inspection)):
            raise ForbiddenError("remove", f"{inspection['Name'].lstrip('/')} is no copy that was made here")

    def _has_twin(self, inspection: Mapping[str, Any]) -> bool:
        others = (each for each in self._sight.targets() if each["Id"] != inspection["Id"])
        return any(copy_form.is_alike(inspection, each) for each in others)

    def _create(self, call: Call, body: Any) -> Answer:
        name = call.query.get("name", "")
        if helper_form.is_meant(body):
            helper_form.check(name, body, self._sight.rights(self.works))
            return self.engine.ask("POST", f"{call.version}/containers/create", {"name": name}, body)
        self._check_copy(body)
        answer = self.engine.ask("POST", f"{call.version}/containers/create", call.query, body)
        if answer.status == 201:  # noqa: PLR2004
            self.made.add(answer.data["Id"])
            self.scope.admitted.add(answer.data["Id"])
        return answer

    def _check_copy(self, body: Mapping[str, Any]) -> None:
        """Of one that is there, or of one that was, when it was copied before."""
        last = ForbiddenError("copy", "no copy of a container that opted in: there is none")
        for original in [*self._sight.targets(), *self.forms]:
            try:
                copy_form.check(body, original)
            except ForbiddenError as error:
                last = error if _is_of(body, original) else last
                continue
            self.forms = [original, *(each for each in self.forms if each["Id"] != original["Id"])][:64]
            return
        raise last

    def _join(self, call: Call, body: Any) -> Answer:
        allowed = {"Container", "EndpointConfig"} if call.kind == "connect" else {"Container", "Force"}
        if set(body) - allowed or not isinstance(body.get("Container"), str):
            raise ForbiddenError("body", f"{', '.join(sorted(set(body) - allowed)) or 'Container'}")
        inspection = self._sight.look(body["Container"])
        found = self.engine.ask("GET", f"{call.version}/networks/{call.name}")
        if inspection is None or found.status != 200:  # noqa: PLR2004
            return _no_such(body["Container"]) if inspection is None else found
        self._permitted(inspection, call, (Kind.TARGET,))
        self._check_network(found.data, inspection)
        if call.kind == "disconnect":
            self.joined.add((found.data["Id"], inspection["Id"]))
        self.scope.admitted.add(inspection["Id"])
        path = f"{call.version}/networks/{found.data['Id']}/{call.kind}"
        return self.engine.ask("POST", path, None, {**body, "Container": inspection["Id"]})

    def _check_network(self, network: Mapping[str, Any], container: Mapping[str, Any]) -> None:
        """Its own ones, and never one that we are in: it would reach what only the engine may."""
        ours = self._sight.look(self.scope.own) if self.scope.own else None
        if ours and network["Id"] in _networks(ours):
            raise ForbiddenError("network", f"{network['Name']} is the proxy's own")
        project = (network.get("Labels") or {}).get(PROJECT)
        same = project and project == (container["Config"].get("Labels") or {}).get(PROJECT)
        was_in = (network["Id"], container["Id"]) in self.joined or network["Id"] in _networks(container)
        if not (same or was_in or self._is_listed(network)):
            raise ForbiddenError("network", f"{network['Name']} is none of its own")

    def _is_listed(self, network: Mapping[str, Any]) -> bool:
        return bool({network["Id"], network["Name"]} & self.networks)

    # --- who is who ---

    def _permitted(self, inspection: Mapping[str, Any], call: Call, kinds: tuple[Kind, ...]) -> Kind:
        kind = self.scope.kind_of(inspection)
        name = inspection["Name"].lstrip("/")
        if kind is Kind.FOREIGN:
            raise ForbiddenError("container", f"{name} has not opted in")
        if kind not in kinds:
            raise ForbiddenError("container", f"{call.kind} of {name}: it is a {kind} of the engine's")
        if kind is Kind.HELPER and not self._serves_us(inspection):
            raise ForbiddenError("container", f"{name} is a helper for a container that has not opted in")
        return kind

    def _serves_us(self, helper: Mapping[str, Any]) -> bool:
        """Whether its victim opted in, or has vanished."""
        victim = victim_of(helper)
        if not victim:
            return False
        found = self._sight.look(victim)
        return found is None or self.scope.kind_of(found) is Kind.TARGET


def _networks(inspection: Mapping[str, Any]) -> set[str]:
    return {each["NetworkID"] for each in inspection["NetworkSettings"]["Networks"].values()}


def _is_of(body: Mapping[str, Any], original: Mapping[str, Any]) -> bool:
    """Whether a refusal is best explained by this one."""
    labels, others = body.get("Labels") or {}, original["Config"].get("Labels") or {}
    keys = (PROJECT, SERVICE) if SERVICE in labels else tuple(labels)
    return all(labels.get(key) == others.get(key) for key in keys)


def _check_filters(text: str) -> None:
    """Labels alone."""
    try:
        filters = json.loads(text)
    except ValueError:
        filters = None
    if not isinstance(filters, dict) or set(filters) - {"label"}:
        raise ForbiddenError("query", f"filters={text}; allowed: labels")


def _with(answer: Answer, data: Any) -> Answer:
    return replace(answer, body=json.dumps(data).encode())


def _no_such(name: str) -> Answer:
    return Answer(404, JSON, json.dumps({"message": f"No such container: {name}"}).encode())
