"""Pure: the life of one experiment as a state machine.

`evolve(state, event, now)` takes in what happened; `decide(state, now, context)` says what is to be done
next, as data. Neither sleeps, reads a clock, or touches the world.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from chaos_engine import questions as asking
from chaos_engine.life import (
    Action,
    Arm,
    Ask,
    Clear,
    Failed,
    Inject,
    Observe,
    Pending,
    Phase,
    Prepare,
    Stage,
    State,
    StepState,
)
from chaos_engine.model import Experiment, Hypothesis, Now, Question, Ran, Window
from chaos_engine.moves import absent, begin_clearing, enter, finish, may_inject, poll_again, with_step
from chaos_engine.transitions import evolve

__all__ = ["Context", "begin", "decide", "evolve", "wake_at"]

EFFECT_TIMEOUT = 10.0  # seconds for preparing, injecting, observing
CLEAR_TIMEOUT = 5.0  # then it is tried again beside the one that hangs: clearing is idempotent
GATE_BUDGET = 5.0
RECOVERY_POLL = 1.0
MOST_LOOK = 15.0
RUN_PATIENCE = 300.0  # for stopping a run: AWS undoes what it did before it says stopped
CLEAR_PATIENCE = 60.0  # then the experiment ends with `left`; the engine goes on trying
HURRY_PATIENCE = 1.0  # how long a hurried end waits at least for a clearing, or an injection that hangs
GRACE = 0.5  # between a budget that the sources know and our own patience

_Decision = tuple[State, tuple[Action, ...]]


@dataclass(frozen=True, slots=True)
class Context:
    """What an experiment needs to know of the others."""

    blackouts: tuple[Window, ...] = ()  # times of our own faults, of other experiments too
    others_in: bool = False  # another experiment's fault is in
    clearing: bool = False  # a fault that was left in is still to be cleared: nothing new goes in
    inject_after: Now | None = None  # `min_interval` after the last injection


def begin(id_: str, experiment: Experiment, owner: str, epoch: int, now: Now) -> State:
    """An experiment at its gate. A preview has no hypothesis: there is nothing to judge it by."""
    if experiment.preview:
        experiment = replace(experiment, hypothesis=Hypothesis())
    return State(id_, experiment, owner, epoch, Phase.GATE, now, tuple(StepState() for _ in experiment.steps))


def decide(state: State, now: Now, context: Context) -> _Decision:
    """What is to be done now. Each action is answered by an event with the action's id."""
    state = _time_out(state, now)
    actions: tuple[Action, ...] = ()
    while state.phase is not Phase.DONE:
        phase = state.phase
        state, wanted = _DECIDE[phase](state, now, context)
        actions += wanted
        if state.phase is phase:
            break
    return state, actions


def wake_at(state: State, now: Now, context: Context) -> Now | None:
    """When there may be something to decide again, if no event comes before."""
    moments = [p.due for p in state.pending.values()]
    moments += [m for m in (state.deadline, state.hold_ends, context.inject_after) if m is not None]
    moments += [m for kind, m in state.next_ask.items() if not _is_pending(state, kind)]
    moments += [step.retry_at for step in state.steps if step.retry_at is not None]
    if state.injected_at is not None:
        moments += [state.injected_at.plus(step.after) for step in state.experiment.steps]
    if state.phase is Phase.CLEAR:
        moments.append(_patience_ends(state))
    if state.phase is Phase.RECOVER:
        moments.append(_recovery_ends(state))
        moments += [now.plus(later.not_before - now.wall) for later in state.later]
    ahead = [m for m in moments if m.mono > now.mono]
    return min(ahead, key=lambda m: m.mono, default=None)


def _time_out(state: State, now: Now) -> State:
    for id_, pending in tuple(state.pending.items()):
        if now.mono >= pending.due.mono and id_ in state.pending:
            hung = may_inject(state, pending)
            state = evolve(state, Failed(id_, f"no answer to {pending.kind} in time"), now)
            if hung:
                state = replace(state, overdue={**state.overdue, id_: pending.step})
    return state


# --- one decision a phase -------------------------------------------------------------------


def _gate(state: State, now: Now, context: Context) -> _Decision:
    early = context.inject_after is not None and now.mono < context.inject_after.mono
    overlaps = context.others_in and not state.experiment.overlapping_gate
    if early or overlaps or context.clearing:
        return replace(state, gate_since=None, gate_window=None), ()
    asked = asking.gate(state, now, context.blackouts)
    if not asked or state.gate_window is not None:
        return enter(state, Phase.INJECT, now), ()
    state = replace(state, gate_since=state.gate_since or now)
    return _ask(state, now, "gate", asked, GATE_BUDGET)


def _inject(state: State, now: Now, context: Context) -> _Decision:
    if _overdue(state, now):
        return begin_clearing(state, now, ended_by="deadline", run=Ran.FAILED, reason="injected too late"), ()
    return _work_on_steps(state, now, context)


