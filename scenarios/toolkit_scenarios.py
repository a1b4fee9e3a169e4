"""An experiment of the Chaos Toolkit, unchanged, in a process of its own (`docs/chaos-toolkit.md`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, StrictBool

from chaos_engine.model import Activity, Fault, Seen, Target
from chaos_engine.ports import World
from chaos_engine.toolkit_runs import Dry, HypothesisStrategy, RollbackStrategy
from scenarios import toolkit_course
from scenarios.aws import RunParameters, StillRunningError
from scenarios.base import Parameters, Preparation, Scenario
from scenarios.toolkit_record import Record, owes_rollbacks

CALL = 4.0  # seconds that one clearing takes at most: then the next one goes on
LOOK = 1.0  # seconds that one look waits for something new
GRACE = 10.0  # seconds after which a process that was told to end is killed, unless it rolls back
ROLLBACKS = 300.0  # seconds after which rollbacks that hang are killed, and begun again
PATIENCE = 20.0  # seconds that clearing may take where the engine is told to end


def _variables(value: object) -> object:
    """As the toolkit's command line takes them (`key[:type]=value`), or as a mapping."""
    if not isinstance(value, Mapping):
        return value
    return tuple(f"{key}{_kind(one)}={_plain(one)}" for key, one in value.items())


def _kind(value: object) -> str:
    kinds: dict[type, str] = {bool: ":bool", int: ":int", float: ":float", str: ""}
    return kinds.get(type(value), ":json")


def _plain(value: object) -> str:
    return json.dumps(value) if isinstance(value, (dict, list)) or value is None else str(value)


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Files = Annotated[tuple[str, ...], BeforeValidator(_several)]


class ToolkitParameters(RunParameters):
    """The options of `chaos run`. `toolkit`: the experiment's file, or its URL. `directory`: where it is run.

    `var`: values of its configuration. `var_file`: files with values. `control_file`: controls for the run.
    `settings`: the toolkit's own. `dry`: what is left out. `hypothesis_strategy`: when its hypothesis is
    asked. `hypothesis_frequency`: seconds between two askings of a continuous one. `fail_fast`: end when that
    deviates. `rollback_strategy`: when rollbacks are run. `journal_path`: where its journal goes.
    `no_validation`: run it unchecked. `no_verify_tls`: where it is loaded from. `strict`: all as `chaos run`
    does it.
    """

    toolkit: str = Field(min_length=1)
    var: Annotated[tuple[str, ...], BeforeValidator(_variables)] = ()
    var_file: Files = ()
    control_file: Files = ()
    settings: str | None = None
    directory: str | None = None
    dry: Dry | None = None
    hypothesis_strategy: HypothesisStrategy | None = None
    hypothesis_frequency: float = Field(1.0, gt=0, allow_inf_nan=False)
    fail_fast: StrictBool = False
    rollback_strategy: RollbackStrategy | None = None
    journal_path: str | None = None
    no_validation: StrictBool = False
    no_verify_tls: StrictBool = False
    strict: StrictBool = False


