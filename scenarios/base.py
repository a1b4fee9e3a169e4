"""What a scenario is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from chaos_engine.model import Activity, Fault, Observation, Seen, Target
from chaos_engine.ports import World

OVER = (Observation.GONE, Observation.ENDED, Observation.FAILED)


class Parameters(BaseModel):
    """A scenario's parameters as the user writes them. Unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


@dataclass(frozen=True, slots=True)
class Preparation:
    """What one injection will do: drawn parameters, how to undo it, and what it occupies meanwhile."""

    parameters: Mapping[str, Any]
    undo: Mapping[str, Any]
    resources: tuple[str, ...] = field(default=())
    patience: float = 1.0  # seconds that clearing may take where the engine is told to end


class Scenario(ABC):
    """A kind of trouble. It keeps no state: everything that matters is in the fault it is handed."""

    name: ClassVar[str]
    parameters: ClassVar[type[Parameters]] = Parameters
    # What clearing leaves: nothing; what comes back by itself (a process is started anew); all that was done.
    undoes: ClassVar[Literal["exact", "compensating", "none"]] = "exact"
    runs: ClassVar[bool] = False  # its faults end by themselves; `timeout` among its parameters bounds them

    def refusal(self, target: Target) -> str | None:
        """Why this scenario cannot hurt that target, judged from the configuration alone; None: it can."""
        del target
        return None

    def preflight(self, target: Target, parameters: Any, world: World) -> str | None:
        """Why it would be refused now, having looked at the world; None: nothing speaks against it."""
        del target, parameters, world
        return None

    @abstractmethod
    def prepare(self, target: Target, parameters: Any, rng: Random, world: World) -> Preparation:
        """Decide what exactly will be done, without doing it. `parameters` is of type `self.parameters`."""

    @abstractmethod
    def inject(self, fault: Fault, world: World) -> Mapping[str, Any] | None:
        """Do it. Any exception: it may or may not have taken hold.

        What is returned is added to the fault's `undo`, and on disk before anything else is done.
        """

    def observe(self, fault: Fault, world: World) -> Observation | Seen:
        """Look at the fault in the world; called every few seconds while it is in."""
        del fault, world
        return Observation.BLIND

    def activities(self, fault: Fault, world: World) -> tuple[Activity, ...]:
        """All that there is to tell of it so far, in order; told to operators, and kept in the journal."""
        del fault, world
        return ()

    def afterwards(self, fault: Fault, world: World) -> Mapping[str, Any]:
        """What is worth keeping of it once it is cleared, beside what was observed."""
        del fault, world
        return {}

    def is_left(self, fault: Fault, world: World) -> bool:
        """Look, after it was cleared, whether anything of it is (or is again) in the world."""
        seen = self.observe(fault, world)
        return (seen.observation if isinstance(seen, Seen) else seen) not in OVER

    @abstractmethod
    def clear(self, fault: Fault, world: World) -> None:
        """Undo it, and look that it is undone; raise where it is not.

        May be called before `inject`, and again. A target that vanished counts as cleared.
        """
