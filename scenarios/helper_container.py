"""A helper container: how it is made and started, and what it tells.

It is made from the engine's own image and runs `chaos_engine.helper`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chaos_engine.containers import FAULT, OWNER, PART, VICTIM, ContainerError
from chaos_engine.model import Fault, Now
from chaos_engine.ports import World
from scenarios.container import Victim

PATIENCE, PAUSE = 8.0, 0.1  # seconds in which a helper says that it is in; between two looks
COMMAND = ("python", "-m", "chaos_engine.helper")
# The helper stays outside of its victim's cgroup: it is neither throttled nor killed with it, and the Engine
# can take the cgroup down. What must count against the victim's limits moves itself in (`cgroup.procs`): that
# works with both drivers, while a scope of systemd's takes no container as a child.
CGROUPS: Mapping[str, Any] = {
    "CgroupnsMode": "host",  # in another one, version 2 hides the victim's cgroup from writers
    "UsernsMode": "host",  # the files are the host's root's
    "Mounts": [{"Type": "bind", "Source": "/sys/fs/cgroup", "Target": "/cgroup"}],
}


class HelperError(Exception):
    """A helper could not do, or could not undo, its work; the message has its own words."""


@dataclass(frozen=True, slots=True)
class Surface:
    """What of a victim its helper shares. `pid`: its process namespace, or the host's; empty: none.

    `cgroup`: it has the kernel's cgroup files, and can write them.
    """

    network: bool = False
    pid: Literal["", "victim", "host"] = ""
    cgroup: bool = False
    capabilities: tuple[str, ...] = ()
    binds: tuple[str, ...] = ()  # host:container[:mode]
    lingers: bool = False  # it says that its work is out, stays for seconds, and removes itself


def body(image: str, surface: Surface, victim: Victim) -> dict[str, Any]:
    """The Engine's form of a helper, less what is known only when it starts.

    Root in its own container, since only root's capabilities count in it; and only those that it needs.
    """
    host: dict[str, Any] = {
        "CapDrop": ["ALL"],
        "CapAdd": list(surface.capabilities),
        "SecurityOpt": ["no-new-privileges:true"],
        "ReadonlyRootfs": True,
        "NetworkMode": f"container:{victim.netns or victim.id}" if surface.network else "none",
        "Binds": list(surface.binds),
    }
    if surface.lingers:
        host["AutoRemove"] = True
    if surface.pid:
        host["PidMode"] = "host" if surface.pid == "host" else f"container:{victim.id}"
    if surface.cgroup:
        host |= CGROUPS
    return {
        "Image": image,
        "User": "0:0",
        "Entrypoint": list(COMMAND),
        "Cmd": [],
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": host,
    }


def name_of(fault: Fault, victim: str, life: str = "") -> str:
    """A helper's name: the same for the same fault and victim, so that it is found again."""
    return f"chaos-{fault.owner[:12]}-{fault.id}-{victim[:12]}{life}"


def start(
    fault: Fault, helper: Mapping[str, Any], world: World, *, order: Literal["", "undo", "ask"] = ""
) -> str:
    """Make and start one; its name. One of that name that has ended makes room."""
    name = name_of(fault, helper["victim"], "-undo" if order == "undo" else "")
    world.containers.remove(name)
    told = _order(fault, helper, world.clock.now(), order)
    host = {**helper["body"]["HostConfig"], "AutoRemove": lingers(helper) and not order}
    more = {"Env": [f"CHAOS_HELPER={json.dumps(told)}"], "HostConfig": host}
    labels = {PART: "helper", OWNER: fault.owner, FAULT: fault.id, VICTIM: helper["victim"]}
    world.containers.create(name, {**helper["body"], **more, "Labels": labels})
    world.containers.start(name)
    return name


def _order(fault: Fault, helper: Mapping[str, Any], now: Now, what: str) -> dict[str, Any]:
    left = min(fault.deadline.wall - now.wall, fault.deadline.mono - now.mono)
    order = {**{key: helper[key] for key in ("victim", "work", "spec")}, "outlives": fault.undo["outlives"]}
    order |= {"seconds": left, "expires_at": fault.deadline.wall, "lingers": lingers(helper)}
    return {**order, what: True} if what else order


def lingers(helper: Mapping[str, Any]) -> bool:
    """Whether it stays for seconds after its work is out, and removes itself."""
    return bool(helper["body"]["HostConfig"].get("AutoRemove"))


def lines_of(name: str, world: World) -> list[dict[str, Any]]:
    """What a helper has told, oldest first; nothing of one that is gone, or is just being removed."""
    try:
        told = [line.strip() for line in world.containers.logs(name).splitlines()]
    except ContainerError as error:
        if not (error.gone or error.conflict):
            raise
        return []
    return [json.loads(line) for line in told if line.startswith("{")]


def await_in(name: str, world: World) -> None:
    """Until it says that its work is in. HelperError: it could not, or says nothing."""
    ends = world.clock.now().plus(PATIENCE)
    while not world.clock.now().reached(ends):
        state = state_of(name, world)  # first: of one that has ended by now, all that it told is there then
        lines = lines_of(name, world) if state else []
        if any(line["event"] == "in" for line in lines):
            return
        if state is None or not state["Running"] or any(line["event"] == "failed" for line in lines):
            raise HelperError(last_words(lines, state))
        world.wait(PAUSE)
    raise HelperError(f"{name} did not begin within {PATIENCE:g} s")


def last_words(lines: list[dict[str, Any]], state: Mapping[str, Any] | None) -> str:
    """What went wrong, as it says itself, or as its end shows."""
    errors = [line["error"] for line in lines if line.get("error")]
    if errors:
        return str(errors[0])
    return (
        f"the helper ended at once, with exit code {state['ExitCode']}"
        if state
        else "the helper has vanished"
    )


def state_of(name: str, world: World) -> Mapping[str, Any] | None:
    """The Engine's `State` of a container; None: there is none."""
    found = world.containers.inspect(name)
    return found["State"] if found else None


def is_running(container: str, world: World) -> bool:
    """Whether it is there, and runs."""
    state = state_of(container, world)
    return state is not None and bool(state["Running"])


def end_of(name: str, world: World) -> Mapping[str, Any] | None:
    """The state of one that ends by itself, when it has, or when it has taken too long; None: it is gone."""
    ends = world.clock.now().plus(PATIENCE)
    while True:
        state = state_of(name, world)
        if state is None or not state["Running"] or world.clock.now().reached(ends):
            return state
        world.wait(PAUSE)
