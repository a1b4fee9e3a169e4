"""The life of one execution: (state, now, answers) -> (state, calls to make). Pure.

How steps follow each other is in AWS's page "Properties shared by all actions": `nextStep`, else the order;
`isEnd` ends it whether the step failed or not; `onFailure` Abort, Continue or a step; a cancelled automation
goes on at the current step's `onCancel`, for at most two minutes. There are no circles: no step runs twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chaos_engine.rehearsal import automation_names as names
from chaos_engine.rehearsal.automation_actions import ACTIONS
from chaos_engine.rehearsal.automation_document import CONTINUE, RefusedError, Step, target_of
from chaos_engine.rehearsal.automation_model import (
    CANCELLED,
    CANCELLING,
    FAILED,
    IN_PROGRESS,
    OVER,
    PENDING,
    SUCCESS,
    TIMED_OUT,
    Answer,
    Call,
    Execution,
    Launch,
    StepRun,
)
from chaos_engine.rehearsal.automation_steps import (
    INVOKING,
    VALIDATING,
    Done,
    Failure,
    Going,
    Moment,
    Outcome,
    act,
)

CLEANUP_LIMIT = 120.0
CALL_LIMIT = 25.0  # "Each aws:executeAwsApi action can run up to a maximum duration of 25 seconds"
TIMEOUT_STAGE = "Timeout"
Turn = tuple[Execution, tuple[Call, ...], bool]  # not moved: there is nothing to do yet


def begun(launch: Launch, step_ids: Sequence[str]) -> Execution:
    """An execution that waits for its first moment. One id for each step."""
    steps = launch.runbook.main_steps
    return Execution(launch, tuple(StepRun(step, id_) for step, id_ in zip(steps, step_ids, strict=True)))


def advance(
    execution: Execution, now: float, answers: Sequence[Answer] = ()
) -> tuple[Execution, tuple[Call, ...]]:
    """As far as it gets now. Each call that is returned is made once, and answered in a later turn."""
    calls: tuple[Call, ...] = ()
    if execution.status == PENDING:
        first = execution.launch.runbook.main_steps[0]
        execution = replace(execution, status=IN_PROGRESS, current=first.name)
    while not execution.over:
        execution, made, moved = _turn(execution, now, answers)
        calls += made
        if not moved:
            break
    return execution, calls


def cancel(execution: Execution, now: float) -> Execution:
    """Cancelling: what is under way ends first, then the current step's onCancel. RefusedError when over."""
    _stoppable(execution)
    if execution.status == PENDING:
        return replace(execution, status=CANCELLED, cancelled=now, ended=now)
    run = replace(_current(execution), status=CANCELLING)
    return replace(_with(execution, run), status=CANCELLING, cancelled=now)


def complete(execution: Execution, now: float) -> Execution:
    """The current step is its last one. RefusedError when it is over."""
    _stoppable(execution)
    if execution.status == PENDING:
        return replace(execution, status=SUCCESS, ended=now)
    return replace(execution, completing=True)


def _stoppable(execution: Execution) -> None:
    if execution.over or execution.status == CANCELLING:
        raise RefusedError(f"the automation {execution.launch.id} is {execution.status}")


def _turn(execution: Execution, now: float, answers: Sequence[Answer]) -> Turn:
    """One move of the current step."""
    run = _current(execution)
    if run.status == CANCELLING:
        return _cancelling(execution, run, now, answers)
    if execution.cancelled is not None and now >= execution.cancelled + CLEANUP_LIMIT:
        return _finished(_with(execution, replace(run, status=CANCELLED, ended=now)), now), (), True
    if run.attempt == 0:
        return _attempt(execution, run, now)
    answer = next((one for one in answers if one.call == run.call), None)
    if answer or _wakes(run, now):
        return _act(execution, replace(run, call=None, wake=None), now, answer)
    late = _lateness(run, now)
    return _failed(execution, run, now, late) if late else (execution, (), False)


def _wakes(run: StepRun, now: float) -> bool:
    """A tick that comes late does not turn an end in time into a timeout."""
    return run.wake is not None and run.wake <= min(now, _deadline(run))


def _lateness(run: StepRun, now: float) -> Failure | None:
    if now >= _deadline(run):
        return Failure(TIMEOUT_STAGE, f"no end after {_timeout(run.step)} seconds")
    if run.call is not None and now >= run.called + CALL_LIMIT:
        return Failure(INVOKING, f"no answer in {CALL_LIMIT:.0f} seconds")
    return None


