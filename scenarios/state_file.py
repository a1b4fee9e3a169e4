"""Faults that are a state in a file which the target reads (`docs/failure-state.schema.json`)."""

from __future__ import annotations

import time
from collections.abc import Container, Mapping
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from pydantic import field_validator, model_validator

from chaos_engine.model import Fault, Now, Observation, Target
from chaos_engine.ports import World
from scenarios.base import Parameters, Preparation, Scenario

SCHEMA = 1
INJECTED_BY = "chaos-engine"
MOST_DELAY = 3600.0


class StateFileParameters(Parameters):
    """`heals_on`: what repairs it: `restart` of the app, `never`, or `env:NAME` having the value `expect`."""

    heals_on: str = "restart"
    expect: str | None = None

    @field_validator("heals_on")
    @classmethod
    def _known(cls, value: str) -> str:
        if value in ("restart", "never") or (value.startswith("env:") and value[4:].isidentifier()):
            return value
        raise ValueError(f"{value!r} heals nothing; allowed: restart, never, env:NAME")

    @model_validator(mode="after")
    def _expect_goes_with_env(self) -> StateFileParameters:
        if self.expect is not None and not self.heals_on.startswith("env:"):
            raise ValueError("expect goes with heals_on: env:NAME")
        return self


class StateFileScenario(Scenario):
    """A scenario that is a `mode` in the target's failure-state file."""

    mode: ClassVar[str]
    parameters: ClassVar[type[Parameters]] = StateFileParameters

    def refusal(self, target: Target) -> str | None:
        """It needs a state file."""
        return None if target.state_file else f"target {target.name!r} has no state_file"

    def draw(self, parameters: Any, rng: Random) -> dict[str, Any]:
        """The fields of the state that are this scenario's own."""
        fields = {"delay": 0, "heals_on": parameters.heals_on}
        if not parameters.heals_on.startswith("env:"):
            return fields
        # Without a value to wait for, one is drawn that the application cannot have yet.
        return {**fields, "expect": parameters.expect or f"repaired-{rng.randrange(16**8):08x}"}

    def prepare(self, target: Target, parameters: Any, rng: Random, world: World) -> Preparation:
        """The undo is to write `healthy`."""
        del world
        path = _path(target)
        return Preparation(
            parameters=self.draw(parameters, rng),
            undo={"state_file": str(path), "mode": "healthy"},
            resources=(f"state-file:{path}",),
        )

    def inject(self, fault: Fault, world: World) -> None:
        """Write the state, with the deadline as its dead man's switch."""
        world.states.write(_path(fault.target), self.state(fault, world.clock.now().wall))

    def state(self, fault: Fault, at: float) -> dict[str, Any]:
        """What is written."""
        return {
            "mode": self.mode,
            "delay": fault.parameters.get("delay", 0),
            "timestamp": at,
            "injected_by": INJECTED_BY,
            **stamp(fault),
            **{k: v for k, v in fault.parameters.items() if k != "delay"},
        }

    def observe(self, fault: Fault, world: World) -> Observation:
        """GONE where the file no longer holds this fault; whether it is felt, only a client can tell."""
        current = world.states.read(_path(fault.target))
        return Observation.BLIND if current and current.get("id") == fault.id else Observation.GONE

    def clear(self, fault: Fault, world: World) -> None:
        """Write `healthy`."""
        clear_state(fault, world)


def clear_state(fault: Fault, world: World) -> None:
    """Write `healthy`, unless the file holds somebody else's live fault; read it back.

    A vanished folder counts as cleared.
    """
    path, now = _path(fault.target), world.clock.now().wall
    if not _is_ours_to_clear(world.states.read(path), fault, now):
        return
    try:
        world.states.write(path, healthy(now))
    except (FileNotFoundError, NotADirectoryError):
        pass  # the folder, or the new file under our hands: what is read back tells
    except OSError:  # a full disk, say
        world.states.remove(path)
    left = world.states.read(path)
    if left is not None and left.get("id") == fault.id:
        raise RuntimeError(f"{path} still holds the fault after it was cleared")


def is_stray(state: Mapping[str, Any] | None, owner: str, known: Container[str], now: float) -> bool:
    """Whether a state is a fault that nobody keeps: ours without an entry, or another's that is overdue.

    One without an owner was written by hand, or by an older engine: it is let be.
    """
    if state is None or state.get("mode") == "healthy" or not state.get("owner"):
        return False
    if state["owner"] == owner:
        return state.get("id") not in known
    expires = state.get("expires_at")
    return isinstance(expires, (int, float)) and expires <= now


def stray_fault(state: Mapping[str, Any], target: Target, now: Now) -> Fault:
    """A stray as a fault that can be cleared."""
    return Fault(
        id=str(state.get("id")),
        experiment="",
        scenario=f"a stray {state.get('mode')}",
        target=target,
        parameters={},
        undo={"state_file": str(target.state_file), "mode": "healthy"},
        resources=(f"state-file:{target.state_file}",),
        owner=str(state["owner"]),
        epoch=0,
        armed_at=now,
        deadline=now,
    )


def stamp(fault: Fault) -> dict[str, Any]:
    """The fields that say whose fault it is, and when it ends by itself."""
    return {
        "schema": SCHEMA,
        "id": fault.id,
        "owner": fault.owner,
        "target": fault.target.name,
        "expires_at": fault.deadline.wall,
    }


def healthy(at: float) -> dict[str, Any]:
    """The state after a clearing."""
    return {"mode": "healthy", "delay": 0, "timestamp": at, "cleared_by": INJECTED_BY, "schema": SCHEMA}


def _is_ours_to_clear(current: Mapping[str, Any] | None, fault: Fault, now: float) -> bool:
    """Not where there is no file, or a healthy one, nor where another's fault (or a later one) is live."""
    if current is None or current.get("mode") == "healthy":
        return False
    expires = current.get("expires_at")
    live = isinstance(expires, (int, float)) and expires > now
    return current.get("id") == fault.id or not current.get("owner") or not live


def _path(target: Target) -> Path:
    if target.state_file is None:
        raise ValueError(f"target {target.name!r} has no state_file")
    return target.state_file


# --- by hand --------------------------------------------------------------------------------


def write_by_hand(state_file: Path, mode: str, delay: float = 0) -> dict[str, Any]:
    """What the `inject_*` functions do: no deadline, no owner; stays until it is cleared."""
    from chaos_engine.adapters.state_file import StateFiles  # noqa: PLC0415

    if not 0 <= delay <= MOST_DELAY:
        raise ValueError(f"delay {delay!r}; allowed: 0 to {MOST_DELAY:g} seconds")
    state = {
        "mode": mode,
        "delay": delay,
        "timestamp": time.time(),
        "injected_by": INJECTED_BY,
        "schema": SCHEMA,
    }
    StateFiles().write(Path(state_file), state)
    return state


def clear_failure(state_file: Path) -> None:
    """By hand: make the target healthy again, whoever hurt it."""
    from chaos_engine.adapters.state_file import StateFiles  # noqa: PLC0415

    StateFiles().write(Path(state_file), healthy(time.time()))
