"""The container itself, through the Docker Engine: nothing in it needs to know."""

from __future__ import annotations

import signal as signals
from collections.abc import Mapping
from random import Random
from typing import Any, ClassVar

from pydantic import field_validator

from chaos_engine.containers import ContainerError
from chaos_engine.model import Fault, Observation, Seen
from chaos_engine.ports import World
from scenarios.base import Parameters, Preparation
from scenarios.container import ContainerScenario, Restart, Victim, victims_of
from scenarios.downtime import (
    Blow,
    Downtime,
    GraceParameters,
    check_stoppable,
    is_down,
    run_again,
    runs,
    share,
    state_of,
    struck,
)
from scenarios.helper import HelperScenario
from scenarios.helper_container import Surface
from scenarios.helper_end import clear_helpers

FREEZING = ("STOP", "TSTP", "TTIN", "TTOU")


class Pause(ContainerScenario):
    """All processes stand still: connections are accepted by the kernel, and nobody answers."""

    name = "pause"
    parameters: ClassVar[type[Parameters]] = Parameters
    restart = Restart.HEALS

    def plan(self, victims: tuple[Victim, ...], parameters: Any, rng: Random, world: World) -> Preparation:
        """The undo is to let them go on."""
        del victims, parameters, rng, world
        return Preparation({}, {}, ())

    def inject(self, fault: Fault, world: World) -> None:
        """Pause each; one that is paused already stays so."""
        for victim in victims_of(fault):
            try:
                world.containers.pause(victim.id)
            except ContainerError as error:
                if not (error.conflict and "already paused" in str(error)):
                    raise

    def observe(self, fault: Fault, world: World) -> Seen:
        """The Engine says which of them are paused."""
        paused = [victim.name for victim in victims_of(fault) if _is_paused(victim, world)]
        return Seen(Observation.FELT, details={"paused": paused}) if paused else Seen(Observation.GONE)

    def clear(self, fault: Fault, world: World) -> None:
        """Let them go on; one that was restarted, or has vanished, does."""
        for victim in victims_of(fault):
            if _is_paused(victim, world):
                _unpause(victim, world)
            if _is_paused(victim, world):
                raise RuntimeError(f"{victim.name} is still paused")


class Stop(Downtime):
    """As `docker stop` does it: the restart policy does not act."""

    name = "stop"


class Restarted(Blow):
    """As `docker restart` does it: down for as long as it takes."""

    name = "restart"
    parameters: ClassVar[type[Parameters]] = GraceParameters
    restart = Restart.NOTHING

    def plan(self, victims: tuple[Victim, ...], parameters: Any, rng: Random, world: World) -> Preparation:
        """The undo is to start what stays down."""
        made = super().plan(victims, parameters, rng, world)
        return Preparation({"grace": share(parameters.grace, victims)}, made.undo, made.resources)

    def inject(self, fault: Fault, world: World) -> None:
        """Restart each."""
        for victim in victims_of(fault):
            world.containers.restart(victim.id, fault.parameters["grace"])


class SignalParameters(Parameters):
    """`signal`: a name such as KILL, SIGTERM or HUP."""

    signal: str = "KILL"

    @field_validator("signal", mode="before")
    @classmethod
    def _known(cls, value: object) -> str:
        name = str(value).upper().removeprefix("SIG")
        if name in FREEZING:
            raise ValueError(f"{value!r} freezes: allowed: the scenario pause, which can be undone")
        if f"SIG{name}" not in signals.Signals.__members__:
            raise ValueError(f"{value!r} is no signal; allowed: a name such as KILL, TERM, INT or HUP")
        return name


class EngineKill(Blow):
    """As `docker kill` does it: to the Engine that is a stop, so the restart policy does not act.

    It does not act for one that lives on after the signal either, until it is started the next time.
    """

    name = "engine_kill"
    parameters: ClassVar[type[Parameters]] = SignalParameters

    def inject(self, fault: Fault, world: World) -> None:
        """Send the signal to each main process."""
        for victim in victims_of(fault):
            world.containers.kill(victim.id, fault.parameters["signal"])

    def observe(self, fault: Fault, world: World) -> Seen:
        """What another signal than KILL does to one that lives on, nobody sees from here."""
        deadly = fault.parameters["signal"] == "KILL"
        seen = struck(fault, world, Observation.NOT_FELT if deadly else Observation.BLIND)
        alive = [victim.name for victim in victims_of(fault) if _lives_on(victim, world)]
        return Seen(seen.observation, details={**seen.details, "lived_on": alive}) if alive else seen


class Kill(HelperScenario):
    """The main process dies, as in a crash: the restart policy acts.

    The Engine's own kill would keep it from acting, and the kernel keeps a signal from within from process 1.
    """

    name = "kill"
    undoes = "compensating"
    parameters: ClassVar[type[Parameters]] = Parameters
    restart = Restart.HEALS
    work = "kill"

    def surface(self, parameters: Any) -> Surface:
        """The host's processes, of which it may signal any: it is told one, and looks whose that is."""
        del parameters
        return Surface(pid="host", capabilities=("KILL",))

    def spec(self, victim: Victim, parameters: Any, rng: Random, world: World) -> Mapping[str, Any]:
        """RefusedError: it would not come back as it was."""
        del parameters, rng
        check_stoppable([victim], world.containers)
        return {"pid": victim.pid, "container": victim.id}

    def shown(self, parameters: Any) -> Mapping[str, Any]:
        """There is nothing to tell."""
        del parameters
        return {}

    def observe(self, fault: Fault, world: World) -> Seen:
        """Whether they have begun another life, or have none."""
        return struck(fault, world)

    def is_left(self, fault: Fault, world: World) -> bool:
        """Whether one is down."""
        return any(is_down(victim, world.containers) for victim in victims_of(fault))

    def clear(self, fault: Fault, world: World) -> None:
        """No helper may kill any more; then start what no policy has started, and look that it runs."""
        clear_helpers(fault, world)
        run_again((victim.id for victim in victims_of(fault)), world)


def _lives_on(victim: Victim, world: World) -> bool:
    state = state_of(victim.id, world.containers)
    return state is not None and runs(state) and state["StartedAt"] == victim.started_at


def _is_paused(victim: Victim, world: World) -> bool:
    found = world.containers.inspect(victim.id)
    return found is not None and bool(found["State"]["Paused"])


def _unpause(victim: Victim, world: World) -> None:
    """Somebody else may have been faster."""
    try:
        world.containers.unpause(victim.id)
    except ContainerError as error:
        if not error.gone and _is_paused(victim, world):
            raise
