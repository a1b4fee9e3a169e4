"""Pure: the course of one FIS experiment. `advance` says what to do next; the rest take what became of it.

The states are those of the AWS FIS API reference, ExperimentState and ExperimentActionState. Where the user
guide is silent: an action that fails stops the others, and the experiment fails when they have stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

OVER = frozenset({"completed", "stopped", "failed", "cancelled", "skipped"})
LETS_OTHERS_START = frozenset({"completed", "skipped"})


@dataclass(frozen=True)
class Trouble:
    """Why something failed. `code` and `location` are those of ExperimentError."""

    reason: str
    code: str = "DependentServiceFailure"
    location: str = ""


@dataclass(frozen=True)
class ActionRun:
    """One action; `after` are the names of those that it waits for. Times are epoch seconds."""

    after: tuple[str, ...] = ()
    status: str = "pending"
    reason: str = "Initial state"
    started: float | None = None
    ended: float | None = None


@dataclass(frozen=True)
class Course:
    """One experiment. `ending` is the status and reason that it has once everything in it has stopped."""

    actions: Mapping[str, ActionRun]
    status: str = "pending"
    reason: str = "Experiment is pending."
    ended: float | None = None
    ending: tuple[str, str] = ("", "")
    trouble: Trouble | None = None

    @property
    def over(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.status in OVER

    def having(self, status: str) -> list[str]:
        """Names of the actions with this status."""
        return [name for name, action in self.actions.items() if action.status == status]


@dataclass(frozen=True)
class Work:
    """Something to do: find the targets, or begin, look at or halt one action."""

    kind: Literal["resolve", "begin", "look", "halt"]
    action: str = ""


def planned(after: Mapping[str, Sequence[str]]) -> Course:
    """An experiment that has just been asked for; `after`: action -> those that it waits for."""
    return Course({name: ActionRun(tuple(others)) for name, others in after.items()})


def advance(course: Course, now: float) -> tuple[Course, list[Work]]:
    """One step further: the experiment, and what is to be done in it now."""
    if course.status == "pending":
        return replace(course, status="initiating", reason="Experiment is initiating."), []
    if course.status == "initiating":
        return course, [Work("resolve")]
    if course.over:
        return course, []
    if all(action.status in OVER for action in course.actions.values()):
        return _over(course, now), []
    if course.status == "stopping":
        return course, [Work("halt", name) for name in course.having("stopping")]
    work = [Work("begin", name) for name in course.having("initiating")]
    work += [Work("look", name) for name in course.having("running")]
    return _each(course, _ready(course), _initiate), work


def resolved(course: Course, now: float, skipped: Sequence[str]) -> Course:
    """The targets are known; these actions are skipped."""
    running = replace(course, status="running", reason="Experiment is running.")
    return _each(
        running,
        skipped,
        lambda run: replace(run, status="skipped", reason="Action was skipped.", ended=now),
    )


def begun(course: Course, name: str, now: float) -> Course:
    """The action is in."""
    return _each(
        course,
        [name],
        lambda run: replace(run, status="running", reason="Action is running.", started=now),
    )


def completed(course: Course, name: str, now: float) -> Course:
    """The action has done what it had to."""
    return _each(
        course,
        [name],
        lambda run: replace(run, status="completed", reason="Action was completed.", ended=now),
    )


def halted(course: Course, name: str, now: float) -> Course:
    """The action was stopped before its end."""
    return _each(
        course,
        [name],
        lambda run: replace(run, status="stopped", reason="Action was stopped.", ended=now),
    )


def broken(course: Course, name: str, now: float, trouble: Trouble) -> Course:
    """The action failed; so does the experiment, when the others have stopped."""
    failed = _each(
        course, [name], lambda run: replace(run, status="failed", reason=trouble.reason, ended=now)
    )
    return _failing(failed, replace(trouble, reason=f"Action {name} failed: {trouble.reason}"))


def failed(course: Course, now: float, trouble: Trouble) -> Course:
    """The experiment itself failed: at once, or when the actions that are in have stopped."""
    course = _failing(course, trouble)
    return course if course.having("stopping") else _over(course, now)


def cancelled(course: Course, now: float, reason: str) -> Course:
    """The experiment was not allowed to start."""
    return replace(_halt(course, "cancelled", reason), status="cancelled", reason=reason, ended=now)


def stopped(course: Course, reason: str) -> Course:
    """The experiment is asked to stop; one that is over, or stops already, stays as it is."""
    return course if course.over or course.status == "stopping" else _halt(course, "stopped", reason)


def _halt(course: Course, ending: str, reason: str) -> Course:
    """Nothing begins any more, and what has begun is to be halted."""
    course = _each(
        course,
        [*course.having("pending"), *course.having("initiating")],
        lambda run: replace(run, status="cancelled", reason="Action was cancelled."),
    )
    course = _each(
        course,
        course.having("running"),
        lambda run: replace(run, status="stopping", reason="Action is stopping."),
    )
    return replace(course, status="stopping", reason="Stopping Experiment.", ending=(ending, reason))


def _failing(course: Course, trouble: Trouble) -> Course:
    """The first trouble is the one that counts."""
    first = course.trouble or trouble
    return replace(_halt(course, "failed", first.reason), trouble=first)


def _over(course: Course, now: float) -> Course:
    status, reason = course.ending if course.status == "stopping" else ("completed", "Experiment completed.")
    return replace(course, status=status, reason=reason, ended=now)


def _ready(course: Course) -> list[str]:
    return [
        name
        for name in course.having("pending")
        if all(course.actions[other].status in LETS_OTHERS_START for other in course.actions[name].after)
    ]


def _initiate(run: ActionRun) -> ActionRun:
    return replace(run, status="initiating", reason="Action is initiating.")


def _each(course: Course, names: Sequence[str], change: Callable[[ActionRun], ActionRun]) -> Course:
    changed = {name: change(course.actions[name]) for name in names}
    return replace(course, actions={**course.actions, **changed})