class Toolkit(Scenario):
    """Runs it, follows its record to its end; clearing ends its process, and sees that it was rolled back."""

    name = "toolkit"
    parameters: ClassVar[type[Parameters]] = ToolkitParameters
    runs = True
    undoes = "none"  # nobody knows what its actions do, nor whether its rollbacks undo it

    def prepare(self, target: Target, parameters: Any, rng: Random, world: World) -> Preparation:
        """ToolkitError: it cannot be read. The experiment as it is now is in the undo."""
        del target, rng
        experiment = world.toolkit.read(parameters.toolkit)
        spec = spec_of(parameters, experiment)
        shown = {"toolkit": Path(parameters.toolkit).name, **_options(parameters)}
        return Preparation(shown, {"spec": spec}, (f"toolkit:{parameters.toolkit}",), PATIENCE)

    def inject(self, fault: Fault, world: World) -> None:
        """Begin the run; its gate comes first. ToolkitError: it cannot be begun."""
        world.toolkit.start(run_of(fault), {**fault.undo["spec"], "mark": f"{fault.owner}/{fault.id}"})

    def observe(self, fault: Fault, world: World) -> Seen:
        """Waits a moment for something new: a short run is not to take longer than it takes."""
        return toolkit_course.seen(world.toolkit.look(run_of(fault), LOOK), run_of(fault))

    def activities(self, fault: Fault, world: World) -> tuple[Activity, ...]:
        """Its activities, and what its hypothesis was found to be."""
        return tuple(toolkit_course.activities(Record(world.toolkit.look(run_of(fault)).record)))

    def afterwards(self, fault: Fault, world: World) -> Mapping[str, Any]:
        """Its own verdict, also where it was interrupted; and what nobody has undone."""
        record = Record(world.toolkit.look(run_of(fault)).record)
        left = _left(fault, record)
        return {**toolkit_course.told(record), **({"left": left} if left else {})}

    def is_left(self, fault: Fault, world: World) -> bool:
        """A process of it lives, or it is not rolled back."""
        look = world.toolkit.look(run_of(fault))
        return look.alive or _owes(fault, Record(look.record))

    def clear(self, fault: Fault, world: World) -> None:
        """End it, and roll back what it began. StillRunningError: that goes on."""
        if self._end(fault, world):
            raise StillRunningError("the Chaos Toolkit was told to end, and has not ended yet")
        if not _owes(fault, Record(world.toolkit.look(run_of(fault)).record)):
            return
        world.toolkit.roll_back(run_of(fault), fault.undo["spec"])
        if self._waits(fault, world):
            raise StillRunningError("its rollbacks are under way")
        look = world.toolkit.look(run_of(fault))
        if _owes(fault, Record(look.record)):
            raise RuntimeError(_not_rolled_back(Record(look.record), look.said))

    def _end(self, fault: Fault, world: World) -> bool:
        """Whether a process of it still lives, after it was told to end."""
        run = run_of(fault)
        look = world.toolkit.look(run)
        if look.record and not look.alive:
            return False
        record = Record(look.record)
        if look.told_to_end is None and record.rolling_back is None:
            world.toolkit.end(run)  # also one that was started and has not begun: it is not to begin any more
        elif _hangs(record, look.told_to_end, world.clock.now().wall):
            world.toolkit.kill(run)
        return self._waits(fault, world)

    def _waits(self, fault: Fault, world: World) -> bool:
        """Wait for its process to end, as long as one call may; whether it lives still."""
        began = world.clock.now()
        while (look := world.toolkit.look(run_of(fault), LOOK)).alive:
            if world.clock.now().mono - began.mono > CALL - LOOK:
                return True
        return look.alive


def spec_of(parameters: ToolkitParameters, experiment: Mapping[str, Any]) -> dict[str, Any]:
    """What its process is told: `experiment` is run from its source, and rolled back from here."""
    given = parameters.model_dump(mode="json", exclude={"toolkit", "timeout"})
    return {"source": parameters.toolkit, "experiment": dict(experiment), **given}


def run_of(fault: Fault) -> str:
    """The run's name: a fault's id may come again in a journal that begins anew."""
    return f"{fault.id}-{int(fault.armed_at.wall * 1000):x}"


def _options(parameters: ToolkitParameters) -> dict[str, Any]:
    """What was chosen, for the log. Variables may be secrets."""
    chosen = parameters.model_dump(mode="json", exclude_defaults=True)
    hidden = {"toolkit", "timeout", "var", "settings", "journal_path"}
    return {key: value for key, value in chosen.items() if key not in hidden}


def _owes(fault: Fault, record: Record) -> bool:
    spec = fault.undo["spec"]
    has = bool(spec["experiment"].get("rollbacks"))
    return has and owes_rollbacks(record, strict=bool(spec.get("strict")), written=_strategy(fault, record))


def _strategy(fault: Fault, record: Record) -> str:
    """As the run has settled it; else as it is written."""
    spec = fault.undo["spec"]
    runtime = spec["experiment"].get("runtime") or {}
    written = spec.get("rollback_strategy") or (runtime.get("rollbacks") or {}).get("strategy", "default")
    return record.strategy or str(written)


def _left(fault: Fault, record: Record) -> str:
    """Why what its actions did is left as they left it; empty: it was rolled back, or nothing was done."""
    if not record.begun or not record.acted:
        return ""
    if not fault.undo["spec"]["experiment"].get("rollbacks"):
        return "it has no rollbacks: what its actions did is left as they left it"
    if record.rolled_back and not record.skipped:
        return ""
    if failed := (record.last("rollbacks-ended") or {}).get("failed"):
        return f"rollback failed: {', '.join(failed)}: what its actions did is left as it is now"
    strategy = f"strategy {_strategy(fault, record)}{', strict' if fault.undo['spec'].get('strict') else ''}"
    return f"its rollbacks were not run ({strategy}): what its actions did is left as they left it"


def _hangs(record: Record, told_to_end: float | None, wall: float) -> bool:
    rolling = record.rolling_back
    if rolling is not None:
        return wall - float(rolling["at"]) > ROLLBACKS
    return told_to_end is not None and told_to_end > GRACE


def _not_rolled_back(record: Record, said: str) -> str:
    over = record.last("rollbacks-ended")
    failed = ", ".join((over or {}).get("failed", ()))
    return f"rollback failed: {failed}" if failed else f"its rollbacks could not be run: {said}"
