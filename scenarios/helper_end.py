"""The end of what helpers did: each undoes its own work; what one could not, another one does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chaos_engine.containers import ContainerError
from chaos_engine.model import Fault
from chaos_engine.ports import World
from scenarios.container import Victim, victims_of
from scenarios.helper_container import (
    PAUSE,
    HelperError,
    end_of,
    is_running,
    last_words,
    lines_of,
    lingers,
    name_of,
    start,
    state_of,
)

STOP_PATIENCE = 5.0  # seconds that a helper has to undo its work


def clear_helpers(fault: Fault, world: World) -> None:
    """Undo what helpers did, and look that it is undone. HelperError: something is still in."""
    errors = [error for helper in fault.undo["helpers"] if (error := _clear_one(fault, helper, world))]
    if errors:
        raise HelperError("; ".join(errors))


def _clear_one(fault: Fault, helper: Mapping[str, Any], world: World) -> str:
    name = name_of(fault, helper["victim"])
    if lingers(helper) and _says_out(name, world):
        return ""
    if not _ended_well(name, world) and _may_be_in(fault, helper, world):
        error = undone_by_another(fault, helper, world)
        if error and _may_be_in(fault, helper, world):  # not where that life has ended meanwhile
            return error
    for container in (name, helper.get("found")):  # a stray may have asked, or undone, under another name
        if container:
            world.containers.remove(container)
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
    while (state := state_of(name, world)) is not None and state["Running"]:
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
    state = state_of(name, world)
    if state is None or not state["Running"]:
        try:
            start(fault, helper, world, order="undo")
        except ContainerError as error:
            if not error.conflict:
                world.containers.remove(name)
                return str(error)
    state = end_of(name, world)
    lines = lines_of(name, world) if state else []
    world.containers.remove(name)
    if lines and lines[-1]["event"] == "out":
        return ""
    return last_words(lines, state)


def was_killed(fault: Fault, helper: Mapping[str, Any], world: World) -> bool:
    """Whether it does not run any more, and has not said that its work is out."""
    name = name_of(fault, helper["victim"])
    state = state_of(name, world)
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
    state, helper = state_of(shared or victim.id, world), state_of(name_of(fault, victim.id), world)
    if state is None or not state["Running"]:
        return False
    return helper is None or state["StartedAt"] <= helper["StartedAt"]
