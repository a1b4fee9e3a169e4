"""Pure: what each event changes in an experiment's state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chaos_engine import answers
from chaos_engine.life import (
    Cleared,
    Event,
    Failed,
    Injected,
    Observed,
    Pending,
    Phase,
    Prepared,
    Stage,
    State,
    Stop,
    Taken,
)
from chaos_engine.model import Fault, Now, Observation, Ran, Seen, Witness
from chaos_engine.moves import (
    absent,
    begin_clearing,
    enter,
    finish,
    poll_again,
    skip,
    with_facts,
    with_step,
    without,
)

CLEAR_BACKOFF = 0.2  # seconds, doubled with each failure
CLEAR_BACKOFF_MOST = 5.0


def evolve(state: State, event: Event, now: Now) -> State:
    """The state after the event. Answers to what is no longer asked change nothing."""
    if state.phase is Phase.DONE:
        return state
    if isinstance(event, Stop):
        return _stopped(state, event, now)
    if event.id in state.overdue:
        return _took_hold_late(state, event, now)
    pending = state.pending.get(event.id)
    if pending is None:
        return state
    state = replace(state, pending=without(state.pending, event.id))
    if isinstance(event, Taken):
        return _taken(state, event, now)
    handlers = _ON_FAILED if isinstance(event, Failed) else _ON_DONE
    return handlers[pending.kind](state, pending, event, now)


def _stopped(state: State, event: Stop, now: Now) -> State:
    state = replace(state, hurry=state.hurry or event.hurry)
    if state.phase is Phase.GATE:
        return finish(replace(state, run=Ran.ABORTED, ended_by=event.by, reason=event.reason), now)
    if state.phase is Phase.RECOVER:
        return finish(state, now) if event.hurry else state
    if state.phase is Phase.CLEAR:
        return state
    run = Ran.COMPLETED if event.planned else Ran.ABORTED
    return begin_clearing(state, now, ended_by=event.by, run=run, reason=event.reason)


# --- effects --------------------------------------------------------------------------------


def _prepared(state: State, pending: Pending, event: Prepared, now: Now) -> State:
    step = state.experiment.steps[pending.step]
    last = max(s.after for s in state.experiment.steps)
    length = last - step.after + state.experiment.hold + state.experiment.judge_timeout
    fault = Fault(
        id=f"{state.id}-{pending.step}",
        experiment=state.id,
        scenario=step.scenario,
        target=step.target,
        parameters=event.parameters,
        undo=event.undo,
        resources=event.resources,
        owner=state.owner,
        epoch=state.epoch,
        armed_at=now,
        deadline=now.plus(length),
        patience=event.patience,
    )
    return with_step(state, pending.step, stage=Stage.ARMING, fault=fault)


def _armed(state: State, pending: Pending, _: Event, __: Now) -> State:
    return with_step(state, pending.step, stage=Stage.INJECTING)


def _not_begun(state: State, _: Pending, event: Failed, now: Now) -> State:
    """Preparing or arming failed: this step has touched nothing, but earlier ones may have."""
    return begin_clearing(state, now, ended_by="error", run=Ran.FAILED, reason=event.error)


def _taken(state: State, event: Taken, now: Now) -> State:
    """Never two faults on one resource: nothing is injected, and what earlier steps did is taken out."""
    if state.nothing_in:
        return skip(state, event.reason, now)
    return begin_clearing(state, now, ended_by="error", run=Ran.FAILED, reason=event.reason)


def _injected(state: State, pending: Pending, event: Injected, now: Now) -> State:
    fault = with_facts(state.steps[pending.step].fault, event)
    state = with_step(state, pending.step, stage=Stage.IN, fault=fault)
    if state.phase is not Phase.INJECT:
        return state
    return enter(replace(state, injected_at=now), Phase.HOLD, now)


def _inject_failed(state: State, pending: Pending, event: Failed, now: Now) -> State:
    """It may have taken hold all the same, now or later: it is cleared, and watched for."""
    scenario = state.experiment.steps[pending.step].scenario
    return begin_clearing(
        state,
        now,
        ended_by="error",
        run=Ran.FAILED,
        reason=f"{scenario} could not be injected: {event.error}",
    )


def _took_hold_late(state: State, event: Any, now: Now) -> State:
    """An injection that was given up has ended: whatever was cleared before is cleared again."""
    step = state.overdue[event.id]
    state = replace(state, overdue=without(state.overdue, event.id))
    if state.phase in (Phase.HOLD, Phase.JUDGE):  # a look that hung: the fault is to be in still
        return _taken(state, event, now) if isinstance(event, Taken) else state
    if isinstance(event, Observed) and not event.seen.again:
        return state
    pending = {i: p for i, p in state.pending.items() if p.kind == "clear" and p.step != step}
    state = replace(state, pending=pending, recovery=(), recovery_over=False)
    fault = with_facts(state.steps[step].fault, event)
    state = with_step(state, step, stage=Stage.IN, fault=fault, retry_at=None)
    # The patience of a clearing under way does not begin anew: a stop has two seconds in all.
    return state if state.phase is Phase.CLEAR else enter(state, Phase.CLEAR, now)


def _observed(state: State, pending: Pending, event: Observed, now: Now) -> State:
    seen, step = event.seen, pending.step
    if seen.details:
        state = with_step(state, step, details={**state.steps[step].details, **seen.details})
    if seen.judgements:
        state = with_step(state, step, judgements=seen.judgements)
    if seen.soon:
        state = poll_again(state, "observe", now)
    match seen.observation:
        case Observation.FELT:
            return replace(state, witness=Witness.FELT)
        case Observation.NOT_FELT if state.witness is Witness.UNWITNESSED:
            return replace(state, witness=Witness.NOT_FELT)
        case Observation.GONE:
            return _fault_gone(state, step, now)
        case Observation.ENDED:
            return _run_over(state, step, seen, now)
        case Observation.FAILED:
            return begin_clearing(state, now, ended_by="error", run=seen.ran, reason=seen.reason)
    return state


def _run_over(state: State, step: int, seen: Seen, now: Now) -> State:
    """It has run its course."""
    ended = now.wall if seen.at is None else seen.at
    state = with_step(replace(state, injected_at=_began(state, seen, now)), step, over=True, ended=ended)
    witness = Witness.FELT if seen.felt else state.witness
    return _end_hold(replace(state, witness=witness), now)


def _began(state: State, seen: Seen, now: Now) -> Now | None:
    """From when on its effects were in. Beside other steps that counts for nothing: theirs were in before."""
    injected = state.injected_at
    if seen.began is None or injected is None or len(state.steps) > 1 or state.phase is not Phase.HOLD:
        return injected
    return now.plus(-min(max(0.0, now.wall - seen.began), now.mono - injected.mono))


def _fault_gone(state: State, step: int, now: Now) -> State:
    """Somebody else took it away."""
    return _end_hold(with_step(state, step, gone=True), now)


def _end_hold(state: State, now: Now) -> State:
    """The hold is over when every fault is gone, or every run is; its end is that of the last run."""
    if state.phase is not Phase.HOLD:
        return state
    if all(step.gone for step in state.steps):
        injected = state.injected_at or now
        after = max(0.0, now.mono - injected.mono)
        state = replace(state, ended_by="repair", hold_ended=now, repaired_after=after)
        return enter(state, Phase.JUDGE, now)
    runs = [s for spec, s in zip(state.experiment.steps, state.steps, strict=True) if spec.runs]
    if not runs or not all(step.over or step.gone for step in runs):
        return state
    if missing := absent(state):
        return begin_clearing(state, now, ended_by="run", run=Ran.FAILED, reason=missing)
    return enter(replace(state, ended_by="run", hold_ended=_last_end(state, now)), Phase.JUDGE, now)


def _last_end(state: State, now: Now) -> Now:
    """When the last run ended; AWS's clock may differ from ours: not before the injection, nor after now."""
    injected = state.injected_at or now
    ended = max((step.ended for step in state.steps if step.ended is not None), default=now.wall)
    return now.plus(-min(max(0.0, now.wall - ended), now.mono - injected.mono))


