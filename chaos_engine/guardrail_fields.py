"""The shape of `guardrails`, as pydantic models, and what they mean."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from chaos_engine.document import Document
from chaos_engine.guardrails import LARGE, NINE_TO_FIVE, PRODUCTION, Guardrails, Radius, Span
from chaos_engine.model import AwsAccess
from chaos_engine.schedule_fields import PositiveDuration, check_cron
from chaos_engine.spelling import nearest

ENVIRONMENTS = ("development", "test", "staging", PRODUCTION)
RUNS = ("fis", "ssm_automation", "ssm_command", "toolkit")  # allowed outside production without being named
SPAN = "a day such as 2026-12-24, or two as 2026-12-24..2027-01-01"


def span_of(value: object) -> Span:
    """One day, or from one to another. ValueError: neither."""
    if isinstance(value, Span):
        return value
    if isinstance(value, datetime) or not isinstance(value, (date, str)):
        raise ValueError(f"{value!r} is no day; allowed: {SPAN}")
    first, _, last = str(value).strip().replace("/", "..").partition("..")
    try:
        found = Span(date.fromisoformat(first.strip()), date.fromisoformat((last or first).strip()))
    except ValueError:
        raise ValueError(f"{value!r} is no day; allowed: {SPAN}") from None
    if found.last < found.first:
        raise ValueError(f"{value!r} runs backwards; allowed: {SPAN}")
    return found


def days_of(text: str) -> tuple[Span, ...]:
    """A file's: one day or span a line, `#` begins a comment. ValueError names the line."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if day := line.partition("#")[0].strip():
            try:
                found.append(span_of(day))
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
    return tuple(found)


def _share(value: object) -> float | None:
    if value is None:
        return None
    text = str(value).strip()
    try:
        share = float(text.removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if isinstance(value, bool) or not 0 < share <= 1:
        raise ValueError(f"{value!r} is no percentage; allowed: above 0%, at most 100%")
    return share


def _environment(value: object) -> object:
    if value is None or value in ENVIRONMENTS:
        return value or ""
    allowed = ", ".join(ENVIRONMENTS)
    meant = [name for name in ENVIRONMENTS if name.startswith(str(value))][:1]  # prod, dev
    hint = f"; did you mean {meant[0]!r}?" if meant else nearest(str(value), ENVIRONMENTS)
    raise ValueError(f"{value!r} is no environment{hint}; allowed: {allowed}")


def _names(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Environment = Annotated[str, BeforeValidator(_environment)]
Day = Annotated[Span, BeforeValidator(span_of)]
Share = Annotated[float | None, BeforeValidator(_share)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Count = Annotated[int | None, Field(ge=1)]


class RadiusDocument(Document):
    """How much at once."""

    targets: Count = None
    containers: Count = None
    percent: Share = None

    def radius(self, otherwise: Radius) -> Radius:
        """What is not written is as the other has it."""
        return Radius(
            otherwise.targets if self.targets is None else self.targets,
            otherwise.containers if self.containers is None else self.containers,
            otherwise.share if self.percent is None else self.percent,
        )


class ApprovalDocument(RadiusDocument):
    """From which reach on somebody must approve."""

    when: Literal["production", "always", "never"] = "production"
    within: PositiveDuration = 900.0


class NotWhileDocument(Document):
    """What must not fire. `alerts` of Prometheus, by name, or any. `alarms` of CloudWatch, by name."""

    alerts: Names = ()
    alarms: Names = ()


class GuardrailsDocument(Document):
    """`guardrails`."""

    windows: tuple[str, ...] = ()
    holidays: tuple[Day, ...] = ()
    holidays_file: Path | None = None
    business_hours: tuple[str, ...] = NINE_TO_FIVE
    in_business_hours: bool = False
    blast_radius: RadiusDocument = RadiusDocument()
    approval: ApprovalDocument = ApprovalDocument()
    irreversible: Names | None = None
    only_after_recovery: bool | None = None
    not_while: NotWhileDocument = NotWhileDocument()

    @field_validator("windows", "business_hours")
    @classmethod
    def _cron_lines(cls, windows: tuple[str, ...]) -> tuple[str, ...]:
        for window in windows:
            check_cron(window)
        return windows

    def rails(
        self,
        environment: str,
        timezone: str,
        days: tuple[Span, ...] = (),
        prometheus_url: str = "",
        access: AwsAccess = AwsAccess(),  # noqa: B008 - frozen
        *,
        allow_production: bool = False,
    ) -> Guardrails:
        """What it means there. `days`: those of the holidays' file."""
        production = environment == PRODUCTION
        needed = self.approval.when == "always" or (self.approval.when == "production" and production)
        usual = () if production else RUNS
        return Guardrails(
            environment=environment,
            allow_production=allow_production,
            timezone=timezone,
            windows=self.windows,
            holidays=(*self.holidays, *days),
            business_hours=self.business_hours,
            in_business_hours=self.in_business_hours,
            radius=self.blast_radius.radius(Radius()),
            large=self.approval.radius(LARGE) if needed else None,
            approve_within=self.approval.within,
            irreversible=usual if self.irreversible is None else self.irreversible,
            only_after_recovery=production if self.only_after_recovery is None else self.only_after_recovery,
            alerts=self.not_while.alerts,
            prometheus_url=prometheus_url,
            alarms=self.not_while.alarms,
            access=access,
        )
