"""Pure: what each event changes in an experiment's state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from chaos_engine.conclusion import conclude, well_since
from chaos_engine.life import (
    Answered,
    Event,
    Failed,
    Injected,
    Observed,
    Pending,
    Phase,
    Prepared,
    Stage,
    State,
    StepState,
    Stop,
)
from chaos_engine.model import (
    Fault,
    Judgement,
    Now,
    Observation,
    Outcome,
    Probe,
    Purpose,
    Ran,
    Witness,
)

ABORT_MISSES = 3  # polls without data that end an experiment
CLEAR_BACKOFF = 0.2  # seconds, doubled with each failure
CLEAR_BACKOFF_MOST = 5.0
LATER_POLL = 2.0

K = TypeVar("K")
V = TypeVar("V")


def evolve(state: State, event: Event, now: Now) -> State:
    """The state after the event. Answers to what is no longer asked change nothing."""
    if state.phase is Phase.DONE:
        return state
    if isinstance(event, Stop):
        return _stopped(state, event, now)
    if event.id in state.overdue:
        return _took_hold_late(state, event.id, now)
    pending = state.pending.get(event.id)
    if pending is None:
        return state
    state = replace(state, pending=without(state.pending, event.id))
    handlers = _ON_FAILED if isinstance(event, Failed) else _ON_DONE
    return handlers[pending.kind](state, pending, event, now)


# --- moving between phases ------------------------------------------------------------------


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
    injecting = {id_: p.step for id_, p in state.pending.items() if p.kind == "inject"}
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


def _give_up_unarmed(step: StepState) -> StepState:
    return step if step.must_clear else replace(step, stage=Stage.OUT)


def _stopped(state: State, event: Stop, now: Now) -> State:
    state = replace(state, hurry=state.hurry or event.hurry)
    if state.phase is Phase.GATE:
        return finish(replace(state, run=Ran.ABORTED, ended_by=event.by, reason=event.reason), now)
    if state.phase is Phase.RECOVER:
        return finish(state, now) if event.hurry else state
    if state.phase is Phase.CLEAR:
        return state
    return begin_clearing(state, now, ended_by=event.by, run=Ran.ABORTED, reason=event.reason)


# --- answers --------------------------------------------------------------------------------


def _gate_answered(state: State, pending: Pending, event: Answered, now: Now) -> State:
    steady = event.judgements[: len(state.experiment.steady)]
    broken = next((j for j in steady if j.outcome is Outcome.BROKEN), None)
    if broken is not None:
        return skip(state, f"{broken.probe}: {broken.reason}", now)
    missing = next((j for j in steady if j.outcome.missing), None)
    if missing is not None:
        return _gate_unanswered(state, f"{missing.probe}: {missing.outcome.value}: {missing.reason}", now)
    return replace(
        state,
        gate_window=event.judgements[0].evidence.window,
        baseline={probe: dict(j.baseline) for probe, j in _by_probe(pending, event).items()},
    )


def _gate_failed(state: State, _: Pending, event: Failed, now: Now) -> State:
    return _gate_unanswered(state, event.error, now)


def _gate_unanswered(state: State, reason: str, now: Now) -> State:
    """Ask again: for one `lookback` at most, in which a full window comes together."""
    lookback, since = state.experiment.lookback, state.gate_since or now
    if now.mono - since.mono >= lookback:
        return skip(state, reason, now)
    pause = min(max(0.5, lookback / 10), 5.0, max(0.05, since.mono + lookback - now.mono))
    return poll_again(state, "gate", now.plus(pause))


def _abort_answered(state: State, _: Pending, event: Answered, now: Now) -> State:
    broken = next((j for j in event.judgements if j.outcome is Outcome.BROKEN), None)
    if broken is not None:
        reason = f"abort condition {broken.probe}: {broken.reason}"
        return begin_clearing(state, now, ended_by="abort", run=Ran.ABORTED, reason=reason)
    missing = next((j for j in event.judgements if j.outcome.missing), None)
    return _abort_missed(state, f"{missing.probe}: {missing.reason}", now) if missing else _abort_held(state)


def _abort_held(state: State) -> State:
    return replace(state, abort_misses=0)


def _abort_failed(state: State, _: Pending, event: Failed, now: Now) -> State:
    return _abort_missed(state, event.error, now)


def _abort_missed(state: State, why: str, now: Now) -> State:
    misses = state.abort_misses + 1
    if misses < ABORT_MISSES:
        return replace(state, abort_misses=misses)
    reason = f"abort conditions had no answer {misses} times running: {why}"
    return begin_clearing(state, now, ended_by="abort", run=Ran.ABORTED, reason=reason)


def _repair_answered(state: State, _: Pending, event: Answered, now: Now) -> State:
    outcomes = {judgement.outcome for judgement in event.judgements}
    if outcomes != {Outcome.PASS}:
        return replace(state, seen_broken=state.seen_broken or Outcome.BROKEN in outcomes)
    return _repaired(state, event.judgements, now) if state.seen_broken else state


def _repaired(state: State, judgements: tuple[Judgement, ...], now: Now) -> State:
    injected = state.injected_at or now
    after = well_since(judgements, now.wall) - injected.wall
    state = replace(state, repaired_after=max(0.0, after), ended_by="repair", hold_ended=now)
    return enter(state, Phase.JUDGE, now)


def _hypothesis_answered(state: State, pending: Pending, event: Answered, now: Now) -> State:
    state = _keep(state, _by_probe(pending, event, Purpose.HYPOTHESIS))
    seen = _by_probe(pending, event, Purpose.WITNESS)
    state = replace(state, witness=_witness(state.witness, tuple(seen.values())))
    return begin_clearing(state, now, ended_by="time", run=Ran.COMPLETED)


def _hypothesis_failed(state: State, _: Pending, __: Failed, now: Now) -> State:
    return begin_clearing(state, now, ended_by="time", run=Ran.COMPLETED)


def _witness(seen: Witness, judgements: tuple[Judgement, ...]) -> Witness:
    outcomes = {judgement.outcome for judgement in judgements}
    if seen is Witness.FELT or Outcome.PASS in outcomes:
        return Witness.FELT
    return Witness.NOT_FELT if Outcome.BROKEN in outcomes else seen


def _recovery_answered(state: State, _: Pending, event: Answered, __: Now) -> State:
    state = replace(state, recovery=event.judgements)
    if all(judgement.outcome is Outcome.PASS for judgement in event.judgements):
        return replace(state, recovery_over=True)
    return state


def _later_answered(state: State, pending: Pending, event: Answered, now: Now) -> State:
    answers = _by_probe(pending, event)
    final: dict[Probe, Judgement] = {}
    waiting = []
    for later in state.later:
        judgement = answers.get(later.question.probe)
        if judgement is None or (judgement.outcome.missing and now.wall < later.give_up):
            waiting.append(later)
        else:
            final[later.question.probe] = judgement
    return poll_again(replace(_keep(state, final), later=tuple(waiting)), "later", now.plus(LATER_POLL))


def _later_failed(state: State, _: Pending, __: Failed, now: Now) -> State:
    waiting = tuple(later for later in state.later if now.wall < later.give_up)
    return poll_again(replace(state, later=waiting), "later", now.plus(LATER_POLL))


def _by_probe(pending: Pending, event: Answered, purpose: Purpose | None = None) -> dict[Probe, Judgement]:
    """The answers, by what was asked: two probes of one URL have one label."""
    answers = zip(pending.questions, event.judgements, strict=True)
    return {q.probe: judgement for q, judgement in answers if purpose in (None, q.purpose)}


def _keep(state: State, judgements: Mapping[Probe, Judgement]) -> State:
    return replace(state, judgements={**state.judgements, **judgements})


def poll_again(state: State, kind: str, moment: Now) -> State:
    """Do not ask this kind of question before the moment."""
    return replace(state, next_ask={**state.next_ask, kind: moment})


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
    )
    return with_step(state, pending.step, stage=Stage.ARMING, fault=fault)


def _armed(state: State, pending: Pending, _: Event, __: Now) -> State:
    return with_step(state, pending.step, stage=Stage.INJECTING)


def _not_begun(state: State, pending: Pending, event: Failed, now: Now) -> State:
    """Preparing or arming failed: this step has touched nothing, but earlier ones may have."""
    state = with_step(state, pending.step, stage=Stage.OUT)
    return begin_clearing(state, now, ended_by="error", run=Ran.FAILED, reason=event.error)


def _injected(state: State, pending: Pending, _: Injected, now: Now) -> State:
    state = with_step(state, pending.step, stage=Stage.IN)
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


def _took_hold_late(state: State, id_: int, now: Now) -> State:
    """An injection that was given up has ended: whatever was cleared before is cleared again."""
    step = state.overdue[id_]
    pending = {i: p for i, p in state.pending.items() if not (p.kind == "clear" and p.step == step)}
    state = replace(state, overdue=without(state.overdue, id_), pending=pending)
    state = replace(state, recovery=(), recovery_over=False)
    state = with_step(state, step, stage=Stage.IN, retry_at=None)
    # The patience of a clearing under way does not begin anew: a stop has two seconds in all.
    return state if state.phase is Phase.CLEAR else enter(state, Phase.CLEAR, now)


def _observed(state: State, pending: Pending, event: Observed, now: Now) -> State:
    if event.observation is Observation.FELT:
        return replace(state, witness=Witness.FELT)
    if event.observation is Observation.NOT_FELT and state.witness is Witness.UNWITNESSED:
        return replace(state, witness=Witness.NOT_FELT)
    if event.observation is Observation.GONE:
        return _fault_gone(state, pending.step, now)
    return state


def _fault_gone(state: State, step: int, now: Now) -> State:
    """Somebody else took it away: when all are gone, the hold is over."""
    state = with_step(state, step, gone=True)
    if state.phase is not Phase.HOLD or not all(s.gone for s in state.steps):
        return state
    injected = state.injected_at or now
    state = replace(
        state, ended_by="repair", hold_ended=now, repaired_after=max(0.0, now.mono - injected.mono)
    )
    return enter(state, Phase.JUDGE, now)


def _cleared(state: State, pending: Pending, _: Event, now: Now) -> State:
    state = with_step(state, pending.step, stage=Stage.OUT, retry_at=None)
    return replace(state, cleared_at=now) if state.nothing_in else state


def _clear_failed(state: State, pending: Pending, event: Failed, now: Now) -> State:
    failures = state.steps[pending.step].clear_failures + 1
    pause = min(CLEAR_BACKOFF * 2 ** min(failures - 1, 10), CLEAR_BACKOFF_MOST)
    reason = state.reason or f"could not be cleared yet: {event.error}"
    state = with_step(state, pending.step, clear_failures=failures, retry_at=now.plus(pause))
    return replace(state, reason=reason)


def _ignored(state: State, _: Pending, __: Event, ___: Now) -> State:
    return state


def with_step(state: State, index: int, **changes: Any) -> State:
    """The state with one step changed."""
    steps = list(state.steps)
    steps[index] = replace(steps[index], **changes)
    return replace(state, steps=tuple(steps))


def without(mapping: Mapping[K, V], key: K) -> dict[K, V]:
    """The mapping less one key."""
    return {k: v for k, v in mapping.items() if k != key}


_Handler = Callable[[State, Pending, Any, Now], State]
_ON_DONE: dict[str, _Handler] = {
    "gate": _gate_answered,
    "abort": _abort_answered,
    "repair": _repair_answered,
    "hypothesis": _hypothesis_answered,
    "recovery": _recovery_answered,
    "later": _later_answered,
    "prepare": _prepared,
    "arm": _armed,
    "inject": _injected,
    "observe": _observed,
    "clear": _cleared,
}
_ON_FAILED: dict[str, _Handler] = {
    "gate": _gate_failed,
    "abort": _abort_failed,
    "repair": _ignored,
    "hypothesis": _hypothesis_failed,
    "recovery": _ignored,
    "later": _later_failed,
    "prepare": _not_begun,
    "arm": _not_begun,
    "inject": _inject_failed,
    "observe": _ignored,
    "clear": _clear_failed,
}