def _cleared(state: State, pending: Pending, event: Event, now: Now) -> State:
    told = event.details if isinstance(event, Cleared) else {}
    details = {**state.steps[pending.step].details, **told}
    state = with_step(state, pending.step, stage=Stage.OUT, retry_at=None, details=details)
    return replace(state, cleared_at=now) if state.nothing_in else state


def _clear_failed(state: State, pending: Pending, event: Failed, now: Now) -> State:
    failures = state.steps[pending.step].clear_failures + 1
    pause = min(CLEAR_BACKOFF * 2 ** min(failures - 1, 10), CLEAR_BACKOFF_MOST)
    reason = state.reason or f"could not be cleared yet: {event.error}"
    state = with_step(state, pending.step, clear_failures=failures, retry_at=now.plus(pause))
    return replace(state, reason=reason)


def _ignored(state: State, _: Pending, __: Event, ___: Now) -> State:
    return state


_Handler = Callable[[State, Pending, Any, Now], State]
_ON_DONE: dict[str, _Handler] = {
    "gate": answers.gate_answered,
    "abort": answers.abort_answered,
    "repair": answers.repair_answered,
    "hypothesis": answers.hypothesis_answered,
    "recovery": answers.recovery_answered,
    "later": answers.later_answered,
    "prepare": _prepared,
    "arm": _armed,
    "inject": _injected,
    "observe": _observed,
    "clear": _cleared,
}
_ON_FAILED: dict[str, _Handler] = {
    "gate": answers.gate_failed,
    "abort": answers.abort_failed,
    "repair": _ignored,
    "hypothesis": answers.hypothesis_failed,
    "recovery": _ignored,
    "later": answers.later_failed,
    "prepare": _not_begun,
    "arm": _not_begun,
    "inject": _inject_failed,
    "observe": _ignored,
    "clear": _clear_failed,
}
