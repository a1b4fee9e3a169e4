"""The long form: a class with the four steps, for trouble that is no state file.

Here: a flag beside the state file, which some web servers answer with 503 as long as it is there.
"""

from pathlib import Path
from random import Random
from typing import Any, ClassVar

from chaos_engine.model import Fault, Observation, Target
from chaos_engine.ports import World
from scenarios.base import Parameters, Preparation, Scenario


class MaintenanceParameters(Parameters):
    """What a user may write beside `weight` and the like; anything else is refused."""

    flag: str = "MAINTENANCE"


class Maintenance(Scenario):
    """Everything that matters is in the fault that it is handed: it keeps no state of its own."""

    name = "maintenance"
    parameters: ClassVar[type[Parameters]] = MaintenanceParameters

    def refusal(self, target: Target) -> str | None:
        """Said before anything happens."""
        return None if target.state_file else f"target {target.name!r} has no state_file"

    def prepare(self, target: Target, parameters: Any, rng: Random, world: World) -> Preparation:
        """Decide, and say how it is undone: this goes to disk before `inject` is called."""
        assert target.state_file is not None
        flag = target.state_file.parent / parameters.flag
        return Preparation({"flag": str(flag)}, undo={"remove": str(flag)}, resources=(f"file:{flag}",))

    def inject(self, fault: Fault, world: World) -> None:
        """Do it."""
        Path(fault.parameters["flag"]).write_text(fault.id)

    def observe(self, fault: Fault, world: World) -> Observation:
        """Look: is it still there? Whether it is felt, only a client can tell."""
        return Observation.BLIND if Path(fault.parameters["flag"]).exists() else Observation.GONE

    def clear(self, fault: Fault, world: World) -> None:
        """Undo it; may be called twice, and before `inject`."""
        Path(fault.undo["remove"]).unlink(missing_ok=True)
