"""The shape of what users write, as pydantic models: `chaos.yml`, and files with one experiment."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from chaos_engine.container_fields import ContainerFields
from chaos_engine.document import Document
from chaos_engine.guardrail_fields import Environment, GuardrailsDocument
from chaos_engine.journal_fields import JournalDocument
from chaos_engine.notice_fields import NotifierSetting
from chaos_engine.probe_fields import share
from chaos_engine.probe_fields import url as checked_url
from chaos_engine.probes import ProbeDocument
from chaos_engine.schedule_fields import Duration, PositiveDuration, check_cron
from chaos_engine.spelling import nearest

DEFAULT_HOLD = 30.0
MOST_WEIGHT = 1e9  # the sum of all must stay finite


def _factor(value: object) -> float:
    text = str(value).removesuffix("x")
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not 1 <= factor <= 100:  # noqa: PLR2004
        raise ValueError(f"{value!r} is no factor; allowed: 1x to 100x, such as 2x")
    return factor


def _weight(value: object) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 <= value <= MOST_WEIGHT:  # type: ignore[operator]
        allowed = f"a number from 0 to {MOST_WEIGHT:g}; 0 switches it off"
        raise ValueError(f"{value!r} is no weight; allowed: {allowed}")
    return float(value)  # type: ignore[arg-type]


def _address(value: object) -> object:
    return value if value is None else checked_url("", value)


Address = Annotated[str | None, BeforeValidator(_address)]

Share = Annotated[float, BeforeValidator(share)]
Factor = Annotated[float, BeforeValidator(_factor)]
Weight = Annotated[float, BeforeValidator(_weight)]


class ScheduleDocument(Document):
    """When."""

    every: PositiveDuration = 180.0
    startup_wait: Duration = 60.0
    recovery: PositiveDuration = DEFAULT_HOLD
    enabled: bool = True
    windows: tuple[str, ...] = ()
    timezone: str = "UTC"
    max_concurrent: int = Field(1, ge=1, le=1000)
    min_interval: Duration | None = None
    max_per_hour: int | None = Field(None, ge=1)
    max_per_day: int | None = Field(None, ge=1)
    seed: int | None = None
    when_not_recovered: Factor = 1.0
    resume: bool = False

    @field_validator("windows")
    @classmethod
    def _cron_lines(cls, windows: tuple[str, ...]) -> tuple[str, ...]:
        for window in windows:
            check_cron(window)
        return windows

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            hint = nearest(name, available_timezones())
            raise ValueError(
                f"{name!r} is no time zone{hint}; allowed: names such as Europe/Berlin"
            ) from None
        return name


class AwsDocument(Document):
    """How AWS is reached; what is not said is looked for the AWS way."""

    region: str = ""
    profile: str = ""
    role: str = ""
    endpoint: Address = None


AwsSetting = Annotated[AwsDocument | None, BeforeValidator(lambda value: {} if value is True else value)]


class TargetDocument(ContainerFields):
    """What can be hurt. `aws: true`: resources in AWS, reached as the file says; or in a way of their own."""

    name: str = ""
    state_file: Path | None = None
    flagd_file: Path | None = None
    aws: AwsSetting = None


class SteadyDocument(Document):
    """What is normal."""

    lookback: PositiveDuration = 60.0
    probes: tuple[ProbeDocument, ...] = ()


class AlertDocument(Document):
    """An alert that must fire. `name`: as its rule has it. `within` so long of the injection."""

    name: str
    within: PositiveDuration = 60.0


class HypothesisDocument(Document):
    """What must hold; `delay` and `duration` move it behind the clearing.

    `success_threshold`: the share of the probes that must hold; the rest may break.
    """

    probes: tuple[ProbeDocument, ...] = ()
    delay: Duration | None = None
    duration: PositiveDuration | None = None
    recovers_within: PositiveDuration | None = None
    alert_fires: AlertDocument | None = None
    success_threshold: Share | None = None

    @model_validator(mode="after")
    def _threshold_of_something(self) -> HypothesisDocument:
        if self.success_threshold is not None and not self.probes:
            raise ValueError("success_threshold is a share of its probes, and it has none of its own")
        return self

    @model_validator(mode="after")
    def _both_or_neither(self) -> HypothesisDocument:
        if (self.delay is None) is not (self.duration is None):
            raise ValueError(
                "delay and duration go together: a window that begins `delay` after the clearing"
            )
        return self


def _hypothesis_word(value: object) -> object:
    if value not in (None, "steady_state"):
        raise ValueError(f"{value!r} is no hypothesis; allowed: steady_state, or a mapping with probes")
    return value


def _form(value: object) -> str:
    return "mapping" if isinstance(value, (dict, Document)) else "word"


HypothesisSetting = Annotated[
    Annotated[Literal["steady_state"] | None, BeforeValidator(_hypothesis_word), Tag("word")]
    | Annotated[HypothesisDocument, Tag("mapping")],
    Discriminator(_form),
]
TargetSetting = Annotated[
    Annotated[str | None, Tag("word")] | Annotated[TargetDocument, Tag("mapping")], Discriminator(_form)
]


class Judging(Document):
    """What a scenario and an experiment file have in common."""

    hypothesis: HypothesisSetting = None
    abort_when: tuple[ProbeDocument, ...] | None = None
    recovery: PositiveDuration | None = None
    until_repaired: bool = False
    gate: Literal["alone", "overlapping"] = "alone"


class RampDocument(Document):
    """Values that a parameter takes one after another, each after so many supported runs."""

    parameter: str
    steps: tuple[Any, ...] = Field(min_length=2, max_length=100)
    after: int = Field(3, ge=1)


class ScenarioDocument(Judging):
    """One weighted entry. Keys that are not listed here are the scenario's own parameters."""

    takes_others: ClassVar[bool] = True

    scenario: str | None = None
    weight: Weight = 1.0
    targets: tuple[str, ...] | None = None
    chaos_machine: Path | None = None
    rollback: str | None = None
    ramp: RampDocument | None = None
    own: dict[str, Any] = Field(default_factory=dict, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _collect_own(cls, data: Any) -> Any:
        if data is None:
            return {}
        if not isinstance(data, dict):
            return data
        known = {*cls.model_fields} - {"own"}
        own = {k: v for k, v in data.items() if k not in known}
        return {**{k: v for k, v in data.items() if k in known}, "own": {**_first_step(data), **own}}


def _first_step(data: dict[str, Any]) -> dict[str, Any]:
    """What a ramp sets need not be written beside it."""
    ramp = data.get("ramp")
    if not isinstance(ramp, dict) or ramp.get("parameter") in (None, "replicas"):
        return {}
    steps = ramp.get("steps")
    return {str(ramp["parameter"]): steps[0]} if isinstance(steps, list) and steps else {}


class ChaosDocument(Document):
    """`chaos.yml`."""

    environment: Environment = ""
    allow_production: bool = False
    guardrails: GuardrailsDocument = GuardrailsDocument()
    schedule: ScheduleDocument = ScheduleDocument()
    prometheus_url: Address = None
    aws: AwsDocument = AwsDocument()
    scrape_interval: PositiveDuration | None = None
    targets: dict[str, TargetDocument] = Field(default_factory=dict)
    steady_state: SteadyDocument = SteadyDocument()
    hypothesis: HypothesisSetting = "steady_state"
    abort_when: tuple[ProbeDocument, ...] = ()
    scenarios: dict[str, ScenarioDocument] = Field(default_factory=dict)
    plugins: Path | None = None
    notify: dict[str, NotifierSetting] = Field(default_factory=dict)
    journal: JournalDocument = JournalDocument()


class StepDocument(Document):
    """One fault of an experiment with several."""

    scenario: str
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    target: TargetSetting = None
    after: Duration = 0.0


class ExperimentDocument(Judging):
    """A file with one experiment, for `chaos-engine run FILE`."""

    title: str
    scenario: str | None = None
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    target: TargetSetting = None
    steps: tuple[StepDocument, ...] = ()
    targets: dict[str, TargetDocument] = Field(default_factory=dict)
    steady_state: SteadyDocument = SteadyDocument()
    hypothesis: HypothesisSetting = "steady_state"
    abort_when: tuple[ProbeDocument, ...] = ()
    prometheus_url: Address = None
    aws: AwsDocument = AwsDocument()
    scrape_interval: PositiveDuration | None = None
    plugins: Path | None = None

    @model_validator(mode="after")
    def _one_or_several(self) -> ExperimentDocument:
        if bool(self.scenario) is bool(self.steps):
            raise ValueError(
                "has both scenario and steps" if self.steps else "has neither scenario nor steps"
            )
        return self
