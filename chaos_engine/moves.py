"""Pure: the moves that an experiment's state makes, whatever caused them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from chaos_engine.conclusion import conclude
from chaos_engine.life import Cleared, Injected, Observed, Pending, Phase, Stage, State, StepState
from chaos_engine.model import Fault, Now, Ran

K = TypeVar("K")
V = TypeVar("V")


def enter(state: State, phase: Phase, now: Now) -> State:
    """Begin a phase."""
    return replace(state, phase=phase, since=now)


def finish(state: State, now: Now) -> State:
    """End the experiment with what is known."""
    return replace(enter(state, Phase.DONE, now), pending={}, result=conclude(state))


def skip(state: State, reason: str, now: Now) -> State:
    """The gate was not passed: nothing was injected."""
    return finish(replace(state, run=Ran.SKIPPED, reason=reason), now)


def begin_clearing(state: State, now: Now, *, ended_by: str, run: Ran, reason: str = "") -> State:
    """Take everything out. Injections under way may still take hold: they are watched for."""
    injecting = {id_: p.step for id_, p in state.pending.items() if may_inject(state, p)}
    state = replace(
        state,
        pending={},
        overdue={**state.overdue, **injecting},
        hold_ended=state.hold_ended or now,
        # What aborts it while it is judged counts more than what ended the hold.
        ended_by=state.ended_by if run is Ran.COMPLETED and state.ended_by else ended_by,
        run=run if state.run is Ran.COMPLETED else state.run,
        reason=state.reason or reason,
        steps=tuple(_give_up_unarmed(step) for step in state.steps),
    )
    return enter(state, Phase.CLEAR, now)


def may_inject(state: State, pending: Pending) -> bool:
    """Also a look at a fault that is injected again where its target was restarted."""
    if pending.kind != "observe":
        return pending.kind == "inject"
    return injected_by_looks(state.steps[pending.step].fault)


def injected_by_looks(fault: Fault | None) -> bool:
    """Whether a look at it injects it again, where its target was restarted."""
    return fault is not None and fault.parameters.get("on_restart") == "again"


def is_out(state: State, event: Any) -> bool:
    """Whether it shows that a fault is out for good: its clearing, or the end of what might have undone that.

    Not where an injection that hangs may still take hold. Nor where nobody waits for this clearing any more:
    it may have been over before that happened.
    """
    if isinstance(event, Cleared):
        pending = state.pending.get(event.id)
        return pending is not None and pending.step not in state.overdue.values()
    if not isinstance(event, Observed) or event.seen.again or event.id not in state.overdue:
        return False
    step = state.overdue[event.id]
    return state.steps[step].stage is Stage.OUT and step not in without(state.overdue, event.id).values()


def _give_up_unarmed(step: StepState) -> StepState:
    return step if step.must_clear else replace(step, stage=Stage.OUT)


def absent(state: State) -> str:
    """Which step's fault never went in, in a sentence; empty: all are in. What is not in proves nothing."""
    for spec, step in zip(state.experiment.steps, state.steps, strict=True):
        if step.stage is not Stage.IN:
            return f"{spec.scenario} was not in {spec.target.name} by the end of the hold"
    return ""


def poll_again(state: State, kind: str, moment: Now) -> State:
    """Do not ask this kind of question before the moment."""
    return replace(state, next_ask={**state.next_ask, kind: moment})


def with_step(state: State, index: int, **changes: Any) -> State:
    """The state with one step changed."""
    steps = list(state.steps)
    steps[index] = replace(steps[index], **changes)
    return replace(state, steps=tuple(steps))


def without(mapping: Mapping[K, V], key: K) -> dict[K, V]:
    """The mapping less one key."""
    return {k: v for k, v in mapping.items() if k != key}


def with_facts(fault: Fault | None, event: Any) -> Fault | None:
    """The fault with what its injection has told of how to undo it."""
    if fault is None or not isinstance(event, Injected) or not event.facts:
        return fault
    return replace(fault, undo={**fault.undo, **event.facts})
