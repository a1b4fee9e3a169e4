"""What the scenarios have in common that end a container's life, and see to it that it lives again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from typing import Any, ClassVar

from pydantic import field_validator

from chaos_engine import durations
from chaos_engine.containers import PART, ContainerError, Containers
from chaos_engine.model import Fault, Observation, Seen
from chaos_engine.ports import World
from scenarios.base import Parameters, Preparation
from scenarios.container import ContainerScenario, Restart, Victim, victims_of
from scenarios.selection import RefusedError

GRACE, MOST_GRACE = 2.0, 6.0  # an injection has ten seconds in all
PATIENCE, PAUSE = 1.5, 0.1  # seconds until one runs that was started; between two looks


class GraceParameters(Parameters):
    """`grace`: whole seconds (0 to 6) that it has to end by itself before it is killed.

    Of several containers each has its share of six seconds at most, since they are stopped one by one.
    """

    grace: float = GRACE

    @field_validator("grace", mode="before")
    @classmethod
    def _whole_seconds(cls, value: object) -> float:
        seconds = durations.parse(value)
        if seconds != round(seconds) or not 0 <= seconds <= MOST_GRACE:
            raise ValueError(f"{value!r} is no grace; allowed: whole seconds from 0s to {MOST_GRACE:g}s")
        return seconds


class Downtime(ContainerScenario):
    """The victims are stopped, and stay so until somebody starts them."""

    parameters: ClassVar[type[Parameters]] = GraceParameters
    undoes = "compensating"
    restart = Restart.HEALS

    def plan(self, victims: tuple[Victim, ...], parameters: Any, rng: Random, world: World) -> Preparation:
        """The undo is to start them."""
        del rng
        check_stoppable(victims, world.containers)
        return Preparation({"grace": share(parameters.grace, victims)}, {}, ())

    def inject(self, fault: Fault, world: World) -> None:
        """Stop each; one that is stopped already stays so."""
        for victim in victims_of(fault):
            world.containers.stop(victim.id, fault.parameters["grace"])

    def observe(self, fault: Fault, world: World) -> Seen:
        """The Engine says which of them are down."""
        down = [victim.name for victim in victims_of(fault) if is_down(victim, world.containers)]
        return Seen(Observation.FELT, details={"down": down}) if down else Seen(Observation.GONE)

    def clear(self, fault: Fault, world: World) -> None:
        """Start what does not run, and look that it does."""
        run_again((victim.id for victim in victims_of(fault)), world)


class Blow(ContainerScenario):
    """One moment's doing: the hold goes on though the container comes back."""

    undoes = "compensating"
    restart = Restart.HEALS

    def plan(self, victims: tuple[Victim, ...], parameters: Any, rng: Random, world: World) -> Preparation:
        """The undo is to start what stays down."""
        del rng
        check_stoppable(victims, world.containers)
        return Preparation(parameters.model_dump(mode="json"), {}, ())

    def observe(self, fault: Fault, world: World) -> Seen:
        """Whether they have begun another life, or have none."""
        return struck(fault, world)

    def is_left(self, fault: Fault, world: World) -> bool:
        """Whether one is down."""
        return any(is_down(victim, world.containers) for victim in victims_of(fault))

    def clear(self, fault: Fault, world: World) -> None:
        """Start what does not run, and look that it does."""
        run_again((victim.id for victim in victims_of(fault)), world)


def share(grace: float, victims: tuple[Victim, ...]) -> float:
    """The grace of each, so that stopping them all takes no longer than stopping one may."""
    return min(grace, MOST_GRACE // len(victims))


def struck(fault: Fault, world: World, otherwise: Observation = Observation.NOT_FELT) -> Seen:
    """FELT where a victim's life has ended since, whether it has begun another one or not."""
    states = {victim: state_of(victim.id, world.containers) for victim in victims_of(fault)}
    there = {victim: state for victim, state in states.items() if state is not None}
    if not there:
        return Seen(Observation.GONE)
    down = [victim.name for victim, state in there.items() if not runs(state)]
    back = [
        victim.name
        for victim, state in there.items()
        if runs(state) and state["StartedAt"] != victim.started_at
    ]
    if not down and not back:
        return Seen(otherwise)
    told = {"down": down, "came_back": back}
    return Seen(Observation.FELT, details={key: names for key, names in told.items() if names})


# --- may it be stopped? -----------------------------------------------------------------------


def check_stoppable(victims: Iterable[Victim], containers: Containers) -> None:
    """RefusedError: a victim would not come back as it was, or another container would not."""
    tenants = {
        each.network: each.name
        for each in containers.listing()
        if each.state == "running" and each.network.startswith("container:") and PART not in each.labels
    }
    for victim in victims:
        tenant = tenants.get(f"container:{victim.id}") or tenants.get(f"container:{victim.name}")
        if tenant:
            raise RefusedError(
                f"{tenant} is in the network of {victim.name}: it would stay cut off when that one is back"
            )
        inspection = containers.inspect(victim.id)
        if inspection and inspection["HostConfig"].get("AutoRemove"):
            raise RefusedError(f"{victim.name} is removed when it stops (--rm): nothing could come back")


# --- its life ---------------------------------------------------------------------------------


def state_of(container: str, containers: Containers) -> Mapping[str, Any] | None:
    """The Engine's own; None: it has vanished, or is about to."""
    found = containers.inspect(container)
    if found is None or found["State"].get("Status") in ("removing", "dead"):
        return None
    return dict(found["State"])


def runs(state: Mapping[str, Any]) -> bool:
    """Not so between two attempts of a restart policy, for which the Engine says `Running` too."""
    return bool(state["Running"] and not state["Restarting"])


def is_down(victim: Victim, containers: Containers) -> bool:
    """Whether it is there, and nobody runs it, nor is about to."""
    state = state_of(victim.id, containers)
    return state is not None and not state["Running"]


def run_again(ids: Iterable[str], world: World) -> None:
    """Start what does not run, and wait until the Engine says that it did. RuntimeError: not in time.

    One that is started and ends again does so by itself: it is let be.
    """
    before = {id_: _started(id_, world.containers) for id_ in ids}
    for id_ in _waiting(before, world):
        world.containers.restart(id_, 0)  # its policy waits ever longer, up to a minute
    waiting = _waiting(before, world)
    if waiting:
        raise RuntimeError(f"container {', '.join(id_[:12] for id_ in waiting)} does not run yet")


def _waiting(before: Mapping[str, str], world: World) -> list[str]:
    """Those that have not come to life within our patience."""
    ends = world.clock.now().plus(PATIENCE)
    while waiting := [id_ for id_, born in before.items() if not _lives(id_, born, world.containers)]:
        if world.clock.now().reached(ends):
            return waiting
        world.wait(PAUSE)
    return []


def _started(id_: str, containers: Containers) -> str:
    """Start it where it is down; when its life before that began."""
    state = state_of(id_, containers)
    if state is None:
        return ""
    if not state["Running"]:
        try:
            containers.start(id_)
        except ContainerError as error:
            if not error.gone or containers.inspect(id_) is not None:  # a network of it may be what is gone
                raise
    return str(state["StartedAt"])


def _lives(id_: str, born: str, containers: Containers) -> bool:
    state = state_of(id_, containers)
    return state is None or runs(state) or state["StartedAt"] != born
