"""Pure: what of an experiment is kept in the journal, so that the next engine can go on with it.

Only a hold, and its judging, can be gone on with: what was being injected or cleared when the engine died
may or may not have happened.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cache

from pydantic import ConfigDict, TypeAdapter, ValidationError

from chaos_engine.life import Phase, Stage, State, StepState
from chaos_engine.model import Fault, Now, Probe

RESUMABLE = (Phase.HOLD, Phase.JUDGE)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One experiment at one moment. `began`: wall time of its start; `baseline` is the state's, as pairs."""

    __pydantic_config__ = ConfigDict(ser_json_inf_nan="constants")

    state: State
    baseline: tuple[tuple[Probe, Mapping[str, float]], ...]
    began: float
    taken: Now


def take(state: State, began: float, now: Now) -> Snapshot:
    """The snapshot of an experiment: without what only its own engine waits for."""
    kept = replace(
        state, pending={}, overdue={}, next_ask={}, baseline={}, judge_asked=False, later=(),
        steps=tuple(_settled(step) for step in state.steps),
    )  # fmt: skip
    return Snapshot(kept, tuple(state.baseline.items()), began, now)


def revived(snapshot: Snapshot, faults: Mapping[str, Fault], now: Now) -> State:
    """The state to go on with now. `faults`: those that are in, by id, with their new epochs."""
    steps = tuple(
        replace(step, fault=faults[step.fault.id]) if step.fault else step for step in snapshot.state.steps
    )
    epoch = max(fault.epoch for fault in faults.values())
    baseline = dict(snapshot.baseline)
    return replace(snapshot.state, steps=steps, epoch=epoch, baseline=baseline, resumed_at=now)


def essence(state: State) -> Hashable:
    """What makes a new snapshot worth its write when it has changed."""
    stages = tuple((step.stage, step.gone, step.over) for step in state.steps)
    return state.phase, stages, state.hold_ended, state.witness, state.seen_broken


def dump(snapshot: Snapshot) -> str:
    """As JSON."""
    return _codec().dump_json(snapshot).decode()


def load(text: str) -> Snapshot | None:
    """From JSON; None where another version wrote it, in other words."""
    try:
        return _codec().validate_json(text)
    except ValidationError:
        return None


def _settled(step: StepState) -> StepState:
    """A step that was about to go in begins anew: it has touched nothing, or its intent is in the ledger."""
    return step if step.stage in (Stage.IN, Stage.OUT) else StepState()


@cache
def _codec() -> TypeAdapter[Snapshot]:
    return TypeAdapter(Snapshot)
