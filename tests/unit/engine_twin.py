"""A Docker Engine that is made up: containers and networks as its API shows them, and what it was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chaos_engine.docker_proxy.upstream import Answer

IMAGE, OTHER_IMAGE = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
WEB, DB, MAIL, ENGINE, PROXY, HELPER, STRANGER = (letter * 64 for letter in "abcdef0")


def inspection(id_: str, name: str, labels: Mapping[str, str], pid: int = 100, **more: Any) -> dict[str, Any]:
    project = {"com.docker.compose.project": "shop", "com.docker.compose.service": name}
    config = {"Image": "web:1", "Labels": {**project, **labels}, "Env": ["A=1"], "Cmd": ["serve"], "User": ""}
    host = {"Binds": ["data:/data:rw"], "NetworkMode": "shop_default", "CapAdd": None, "Privileged": False}
    return {
        "Id": id_,
        "Name": f"/{name}",
        "Image": OTHER_IMAGE,
        "State": {"Pid": pid, "Running": True},
        "Config": config | more.pop("config", {}),
        "HostConfig": host | more.pop("host", {}),
        "Mounts": [{"Type": "volume", "Name": "data", "Destination": "/data", "RW": True}],
        "NetworkSettings": {"Networks": {"shop_default": {"NetworkID": "net-shop"}}},
        **more,
    }


def order(victim: str, work: str = "partition", **spec: Any) -> str:
    return "CHAOS_HELPER=" + json.dumps({"victim": victim, "work": work, "spec": spec, "outlives": False})


def town() -> dict[str, dict[str, Any]]:
    """Web opted in by its label, db is listed; mail says no; two helpers, one for a stranger."""
    part = "chaos-engine.part"
    there = [
        inspection(WEB, "web", {"chaos.target": "true"}),
        inspection(DB, "db", {}, pid=200),
        inspection(MAIL, "mail", {"chaos.target": "false"}),
        inspection(ENGINE, "engine", {part: "engine"}, config={"Env": ["SECRET=1"]}),
        inspection(
            PROXY, "proxy", {part: "engine"},
            NetworkSettings={"Networks": {"control": {"NetworkID": "net-control"}}},
        ),
        inspection(HELPER, "chaos-x", {part: "helper"}, config={"Env": [order(WEB)]}),
        inspection(STRANGER, "chaos-y", {part: "helper"}, config={"Env": [order(MAIL)]}),
    ]  # fmt: skip
    return {each["Id"]: each for each in there}


class EngineTwin:
    """Answers as the Engine does, as far as the proxy asks; `asked` are the calls that change something."""

    def __init__(self) -> None:
        self.there = town()
        self.networks = {
            "net-shop": {"Id": "net-shop", "Name": "shop_default", "Containers": {WEB: {}, MAIL: {}},
                         "Labels": {"com.docker.compose.project": "shop"}},
            "net-control": {"Id": "net-control", "Name": "control", "Containers": {PROXY: {}},
                            "Labels": {"com.docker.compose.project": "shop"}},
            "net-bank": {"Id": "net-bank", "Name": "bank", "Containers": {}, "Labels": {}},
        }  # fmt: skip
        self.images = {"ours": IMAGE, "web:1": OTHER_IMAGE}
        self.asked: list[tuple[str, str, Any]] = []

    def ask(self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None) -> Answer:
        if method != "GET":
            self.asked.append((method, path, body))
            if path.endswith("/containers/create"):
                return _told(201, {"Id": "9" * 64})
            return _told(204, None)
        parts = [part for part in path.split("/") if part and not part.startswith("v1.")]
        if parts == ["containers", "json"]:
            return _told(200, [self._listed(each) for each in self.there.values()])
        if len(parts) > 1:
            return _found(self._one(*parts[:2]))
        return _told(200, {"ServerVersion": "20.10", "Name": "secret-host"})

    def _one(self, kind: str, name: str) -> Any:
        if kind == "containers":
            return self._named(name)
        if kind == "images":
            return {"Id": self.images[name]} if name in self.images else None
        return next((each for each in self.networks.values() if name in (each["Id"], each["Name"])), None)

    def _named(self, name: str) -> Any:
        return next((e for e in self.there.values() if name in (e["Id"], e["Name"][1:])), None)

    def _listed(self, each: Mapping[str, Any]) -> dict[str, Any]:
        return {"Id": each["Id"], "Names": [each["Name"]], "Labels": each["Config"]["Labels"]}


def _found(data: Any) -> Answer:
    return _told(200, data) if data is not None else _told(404, {"message": "no such"})


def _told(status: int, data: Any) -> Answer:
    return Answer(status, "application/json", json.dumps(data).encode())
