"""What the API answers: the models of its OpenAPI document."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Reply(BaseModel):
    """More may be added to an answer later."""

    model_config = ConfigDict(extra="allow")


class Problem(Reply):
    """Why something was not done. `rule`: what forbids it for now, where a rule does."""

    error: str
    rule: str = ""


class Alive(Reply):
    """`heartbeat_age`: seconds since the engine's last sign of life."""

    alive: bool
    heartbeat_age: float | None


class Ready(Reply):
    """`lacks`: a sentence for each thing that is missing."""

    ready: bool
    lacks: list[str]


class OpenFault(Reply):
    """A fault that is in, or may be. Times are Unix seconds."""

    id: str
    scenario: str
    target: str
    experiment: str
    parameters: dict[str, Any]
    armed_at: float
    deadline: float


class Weight(Reply):
    """Shares of all injections: asked for, and seen."""

    asked: float
    seen: float
    injections: int


class Status(Reply):
    """How the engine stands. `next`: Unix time of the next injection, if one is due."""

    running: bool
    halted: bool
    paused: bool
    reason: str
    heartbeat_age: float | None
    next: float | None
    open_faults: list[OpenFault]
    experiments: int
    weights: dict[str, Weight]


class Container(Reply):
    """One that belongs to a target. `only`: scenarios that it allows; none: all of them."""

    name: str
    id: str
    eligible: bool
    why_not: str
    only: list[str]


class Target(Reply):
    """`containers` is null where the target has none by its settings; `refusal`: why there are none now."""

    name: str
    state_file: str | None
    aws: bool
    scenarios: list[str]
    eligible: int
    refusal: str
    containers: list[Container] | None


class Other(Reply):
    """A container that is no target."""

    name: str
    why: str


class Targets(Reply):
    """`error`: why Docker could not be asked."""

    targets: list[Target]
    others: list[Other]
    error: str


class Scenario(Reply):
    """A weighted scenario of the settings. `share`: of the schedule, from 0 to 1."""

    name: str
    scenario: str
    weight: float
    share: float
    targets: list[str]


class Scenarios(Reply):
    """Those of the schedule, and the names of all that are known."""

    scenarios: list[Scenario]
    known: list[str]


class Start(Reply):
    """`at`: date and time with its offset."""

    at: str
    scenario: str
    target: str


class Plan(Reply):
    """What would be injected from now on, with that seed."""

    seed: int
    timezone: str
    enabled: bool
    starts: list[Start]


class Experiment(Reply):
    """Times are Unix seconds. Without a verdict it is not over; `result` has all its evidence then."""

    id: str
    started_at: float
    ended_at: float | None
    title: str
    scenario: str
    target: str
    phase: str
    injected_at: float | None
    verdict: str | None
    result: dict[str, Any] | None


class WholeExperiment(Experiment):
    """With its plan: steps, probes, hypothesis."""

    plan: dict[str, Any]


class Page(Reply):
    """The newest first. `next`: what `before` must be for the page that follows; null: there is none."""

    experiments: list[Experiment]
    next: str | None


class Switches(Reply):
    """What holds now."""

    paused: bool
    halted: bool
    reason: str


class Injected(Reply):
    """The id of the experiment that began."""

    experiment: str


class Cleared(Reply):
    """What was open when it was asked for: it is being cleared. `/api/status` tells when it is out."""

    experiments: list[str]
    faults: list[str]


class EffectiveSettings(Reply):
    """The settings that the daemon runs on. `schedule` in seconds; `changes`: what, by whom, why and when."""

    source: str
    schedule: dict[str, Any]
    weights: dict[str, float]
    seed: int | None
    changes: dict[str, Any]


class Changed(Reply):
    """The settings after the change, and what is different."""

    settings: EffectiveSettings
    changed: dict[str, Any]


class Approval(Reply):
    """What needs somebody's word. `state`: asked, approved, used or expired. Times are Unix seconds."""

    id: str
    scenario: str
    target: str
    why: str
    asked_at: float
    expires_at: float
    state: str


class Approvals(Reply):
    """The newest last."""

    approvals: list[Approval]