def _attempt(execution: Execution, run: StepRun, now: float) -> Turn:
    """A first or a further try, from the beginning, with inputs that are resolved anew."""
    started = now if run.started is None else run.started
    run = replace(run, status=IN_PROGRESS, started=started, since=now, attempt=run.attempt + 1)
    run = replace(run, memory="", wake=None, call=None)
    try:
        run = replace(run, inputs=names.inputs(execution, run.step, now))
    except RefusedError as error:
        return _failed(execution, run, now, Failure(VALIDATING, str(error)))
    return _act(execution, run, now, None)


def _act(execution: Execution, run: StepRun, now: float, answer: Answer | None) -> Turn:
    outcome: Outcome = act(run.step.action, Moment(now, run.inputs, run.step.outputs, run.memory, answer))
    if isinstance(outcome, Going):
        return _going(execution, run, outcome, now)
    if isinstance(outcome, Failure):
        return _failed(execution, run, now, outcome)
    return _succeeded(execution, run, outcome, now)


def _going(execution: Execution, run: StepRun, going: Going, now: float) -> Turn:
    run = replace(run, memory=going.memory, wake=going.wake)
    if going.request is None:
        return _with(execution, run), (), True
    call = Call(f"{execution.launch.id}/{execution.calls}", going.request)
    run = replace(run, call=call.id, called=now)
    return replace(_with(execution, run), calls=execution.calls + 1), (call,), True


def _succeeded(execution: Execution, run: StepRun, done: Done, now: float) -> Turn:
    execution = _with(execution, replace(run, status=SUCCESS, ended=now, outputs=done.outputs))
    onward = None if run.step.is_end else execution.launch.runbook.following(run.step)
    return _onward(execution, done.goes_to or onward, now), (), True


def _failed(execution: Execution, run: StepRun, now: float, failure: Failure) -> Turn:
    if run.attempt < run.step.max_attempts:
        return _attempt(execution, run, now)
    status = TIMED_OUT if failure.stage == TIMEOUT_STAGE else FAILED
    run = replace(run, status=status, ended=now, failure=_message(failure), stage=failure.stage)
    execution = _with(execution, replace(run, call=None, wake=None))
    return _onward(execution, _after_failure(execution, run.step), now), (), True


def _after_failure(execution: Execution, step: Step) -> str | None:
    if step.is_end:
        return None
    if step.on_failure == CONTINUE:
        return execution.launch.runbook.following(step)
    return target_of(step.on_failure)


def _cancelling(execution: Execution, run: StepRun, now: float, answers: Sequence[Answer]) -> Turn:
    """A call that is under way may still change something: the clean-up begins when it is answered."""
    waits = run.call is not None and all(answer.call != run.call for answer in answers)
    if waits and now < run.called + CALL_LIMIT:
        return execution, (), False
    execution = _with(execution, replace(run, status=CANCELLED, ended=now, call=None, wake=None))
    return _onward(execution, target_of(run.step.on_cancel), now), (), True


def _onward(execution: Execution, goal: str | None, now: float) -> Execution:
    if goal is None or execution.completing:
        return _finished(execution, now)
    return replace(execution, current=goal)


def _finished(execution: Execution, now: float) -> Execution:
    """The status is that of the first critical step that did not succeed."""
    broken = next((run for run in _in_order(execution) if _breaks(run)), None)
    status = CANCELLED if execution.cancelled is not None else broken.status if broken else SUCCESS
    return replace(
        execution,
        status=status,
        ended=now,
        failure=broken.failure if broken else None,
        outputs=names.outputs(execution),
    )


def _in_order(execution: Execution) -> list[StepRun]:
    return sorted(
        (run for run in execution.runs if run.started is not None), key=lambda run: run.started or 0.0
    )


def _breaks(run: StepRun) -> bool:
    return run.step.critical and run.status in OVER - {SUCCESS, CANCELLED}


def _message(failure: Failure) -> str:
    doing = "timed out" if failure.stage == TIMEOUT_STAGE else f"failed in {failure.stage}"
    guide = "Please refer to Automation Service Troubleshooting Guide for more diagnosis details."
    return f"Step {doing}. {failure.why}. {guide}"


def _timeout(step: Step) -> int | None:
    return step.timeout_seconds or ACTIONS[step.action].timeout


def _deadline(run: StepRun) -> float:
    seconds = _timeout(run.step)
    return float("inf") if seconds is None else run.since + seconds


def _current(execution: Execution) -> StepRun:
    return execution.run(execution.current or "")


def _with(execution: Execution, run: StepRun) -> Execution:
    runs = tuple(run if one.id == run.id else one for one in execution.runs)
    return replace(execution, runs=runs)