def _hold(state: State, now: Now, context: Context) -> _Decision:
    ends = state.hold_ends
    over = ends is not None and now.mono >= ends.mono
    wrong = absent(state) or _unended(state)
    if _overdue(state, now) or (over and wrong):
        run = Ran.FAILED if wrong else Ran.COMPLETED
        by = "time" if over else "deadline"
        # An engine that stood still judges the hold, not the time in which nobody knows what was in.
        state = replace(state, hold_ended=ends if over else now)
        return begin_clearing(state, now, ended_by=by, run=run, reason=wrong), ()
    if over:
        return enter(replace(state, hold_ended=now, ended_by="time"), Phase.JUDGE, now), ()
    state, steps = _work_on_steps(state, now, context)
    state, seen = _observe(state, now)
    state, watched = _watch(state, now)
    state, repair = _look_for_repair(state, now)
    return state, steps + seen + watched + repair


def _unended(state: State) -> str:
    """Which fault that should have ended by itself has not, in a sentence."""
    for spec, step in zip(state.experiment.steps, state.steps, strict=True):
        if spec.runs and not (step.over or step.gone):
            return f"{spec.scenario} had not ended {state.experiment.hold:g} s after it began"
    return ""


def _judge(state: State, now: Now, _: Context) -> _Decision:
    if _overdue(state, now):
        return begin_clearing(state, now, ended_by="deadline", run=Ran.COMPLETED), ()
    if state.judge_asked:
        return _watch(state, now)
    asked = asking.hypothesis(state) + asking.witness(state)
    if not asked:
        return begin_clearing(state, now, ended_by="time", run=Ran.COMPLETED), ()
    state = replace(state, judge_asked=True)
    return _ask(state, now, "hypothesis", asked, _judge_budget(state, now))


def _clear(state: State, now: Now, _: Context) -> _Decision:
    patient = now.mono < _patience_ends(state).mono
    if not state.nothing_in:
        return _clearings(state, now) if patient else (finish(state, now), ())
    if state.hurry and state.overdue and patient:
        return state, ()
    if state.hurry or state.injected_at is None:
        return finish(state, now), ()
    later = asking.later(state) if state.run is Ran.COMPLETED else ()
    return enter(replace(state, later=later), Phase.RECOVER, now), ()


def _patience_ends(state: State) -> Now:
    """When a clearing, or an injection that hangs, is waited for no longer."""
    if state.hurry:
        asked = [step.fault.patience for step in state.steps if step.fault is not None]
        return state.since.plus(max([HURRY_PATIENCE, *asked]))
    return state.since.plus(RUN_PATIENCE if state.experiment.runs else CLEAR_PATIENCE)


def _recover(state: State, now: Now, _: Context) -> _Decision:
    cleared = state.cleared_at or state.since
    given_up = now.mono >= _recovery_ends(state).mono
    watched = state.experiment.recovers and state.experiment.steady
    over = state.recovery_over or given_up or not watched
    if over and not state.later:
        return finish(state, now), ()
    asked: tuple[Action, ...] = ()
    if not over:
        state, asked = _ask_recovery(state, cleared, now)
    state, later = _ask_later(state, now)
    return state, asked + later


def _recovery_ends(state: State) -> Now:
    return (state.cleared_at or state.since).plus(state.experiment.recovery_timeout)


_DECIDE: dict[Phase, Callable[[State, Now, Context], _Decision]] = {
    Phase.GATE: _gate,
    Phase.INJECT: _inject,
    Phase.HOLD: _hold,
    Phase.JUDGE: _judge,
    Phase.CLEAR: _clear,
    Phase.RECOVER: _recover,
}


# --- questions ------------------------------------------------------------------------------


def _ask(state: State, now: Now, kind: str, asked: tuple[Question, ...], budget: float) -> _Decision:
    """Ask, unless it is being asked, or was asked too recently."""
    due = state.next_ask.get(kind)
    if not asked or _is_pending(state, kind) or (due is not None and now.mono < due.mono):
        return state, ()
    action = Ask(state.next_id, asked, budget)
    return _issue(state, kind, -1, now.plus(budget + GRACE), asked), (action,)


def _watch(state: State, now: Now) -> _Decision:
    """The abort conditions."""
    poll = state.experiment.abort_poll
    state, actions = _ask(state, now, "abort", asking.abort(state, now), poll)
    return (poll_again(state, "abort", now.plus(poll)) if actions else state), actions


def _look_for_repair(state: State, now: Now) -> _Decision:
    if not state.experiment.until_repaired or state.injected_at is None or absent(state):
        return state, ()
    asked = asking.recovery(state, state.injected_at, now)
    state, actions = _ask(state, now, "repair", asked, state.experiment.abort_poll)
    return (poll_again(state, "repair", now.plus(RECOVERY_POLL)) if actions else state), actions


