"""Pure: how a container is made anew from its inspection, and one like it with another environment.

The original is kept, stopped, under a name that says whose it is; what is written down of it is a mapping:
`id`, `name`, `image` (its id), `body` (as the Engine takes it), `networks` (endpoint settings by name; None:
it has no networks of its own) and `env` (of the replacement).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from chaos_engine.containers import FAULT, ORIGINAL, OWNER, PARKED
from chaos_engine.model import Fault

_SETTINGS = ("IPAMConfig", "Links", "Aliases", "DriverOpts", "GwPriority")
_PARKED = re.compile(re.escape(PARKED) + r"([0-9A-Za-z]+)-([^.]+)\.(.+)")
Record = Mapping[str, Any]


def parked(fault: Fault, name: str) -> str:
    """What the original is called meanwhile."""
    return f"{PARKED}{fault.owner[:12]}-{fault.id}.{name}"


def parked_parts(name: str) -> tuple[str, str, str] | None:
    """Beginning of the owner, fault and original name, out of such a name."""
    match = _PARKED.fullmatch(name)
    return (match[1], match[2], match[3]) if match else None


def record(inspection: Mapping[str, Any], image: str, env: Sequence[str] | None, name: str = "") -> Record:
    """Everything that is needed to make it anew. `image`: its name, where that still means the same."""
    return {
        "id": inspection["Id"],
        "name": name or inspection["Name"].lstrip("/"),
        "image": inspection["Image"],
        "body": _body(inspection, image),
        "networks": _networks(inspection),
        "env": None if env is None else list(env),
    }


def original_body(kept: Record) -> dict[str, Any]:
    """The original once more, in the first of its networks."""
    return _joined(kept, kept["body"])


def replacement_body(kept: Record, fault: Fault) -> dict[str, Any]:
    """The same with another environment, and labels that say whose it is: nobody else hurts it."""
    labels = {OWNER: fault.owner, FAULT: fault.id, ORIGINAL: kept["id"]}
    own = {"Env": kept["env"], "Labels": {**(kept["body"].get("Labels") or {}), **labels}}
    return _joined(kept, {**kept["body"], **own})


def first_network(kept: Record) -> str | None:
    """The one that it is created in; an Engine takes no more than one then."""
    networks = kept["networks"] or {}
    mode = kept["body"]["HostConfig"].get("NetworkMode")
    return mode if mode in networks else next(iter(networks), None)


def _joined(kept: Record, body: Mapping[str, Any]) -> dict[str, Any]:
    first = first_network(kept)
    settings = kept["networks"][first] if first else {}
    if not settings:
        return dict(body)
    return {**body, "NetworkingConfig": {"EndpointsConfig": {first: settings}}}


def _body(inspection: Mapping[str, Any], image: str) -> dict[str, Any]:
    host = {k: v for k, v in inspection["HostConfig"].items() if k != "ContainerIDFile"}
    config = {k: v for k, v in inspection["Config"].items() if k not in _dropped(host)}
    # Without an entry point the image's would be taken; an empty one stands for none.
    entrypoint = config.get("Entrypoint") or [""]
    return {
        **config,
        "Image": image or inspection["Image"],
        "Entrypoint": entrypoint,
        "HostConfig": {**host, "Mounts": _mounts(inspection)},
    }


def _dropped(host: Mapping[str, Any]) -> tuple[str, ...]:
    """What the Engine says of a container in another one's network, and does not take for one."""
    if str(host.get("NetworkMode", "")).startswith("container:"):
        return ("Hostname", "Domainname", "ExposedPorts", "MacAddress")
    return ("Hostname", "Domainname") if host.get("UTSMode") == "host" else ()


def _mounts(inspection: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those that it was given, and its anonymous volumes by their names, so that the data are the same."""
    host = inspection["HostConfig"]
    given = [mount for mount in host.get("Mounts") or [] if mount.get("Source") or mount["Type"] == "tmpfs"]
    named = {_destination(bind) for bind in host.get("Binds") or []} | {mount["Target"] for mount in given}
    anonymous = [
        {
            "Type": "volume",
            "Source": mount["Name"],
            "Target": mount["Destination"],
            "ReadOnly": not mount["RW"],
        }
        for mount in inspection["Mounts"]
        if mount["Type"] == "volume" and mount["Destination"] not in named
    ]
    return [*given, *anonymous]


def _destination(bind: str) -> str:
    return bind.split(":")[1] if ":" in bind else bind


def _networks(inspection: Mapping[str, Any]) -> dict[str, dict[str, Any]] | None:
    mode = str(inspection["HostConfig"].get("NetworkMode", ""))
    if mode in ("host", "none") or mode.startswith("container:"):
        return None
    found = inspection["NetworkSettings"]["Networks"]
    return {name: _settings(network, inspection["Id"]) for name, network in found.items()}


def _settings(network: Mapping[str, Any], id_: str) -> dict[str, Any]:
    """What was asked for, without what the Engine gave it: an address, its id as an alias."""
    kept = {key: network[key] for key in _SETTINGS if network.get(key)}
    aliases = [alias for alias in kept.pop("Aliases", ()) if alias != id_[:12]]
    return {**kept, "Aliases": aliases} if aliases else kept
