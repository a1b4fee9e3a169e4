"""The state of one experiment, what it may ask the engine to do, and what it is told back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chaos_engine.model import (
    Activity,
    Experiment,
    Fault,
    Judgement,
    Now,
    Probe,
    Question,
    Ran,
    Result,
    Seen,
    Window,
    Witness,
)


class Phase(StrEnum):
    """Where an experiment is; see the life of an experiment in `docs/how-it-works.md`."""

    GATE = "gate"
    INJECT = "inject"
    HOLD = "hold"
    JUDGE = "judge"
    CLEAR = "clear"
    RECOVER = "recover"
    DONE = "done"


class Stage(StrEnum):
    """Where one fault of an experiment is."""

    WAITING = "waiting"
    PREPARING = "preparing"
    ARMING = "arming"
    INJECTING = "injecting"  # from here on it must be cleared, whatever the scenario reports
    IN = "in"
    OUT = "out"


# --- what the engine is asked to do ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """Put questions to the sources; answered by Answered."""

    id: int
    questions: tuple[Question, ...]
    budget: float  # seconds


@dataclass(frozen=True, slots=True)
class Prepare:
    """Draw the parameters of a step and find out how to undo it; answered by Prepared."""

    id: int
    step: int


@dataclass(frozen=True, slots=True)
class Arm:
    """Put the intent on disk; answered by Armed."""

    id: int
    step: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Inject:
    """Let the scenario act; answered by Injected."""

    id: int
    step: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Observe:
    """Let the scenario look at its fault in the world; answered by Observed."""

    id: int
    step: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Clear:
    """Let the scenario undo the fault, and look that it is undone; answered by Cleared."""

    id: int
    step: int
    fault: Fault


Action = Ask | Prepare | Arm | Inject | Observe | Clear


# --- what it is told ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answered:
    """One judgement for each question, in order."""

    id: int
    judgements: tuple[Judgement, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Parameters, undo information and the resources that the fault will occupy."""

    id: int
    parameters: Mapping[str, Any]
    undo: Mapping[str, Any]
    resources: tuple[str, ...]
    patience: float = 1.0


@dataclass(frozen=True, slots=True)
class Armed:
    """The intent is on disk."""

    id: int


@dataclass(frozen=True, slots=True)
class Injected:
    """The scenario has acted. `facts`: what undoing it needs to know, and only now is known."""

    id: int
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observed:
    """What the scenario saw. `activities`: all that it has to tell of the fault so far."""

    id: int
    seen: Seen
    activities: tuple[Activity, ...] = ()


@dataclass(frozen=True, slots=True)
class Cleared:
    """The fault is out, and was seen to be out. `activities`, `details`: all that there is to tell of it."""

    id: int
    activities: tuple[Activity, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """The action did not succeed, or not in time."""

    id: int
    error: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What the step would hurt is being hurt by somebody else, or its duty has passed to somebody else."""

    id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """End now: an operator, a halt or a signal.

    `hurry`: do not wait for the recovery. `planned`: the fault was to be in until now, so it is no abort.
    """

    by: str
    reason: str
    hurry: bool = False
    planned: bool = False


Event = Answered | Prepared | Armed | Injected | Observed | Cleared | Failed | Taken | Stop


# --- state ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StepState:
    """One step's fault: how far it is."""

    stage: Stage = Stage.WAITING
    fault: Fault | None = None
    gone: bool = False  # somebody else took it away
    over: bool = False  # it has run its course
    ended: float | None = None  # wall time of its end, where that is known
    details: Mapping[str, Any] = field(default_factory=dict)  # what the scenario told last
    judgements: tuple[Judgement, ...] = ()  # what the run has judged itself
    clear_failures: int = 0
    retry_at: Now | None = None

    @property
    def must_clear(self) -> bool:
        """Whether there may be something in the world to undo."""
        return self.stage in (Stage.INJECTING, Stage.IN)


@dataclass(frozen=True, slots=True)
class Pending:
    """An action that is under way, and when it counts as failed."""

    kind: str
    step: int
    due: Now
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True)
class Later:
    """A question that is asked after the clearing, not before a moment, and given up at another."""

    question: Question
    not_before: float  # wall
    give_up: float  # wall


@dataclass(frozen=True, slots=True)
class State:
    """All that is known of one experiment."""

    id: str
    experiment: Experiment
    owner: str
    epoch: int
    phase: Phase
    since: Now  # when the phase began
    steps: tuple[StepState, ...]
    pending: Mapping[int, Pending] = field(default_factory=dict)
    overdue: Mapping[int, int] = field(default_factory=dict)  # injections that may still take hold -> step
    next_id: int = 0
    next_ask: Mapping[str, Now] = field(default_factory=dict)  # kind of poll -> not before
    gate: tuple[Judgement, ...] = ()  # the steady state before the injection, as it was answered last
    gate_window: Window | None = None
    gate_since: Now | None = None  # when nothing but the probes was waited for
    baseline: Mapping[Probe, Mapping[str, float]] = field(default_factory=dict)  # series -> mean
    injected_at: Now | None = None
    hold_ended: Now | None = None
    judge_asked: bool = False
    cleared_at: Now | None = None
    run: Ran = Ran.COMPLETED
    ended_by: str = ""
    reason: str = ""
    hurry: bool = False
    resumed_at: Now | None = None  # another engine goes on with it since then
    witness: Witness = Witness.UNWITNESSED
    abort_misses: int = 0
    seen_broken: bool = False
    repaired_after: float | None = None
    judgements: Mapping[Probe, Judgement] = field(default_factory=dict)  # of the hypothesis
    later: tuple[Later, ...] = ()
    recovery: tuple[Judgement, ...] = ()
    recovery_over: bool = False
    result: Result | None = None

    @property
    def nothing_in(self) -> bool:
        """Whether no fault of it needs clearing."""
        return not any(step.must_clear for step in self.steps)

    @property
    def deadline(self) -> Now | None:
        """The earliest of the faults in, on each clock: one set between two armings orders them anew."""
        ends = [step.fault.deadline for step in self.steps if step.fault is not None and step.must_clear]
        return Now(min(end.wall for end in ends), min(end.mono for end in ends)) if ends else None

    @property
    def hold_ends(self) -> Now | None:
        """When the fault has been held long enough: counted from the last step's offset."""
        if self.injected_at is None:
            return None
        return self.injected_at.plus(max(s.after for s in self.experiment.steps) + self.experiment.hold)

    @property
    def fault_in(self) -> bool:
        """Whether a fault of it is in the world, may be, or is about to be."""
        return self.phase in (Phase.INJECT, Phase.HOLD, Phase.JUDGE, Phase.CLEAR)