def _ask_recovery(state: State, cleared: Now, now: Now) -> _Decision:
    asked = asking.recovery(state, cleared, now)
    state, actions = _ask(state, now, "recovery", asked, GATE_BUDGET)
    return (poll_again(state, "recovery", now.plus(RECOVERY_POLL)) if actions else state), actions


def _ask_later(state: State, now: Now) -> _Decision:
    due = tuple(later.question for later in state.later if now.wall >= later.not_before)
    return _ask(state, now, "later", due, GATE_BUDGET)


def _judge_budget(state: State, now: Now) -> float:
    """As long as the fault may stay, less what it takes to hear the answer."""
    deadline = state.deadline
    left = state.experiment.judge_timeout if deadline is None else deadline.mono - now.mono
    return max(0.1, min(left, state.experiment.judge_timeout) - 2 * GRACE)


# --- effects --------------------------------------------------------------------------------


def _work_on_steps(state: State, now: Now, context: Context) -> _Decision:
    """Steps go in one after another: prepare, arm, inject."""
    for index, step in enumerate(state.steps):
        if step.stage in (Stage.PREPARING, Stage.ARMING, Stage.INJECTING):
            return _push(state, index, step, now)
        if step.stage is Stage.WAITING:
            return (state, ()) if context.clearing else _start_step(state, index, now)
    return state, ()


def _start_step(state: State, index: int, now: Now) -> _Decision:
    after = state.experiment.steps[index].after
    if state.injected_at is not None and now.mono < state.injected_at.mono + after:
        return state, ()
    action = Prepare(state.next_id, index)
    state = _issue(state, "prepare", index, now.plus(EFFECT_TIMEOUT))
    return with_step(state, index, stage=Stage.PREPARING), (action,)


def _push(state: State, index: int, step: StepState, now: Now) -> _Decision:
    if step.fault is None or any(
        p.step == index and p.kind in ("arm", "inject") for p in state.pending.values()
    ):
        return state, ()
    kind, action = _next_action(state.next_id, index, step)
    return _issue(state, kind, index, now.plus(EFFECT_TIMEOUT)), (action,)


def _next_action(id_: int, index: int, step: StepState) -> tuple[str, Action]:
    assert step.fault is not None  # noqa: S101
    if step.stage is Stage.ARMING:
        return "arm", Arm(id_, index, step.fault)
    return "inject", Inject(id_, index, step.fault)


def _observe(state: State, now: Now) -> _Decision:
    """Look at every fault that is in, and not over. One that is being looked at is not looked at again.

    Nor where a look hangs that may yet inject it: of several such looks nobody could tell which is the last.
    """
    due = state.next_ask.get("observe")
    if due is not None and now.mono < due.mono:
        return state, ()
    actions: list[Action] = []
    for index, step in enumerate(state.steps):
        asked = any(p.kind == "observe" and p.step == index for p in state.pending.values())
        busy = asked or index in state.overdue.values()
        if step.stage is Stage.IN and step.fault is not None and not (step.gone or step.over or busy):
            actions.append(Observe(state.next_id, index, step.fault))
            state = _issue(state, "observe", index, now.plus(EFFECT_TIMEOUT))
    return poll_again(state, "observe", now.plus(_look_again_after(state, now))), tuple(actions)


def _look_again_after(state: State, now: Now) -> float:
    """Seconds: a run is looked at ever less often, at most a tenth late."""
    poll = state.experiment.abort_poll
    if not state.experiment.runs or state.injected_at is None:
        return poll
    return max(poll, min(MOST_LOOK, (now.mono - state.injected_at.mono) / 10))


def _clearings(state: State, now: Now) -> _Decision:
    """Undo in reverse order what may be in; try again what failed."""
    actions: list[Action] = []
    for index, step in reversed(tuple(enumerate(state.steps))):
        waiting = step.retry_at is not None and now.mono < step.retry_at.mono
        busy = any(p.kind == "clear" and p.step == index for p in state.pending.values())
        if step.must_clear and step.fault is not None and not waiting and not busy:
            actions.append(Clear(state.next_id, index, step.fault))
            state = _issue(state, "clear", index, now.plus(CLEAR_TIMEOUT))
    return state, tuple(actions)


def _issue(state: State, kind: str, step: int, due: Now, questions: tuple[Question, ...] = ()) -> State:
    pending = {**state.pending, state.next_id: Pending(kind, step, due, questions)}
    return replace(state, pending=pending, next_id=state.next_id + 1)


def _is_pending(state: State, kind: str) -> bool:
    return any(pending.kind == kind for pending in state.pending.values())


def _overdue(state: State, now: Now) -> bool:
    deadline = state.deadline
    return deadline is not None and now.reached(deadline)
