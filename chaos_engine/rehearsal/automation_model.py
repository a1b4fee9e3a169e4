"""The words of an automation that runs: the launch, each step's run, calls and their answers. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chaos_engine.rehearsal.automation_document import Runbook, Step

PENDING, IN_PROGRESS, SUCCESS, FAILED = "Pending", "InProgress", "Success", "Failed"
TIMED_OUT, CANCELLING, CANCELLED = "TimedOut", "Cancelling", "Cancelled"
OVER = frozenset({SUCCESS, FAILED, TIMED_OUT, CANCELLED})


@dataclass(frozen=True)
class Request:
    """An API operation that a step wants called, with the API's own parameters."""

    service: str
    api: str
    parameters: Mapping[str, object]


@dataclass(frozen=True)
class Call:
    """A request on its way. `id` is unique in the execution."""

    id: str
    request: Request


@dataclass(frozen=True)
class Answer:
    """The response as JSON would have it (times are ISO 8601), or what went wrong."""

    call: str
    value: object = None
    error: str | None = None


@dataclass(frozen=True)
class StepRun:
    """One step of one execution. Times are seconds since 1970.

    `memory` is what its action needs to remember, `wake` when to look again, `call` the answer it waits for.
    """

    step: Step
    id: str
    status: str = PENDING
    started: float | None = None
    ended: float | None = None
    inputs: Mapping[str, object] = field(default_factory=dict)
    outputs: Mapping[str, object] = field(default_factory=dict)
    failure: str | None = None
    stage: str | None = None
    attempt: int = 0
    since: float = 0.0
    memory: str = ""
    wake: float | None = None
    call: str | None = None
    called: float = 0.0


@dataclass(frozen=True)
class Launch:
    """Who started what, where and with which values. `given` as it was written, `values` with types."""

    id: str
    document: str
    version: str
    runbook: Runbook
    given: Mapping[str, list[str]]
    values: Mapping[str, object]
    at: float
    by: str
    account: str
    region: str
    partition: str = "aws"
    tags: tuple[tuple[str, str], ...] = ()
    parent: str | None = None
    target: str | None = None


@dataclass(frozen=True)
class Execution:
    """One automation. `cancelled` is when a user cancelled it; `completing`: no further step is begun."""

    launch: Launch
    runs: tuple[StepRun, ...]
    status: str = PENDING
    current: str | None = None
    ended: float | None = None
    cancelled: float | None = None
    completing: bool = False
    outputs: Mapping[str, object] = field(default_factory=dict)
    failure: str | None = None
    calls: int = 0

    @property
    def over(self) -> bool:
        """Whether its status is final."""
        return self.status in OVER

    def run(self, name: str) -> StepRun:
        """The run of the step of that name."""
        return next(run for run in self.runs if run.step.name == name)
