"""Single processes of a container."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from chaos_engine.durations import parse
from chaos_engine.ports import World
from scenarios.asking import AskingScenario, own_processes
from scenarios.base import Parameters
from scenarios.container import Restart, Victim
from scenarios.helper import HelperParameters
from scenarios.helper_container import Surface

# Those that end a process or that it may handle; one that stops it would have to be undone.
SIGNALS = Literal["KILL", "TERM", "INT", "QUIT", "HUP", "ABRT", "SEGV", "USR1", "USR2"]
LEAST_EVERY = 1.0  # seconds


def _signal(value: object) -> str:
    return str(value).upper().removeprefix("SIG")


def _every(value: object) -> float | None:
    seconds = None if value is None else parse(value)
    if seconds is not None and seconds < LEAST_EVERY:
        raise ValueError(f"{value!r} is too often; allowed: {LEAST_EVERY:g}s or more")
    return seconds


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is no regular expression: {error}") from None
    return value


class ProcessKillParameters(HelperParameters):
    """`process`: a name; or `pattern`: a regular expression that is found in the command line.

    `signal`; `every`: again after so long, for the whole hold (`5s`); without it: once.
    """

    process: Annotated[str | None, Field(min_length=1)] = None
    pattern: Annotated[str | None, Field(min_length=1), AfterValidator(lambda v: _pattern(v) if v else v)] = (
        None
    )
    signal: Annotated[SIGNALS, BeforeValidator(_signal)] = "KILL"
    every: Annotated[float | None, BeforeValidator(_every)] = None

    @model_validator(mode="after")
    def _one_of_them(self) -> ProcessKillParameters:
        if (self.process is None) == (self.pattern is None):
            raise ValueError("allowed: one of process: nginx, pattern: 'worker [0-9]+'")
        return self


class ProcessKill(AskingScenario):
    """Processes die, and whoever started them has to notice. Never the main one: for that there is `kill`."""

    name = "process_kill"
    undoes = "compensating"
    parameters: ClassVar[type[Parameters]] = ProcessKillParameters
    restart = Restart.HEALS
    work = "process_kill"

    def surface(self, parameters: Any) -> Surface:
        """Its processes, whoever they belong to."""
        del parameters
        return Surface(pid="victim", capabilities=("KILL",))

    def spec(self, victim: Victim, parameters: Any, rng: Random, world: World) -> Mapping[str, Any]:
        """RefusedError: it is not alone in its process namespace."""
        del rng
        own_processes(victim, world.containers)
        kept = parameters.model_dump(include={"process", "pattern", "signal", "every"})
        return dict(kept)
