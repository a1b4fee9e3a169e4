"""A container with a broken configuration: it is replaced by one with another environment."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, ClassVar

from pydantic import Field, field_validator, model_validator

from chaos_engine.containers import FAULT, ORIGINAL, ContainerError
from chaos_engine.model import Fault, Observation, Seen
from chaos_engine.ports import World
from scenarios.base import Parameters, Preparation
from scenarios.coming_back import (
    Join,
    Leave,
    Recreate,
    Remove,
    Rename,
    Sight,
    Step,
    TakenError,
    next_step,
    other_networks,
)
from scenarios.container import ContainerScenario, Restart, Victim
from scenarios.downtime import GraceParameters, check_stoppable, run_again, runs, share, state_of
from scenarios.environment import changed, without
from scenarios.replacement import Record, parked, record, replacement_body
from scenarios.selection import RefusedError

GRACE = 1.0  # seconds that a replacement has to end
MOST_STEPS = 40  # until an original is back, of however many networks


class BadConfigParameters(GraceParameters):
    """`variable` gets `value` (nothing said: a broken one like its own), or with `remove` goes away."""

    variable: str = Field("DATABASE_URL", min_length=1)
    value: str | None = None
    remove: bool = False

    @field_validator("variable")
    @classmethod
    def _a_name(cls, name: str) -> str:
        if "=" in name or not name.isprintable() or name != name.strip():
            raise ValueError(f"{name!r} is no variable; allowed: a name such as DATABASE_URL")
        return name

    @model_validator(mode="after")
    def _one_of_both(self) -> BadConfigParameters:
        if self.remove and self.value is not None:
            raise ValueError("has both value and remove; allowed: one of them")
        return self


class BadConfig(ContainerScenario):
    """The original waits meanwhile, stopped and under another name, and comes back itself."""

    name = "bad_config"
    parameters: ClassVar[type[Parameters]] = BadConfigParameters
    restart = Restart.NOTHING

    def plan(self, victims: tuple[Victim, ...], parameters: Any, rng: Random, world: World) -> Preparation:
        """Writes down all of each, so that it can be made anew. RefusedError: nothing would be changed."""
        del rng
        check_stoppable(victims, world.containers)
        images = {each.id: each.image for each in world.containers.listing()}
        kept = [_kept(victim, images.get(victim.id, ""), parameters, world) for victim in victims]
        shown = {
            "variable": parameters.variable,
            "how": "removed" if parameters.remove else "changed",
            "grace": share(parameters.grace, victims),
        }
        return Preparation(shown, {"originals": kept}, ())

    def inject(self, fault: Fault, world: World) -> None:
        """Stop each, and put another one into its place."""
        for kept in fault.undo["originals"]:
            world.containers.stop(kept["id"], fault.parameters["grace"])
            world.containers.rename(kept["id"], parked(fault, kept["name"]))
            made = _created(kept["name"], replacement_body(kept, fault), kept["image"], world)
            for network, settings in other_networks(kept).items():
                world.containers.connect(network, made, settings)
            world.containers.start(made)

    def observe(self, fault: Fault, world: World) -> Seen:
        """That a replacement does not run, or is not healthy, is seen; what its clients see, is not."""
        found = {kept["id"]: _replacement(fault, kept, world) for kept in fault.undo["originals"]}
        states = {id_: state_of(each, world.containers) for id_, each in found.items() if each}
        if not states:
            return Seen(Observation.GONE)
        lost = [kept["name"] for kept in fault.undo["originals"] if _is_lost(kept, fault, world)]
        told = {"original_removed": lost} if lost else {}
        ill = any(state is None or not _is_well(state) for state in states.values())
        return Seen(Observation.FELT if ill else Observation.BLIND, details=told)

    def clear(self, fault: Fault, world: World) -> None:
        """The original comes back. TakenError: another container has its name."""
        back = [id_ for kept in fault.undo["originals"] if (id_ := _bring_back(kept, fault, world))]
        run_again(back, world)


def _kept(victim: Victim, image: str, parameters: Any, world: World) -> Record:
    inspection = world.containers.inspect(victim.id)
    if inspection is None:
        raise RefusedError(f"{victim.name} has vanished")
    env = inspection["Config"].get("Env") or []
    try:
        if parameters.remove:
            return record(inspection, image, without(env, parameters.variable))
        return record(inspection, image, changed(env, parameters.variable, parameters.value))
    except RefusedError as error:
        raise RefusedError(f"{victim.name}: {error}") from None


def _created(name: str, body: dict[str, Any], image: str, world: World) -> str:
    """One of exactly that image: its name may mean another one by now."""
    made = world.containers.create(name, body)
    found = world.containers.inspect(made)
    if found is None or found["Image"] == image:
        return made
    world.containers.remove(made)
    return world.containers.create(name, {**body, "Image": image})


def _replacement(fault: Fault, kept: Record, world: World) -> str:
    """Its id; empty: there is none."""
    labels = [f"{FAULT}={fault.id}", f"{ORIGINAL}={kept['id']}"]
    return next((each.id for each in world.containers.listing(labels)), "")


def _is_well(state: Any) -> bool:
    return runs(state) and (state.get("Health") or {}).get("Status") != "unhealthy"


def _is_lost(kept: Record, fault: Fault, world: World) -> bool:
    names = (kept["id"], parked(fault, kept["name"]))
    return not any(world.containers.inspect(name) for name in names)


# --- it comes back ----------------------------------------------------------------------------


def _bring_back(kept: Record, fault: Fault, world: World) -> str:
    """The original's id, when all is done but to start it; empty: all of it has vanished."""
    for _ in range(MOST_STEPS):
        sight = _sight(kept, fault, world)
        try:
            step = next_step(kept, fault, sight)
            if step is None:
                return str(sight.keeper["Id"]) if sight.keeper else ""
            _do(step, kept, world)
        except (ContainerError, TakenError):
            if _sight(kept, fault, world) == sight:
                raise  # else somebody does the same beside us
    raise RuntimeError(f"{kept['name']} is not back after {MOST_STEPS} steps")


def _sight(kept: Record, fault: Fault, world: World) -> Sight:
    look, there = world.containers.inspect, _replacement(fault, kept, world)
    return Sight(
        original=look(kept["id"]),
        parked=look(parked(fault, kept["name"])),
        named=look(kept["name"]),
        replacement=look(there) if there else None,
        networks=dict(_there(kept, world)),
    )


def _there(kept: Record, world: World) -> Iterator[tuple[str, str]]:
    for name in kept["networks"] or ():
        found = world.containers.network(name)
        if found is not None:
            yield name, found["Id"]


def _do(step: Step, kept: Record, world: World) -> None:
    match step:
        case Recreate(name, body):
            _created(name, dict(body), kept["image"], world)
            world.tell(f"The original of {kept['name']} was removed; it is made anew, with its volumes")
        case Remove(id_):
            world.containers.stop(id_, GRACE)
            world.containers.remove(id_)
        case Rename(id_, name):
            world.containers.rename(id_, name)
        case Leave(id_, network):
            world.containers.disconnect(network, id_)
        case Join(id_, network, settings):
            world.containers.connect(network, id_, settings)
