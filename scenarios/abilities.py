"""What this kernel, this Engine and this image can do to a network: tried once, in a helper of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chaos_engine.containers import FAULT, OWNER, PART
from chaos_engine.ports import World
from scenarios.helper_container import COMMAND, await_in, lines_of
from scenarios.selection import RefusedError

CAPABILITIES = ("NET_ADMIN", "NET_RAW")
NOBODY = "-"  # is hurt
SECONDS = 20.0  # that the helper stays, should nobody remove it
_FOUND: dict[str, Mapping[str, str]] = {}


def abilities(world: World) -> Mapping[str, str]:
    """An ability's name, and why it is lacking; empty: it is there. Tried once a process and image.

    HelperError, ContainerError: it could not be tried.
    """
    image = world.containers.image()
    if image not in _FOUND:
        _FOUND[image] = _tried(image, world)
    return _FOUND[image]


def lacking(names: tuple[str, ...], world: World) -> str:
    """What of these is not there, with the reasons; empty: all are."""
    found = abilities(world)
    reasons = dict.fromkeys(found.get(name, f"{name} is unknown") for name in names)
    return "; ".join(reason for reason in reasons if reason)


def demand(names: tuple[str, ...], world: World) -> None:
    """RefusedError: something of these is not there."""
    if lacks := lacking(names, world):
        raise RefusedError(f"this kernel cannot do it: {lacks}")


def _tried(image: str, world: World) -> Mapping[str, str]:
    name = f"chaos-abilities-{world.containers.own()[:12]}-{world.clock.now().wall * 1e6:.0f}"
    world.containers.create(name, _body(image, world))
    try:
        world.containers.start(name)
        await_in(name, world)
        told = next(line for line in lines_of(name, world) if line["event"] == "in")
    finally:
        world.containers.remove(name)
    return dict(told["details"])


def _body(image: str, world: World) -> dict[str, Any]:
    ends = world.clock.now().plus(SECONDS).wall
    order = {"work": "abilities", "spec": {}, "seconds": SECONDS, "expires_at": ends}
    order |= {"victim": NOBODY, "outlives": False}
    return {
        "Image": image,
        "User": "0:0",
        "Entrypoint": list(COMMAND),
        "Cmd": [],
        "Healthcheck": {"Test": ["NONE"]},
        "Env": [f"CHAOS_HELPER={json.dumps(order)}"],
        "Labels": {PART: "helper", OWNER: "abilities", FAULT: "abilities"},
        "HostConfig": {
            "AutoRemove": True,
            "CapDrop": ["ALL"],
            "CapAdd": list(CAPABILITIES),
            "SecurityOpt": ["no-new-privileges:true"],
            "ReadonlyRootfs": True,
            "NetworkMode": "none",
        },
    }
