"""Faults that a helper container makes: it shares the victim's namespaces, and ends by itself.

A helper is made from the engine's own image and runs `chaos_engine.helper`: it undoes its work at the
deadline, whatever has become of the engine. Its whole body is in the fault's undo, so that another one like
it can undo what it left when it was killed.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any, ClassVar, Literal

from chaos_engine.containers import FAULT, OWNER, PART, VICTIM, ContainerError
from chaos_engine.model import Fault, Now, Observation, Seen
from chaos_engine.ports import World
from scenarios.base import Parameters, Preparation
from scenarios.container import ContainerScenario, Victim, victims_of

PATIENCE, PAUSE = 8.0, 0.1  # seconds in which a helper says that it is in; between two looks
STOP_PATIENCE = 5.0  # seconds that a helper has to undo its work
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


class HelperParameters(Parameters):
    """`on_restart`: what becomes of the fault where its container is restarted meanwhile."""

    on_restart: Literal["cleared", "again"] = "cleared"


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


class HelperScenario(ContainerScenario):
    """One helper a victim. `work` names the module of `chaos_engine.helper` that does it."""

    parameters: ClassVar[type[Parameters]] = HelperParameters
    work: ClassVar[str]
    outlives: ClassVar[bool] = False  # its work is not undone by the end of the container's life

    @abstractmethod
    def surface(self, parameters: Any) -> Surface:
        """What its helpers share with their victims."""

    @abstractmethod
    def spec(self, victim: Victim, parameters: Any, rng: Random, world: World) -> Mapping[str, Any]:
        """What the work is told; JSON. RefusedError: it cannot be done to this victim."""

    def plan(self, victims: tuple[Victim, ...], parameters: Any, rng: Random, world: World) -> Preparation:
        """A helper for each of them."""
        image, surface = world.containers.image(), self.surface(parameters)
        helpers = [
            {
                "victim": victim.id,
                "body": body(image, surface, victim),
                "work": self.work,
                "spec": dict(self.spec(victim, parameters, rng, world)),
            }
            for victim in victims
        ]
        own = {"on_restart": getattr(parameters, "on_restart", "cleared"), **self.shown(parameters)}
        return Preparation(own, {"helpers": helpers, "outlives": self.outlives}, ())

    def shown(self, parameters: Any) -> Mapping[str, Any]:
        """What the result tells of its parameters; JSON."""
        return {k: v for k, v in parameters.model_dump(mode="json").items() if k != "on_restart"}

    def inject(self, fault: Fault, world: World) -> None:
        """Start them all, and wait until each says that it is in. HelperError: one could not."""
        started = [(start(fault, helper, world), helper) for helper in fault.undo["helpers"]]
        for name, _ in started:
            await_in(name, world)

    def observe(self, fault: Fault, world: World) -> Seen:
        """What the helpers see in the kernel; a victim that was restarted has lost its fault."""
        anew = () if fault.undo["outlives"] else restarted(fault, world)
        if anew and fault.parameters["on_restart"] == "again":
            return Seen(Observation.BLIND, details=_told_of(anew), again=True)
        lost = {victim.id for victim in anew}
        looks = [_seen(fault, each, world) for each in fault.undo["helpers"] if each["victim"] not in lost]
        seen = together([look for look in looks if look.observation is not Observation.GONE])
        return replace(seen, details={**seen.details, **_told_of(anew)})

    def clear(self, fault: Fault, world: World) -> None:
        """Stop the helpers, which undo their work; what one could not undo, another one does."""
        clear_helpers(fault, world)


def together(looks: list[Seen]) -> Seen:
    """One observation for all helpers that still hold something."""
    if not looks:
        return Seen(Observation.GONE)
    details = {k: v for look in looks for k, v in look.details.items()}
    for observation in (Observation.FELT, Observation.BLIND):
        if any(look.observation is observation for look in looks):
            return Seen(observation, details=details)
    return Seen(Observation.NOT_FELT, details=details)


# --- the containers ---------------------------------------------------------------------------


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
    host = {**helper["body"]["HostConfig"], "AutoRemove": _lingers(helper) and not order}
    more = {"Env": [f"CHAOS_HELPER={json.dumps(told)}"], "HostConfig": host}
    labels = {PART: "helper", OWNER: fault.owner, FAULT: fault.id, VICTIM: helper["victim"]}
    world.containers.create(name, {**helper["body"], **more, "Labels": labels})
    world.containers.start(name)
    return name


def _order(fault: Fault, helper: Mapping[str, Any], now: Now, what: str) -> dict[str, Any]:
    left = min(fault.deadline.wall - now.wall, fault.deadline.mono - now.mono)
    order = {**{key: helper[key] for key in ("victim", "work", "spec")}, "outlives": fault.undo["outlives"]}
    order |= {"seconds": left, "expires_at": fault.deadline.wall, "lingers": _lingers(helper)}
    return {**order, what: True} if what else order


def _lingers(helper: Mapping[str, Any]) -> bool:
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
        state = _state(name, world)  # first: of one that has ended by now, all that it told is there then
        lines = lines_of(name, world) if state else []
        if any(line["event"] == "in" for line in lines):
            return
        if state is None or not state["Running"] or any(line["event"] == "failed" for line in lines):
            raise HelperError(_last_words(lines, state))
        world.wait(PAUSE)
    raise HelperError(f"{name} did not begin within {PATIENCE:g} s")


def _last_words(lines: list[dict[str, Any]], state: Mapping[str, Any] | None) -> str:
    errors = [line["error"] for line in lines if line.get("error")]
    if errors:
        return str(errors[0])
    return (
        f"the helper ended at once, with exit code {state['ExitCode']}"
        if state
        else "the helper has vanished"
    )


def _state(name: str, world: World) -> Mapping[str, Any] | None:
    found = world.containers.inspect(name)
    return found["State"] if found else None


def is_running(container: str, world: World) -> bool:
    """Whether it is there, and runs."""
    state = _state(container, world)
    return state is not None and bool(state["Running"])


def was_killed(fault: Fault, helper: Mapping[str, Any], world: World) -> bool:
    """Whether it does not run any more, and has not said that its work is out."""
    name = name_of(fault, helper["victim"])
    state = _state(name, world)
    if state is not None and state["Running"]:
        return False
    lines = lines_of(name, world) if state else []
    return not lines or lines[-1]["event"] != "out"


def restarted(fault: Fault, world: World) -> tuple[Victim, ...]:
    """Victims that began a new life after their helper did, or have vanished, or do not run."""
    return tuple(victim for victim in victims_of(fault) if not _shares_its_life(fault, victim, world))


def _shares_its_life(fault: Fault, victim: Victim, world: World) -> bool:
    """Of a network namespace: whether the container that it belongs to does."""
    body = next(each["body"] for each in fault.undo["helpers"] if each["victim"] == victim.id)
    shared = str(body["HostConfig"]["NetworkMode"]).partition("container:")[2]
    state, helper = _state(shared or victim.id, world), _state(name_of(fault, victim.id), world)
    if state is None or not state["Running"]:
        return False
    return helper is None or state["StartedAt"] <= helper["StartedAt"]


def _told_of(anew: tuple[Victim, ...]) -> dict[str, Any]:
    return {"restarted": [victim.name for victim in anew]} if anew else {}


def _seen(fault: Fault, helper: Mapping[str, Any], world: World) -> Seen:
    name = name_of(fault, helper["victim"])
    state = _state(name, world)
    if state is None or not state["Running"]:
        return Seen(Observation.GONE)
    lines = lines_of(name, world)
    looks = [line for line in lines if "present" in line]
    if not looks:
        return Seen(Observation.BLIND)
    last = looks[-1]
    if not last["present"] or lines[-1]["event"] == "out":
        return Seen(Observation.GONE)
    observation = {True: Observation.FELT, False: Observation.NOT_FELT, None: Observation.BLIND}[last["felt"]]
    return Seen(observation, details=last["details"])


# --- the end ------------------------------------------------------------------------------------


def clear_helpers(fault: Fault, world: World) -> None:
    """Undo what helpers did, and look that it is undone. HelperError: something is still in."""
    errors = [error for helper in fault.undo["helpers"] if (error := _clear_one(fault, helper, world))]
    if errors:
        raise HelperError("; ".join(errors))


def _clear_one(fault: Fault, helper: Mapping[str, Any], world: World) -> str:
    name = name_of(fault, helper["victim"])
    if _lingers(helper) and _says_out(name, world):
        return ""
    if not _ended_well(name, world) and _may_be_in(fault, helper, world):
        error = undone_by_another(fault, helper, world)
        if error:
            return error
    world.containers.remove(name)
    return ""


def _says_out(name: str, world: World) -> bool:
    """Tell it to stop; whether it says that its work is out. It is not waited for, and removes itself."""
    ends = world.clock.now().plus(STOP_PATIENCE)
    try:
        world.containers.kill(name, "SIGTERM")
        while is_running(name, world) and not world.clock.now().reached(ends):
            if [line["event"] for line in lines_of(name, world)[-1:]] == ["out"]:
                return True
            world.wait(PAUSE)
    except ContainerError as error:  # it has ended before
        if not (error.gone or error.conflict):
            raise
    return False


def _ended_well(name: str, world: World) -> bool:
    """Stop it; whether it says that its work is out, or has never begun."""
    state = _stopped(name, world)
    if state is None or state["Running"]:
        return False
    return state["Status"] == "created" or [line["event"] for line in lines_of(name, world)[-1:]] == ["out"]


def _stopped(name: str, world: World) -> Mapping[str, Any] | None:
    """Tell it to stop, again and again: one that has only just begun does not listen yet."""
    ends = world.clock.now().plus(STOP_PATIENCE)
    while (state := _state(name, world)) is not None and state["Running"]:
        late = world.clock.now().reached(ends)
        try:
            world.containers.kill(name, "SIGKILL" if late else "SIGTERM")
        except ContainerError as error:  # it has ended meanwhile
            if not (error.gone or error.conflict):
                raise
        if late:
            return None
        world.wait(PAUSE)
    return state


def _may_be_in(fault: Fault, helper: Mapping[str, Any], world: World) -> bool:
    """What is in a namespace ends with it; what outlives it is undone where its container is still there."""
    victim = next(each for each in victims_of(fault) if each.id == helper["victim"])
    if fault.undo["outlives"]:
        return world.containers.inspect(victim.id) is not None
    return _shares_its_life(fault, victim, world)


def undone_by_another(fault: Fault, helper: Mapping[str, Any], world: World) -> str:
    """Another one undoes what a helper left; an error, or nothing. Who clears at the same time shares it."""
    name = name_of(fault, helper["victim"], "-undo")
    state = _state(name, world)
    if state is None or not state["Running"]:
        try:
            start(fault, helper, world, order="undo")
        except ContainerError as error:
            if not error.conflict:
                raise
    state = end_of(name, world)
    lines = lines_of(name, world) if state else []
    world.containers.remove(name)
    if lines and lines[-1]["event"] == "out":
        return ""
    return _last_words(lines, state)


def end_of(name: str, world: World) -> Mapping[str, Any] | None:
    """The state of one that ends by itself, when it has, or when it has taken too long; None: it is gone."""
    ends = world.clock.now().plus(PATIENCE)
    while True:
        state = _state(name, world)
        if state is None or not state["Running"] or world.clock.now().reached(ends):
            return state
        world.wait(PAUSE)
