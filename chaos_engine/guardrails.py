"""Pure: rules that forbid an experiment whoever asks for it. Each has a name, and says why in a sentence.

What needs a look at the world (targets, alerts, the steady state) is looked at by `admission`, before these.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import scheduler
from chaos_engine.model import AwsAccess

PRODUCTION = "production"
NINE_TO_FIVE = ("* 9-16 * * 1-5",)
HERE = AwsAccess()
BUSY = ("stopping", "clearing")


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days, both among them."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Radius:
    """How much may be hurt at once; None: no bound. `share` is 0..1."""

    targets: int | None = None
    containers: int | None = None
    share: float | None = None


LARGE = Radius(targets=2, containers=3, share=0.5)


@dataclass(frozen=True, slots=True)
class Guardrails:
    """The settings. `large`: from which reach on an approval is needed, None: never; times in seconds."""

    environment: str = ""
    allow_production: bool = False
    timezone: str = "UTC"
    windows: tuple[str, ...] = ()  # cron lines; none: always
    holidays: tuple[Span, ...] = ()
    business_hours: tuple[str, ...] = NINE_TO_FIVE
    in_business_hours: bool = True
    radius: Radius = Radius()
    large: Radius | None = None
    approve_within: float = 900.0
    irreversible: tuple[str, ...] = ()
    only_after_recovery: bool = False
    alerts: tuple[str, ...] = ()  # names; `any`: all of the server
    prometheus_url: str = ""
    alarms: tuple[str, ...] = ()
    access: AwsAccess = HERE

    @property
    def in_production(self) -> bool:
        """Whether the strict defaults hold."""
        return self.environment == PRODUCTION


@dataclass(frozen=True, slots=True)
class Reach:
    """What an experiment hurts. `containers` None: nobody can count it; `share`: of a target's replicas."""

    targets: tuple[str, ...]
    containers: int | None
    share: float = 0.0
    every: bool = False  # all of a target's replicas were asked for


@dataclass(frozen=True, slots=True)
class Asked:
    """An experiment that is to begin. `lasting`: scenarios of it that nothing undoes."""

    label: str
    reach: Reach
    lasting: tuple[str, ...] = ()
    rolled_back: bool = False  # a `rollback` is named for it


@dataclass(frozen=True, slots=True)
class Situation:
    """What else there is. `known`: how many targets are configured; `recovering`: experiments that are."""

    wall: float
    open: tuple[Reach, ...] = ()
    known: int = 1
    recovering: tuple[str, ...] = ()
    approved: bool = False  # somebody has approved just this


@dataclass(frozen=True, slots=True)
class Refusal:
    """The rule that forbids it, and a sentence."""

    rule: str
    reason: str

    @property
    def said(self) -> str:
        """Both in one line; what the engine is busy with is no rule."""
        return self.reason if self.rule in BUSY else f"{self.reason} ({self.rule})"


Rule = Callable[[Guardrails, Asked, Situation], str]


def refusal(rails: Guardrails, asked: Asked, situation: Situation) -> Refusal | None:
    """The first rule that forbids it; None: none does."""
    for name, rule in RULES.items():
        if reason := rule(rails, asked, situation):
            return Refusal(name, reason)
    return None


# --- when -----------------------------------------------------------------------------------


def windows(rails: Guardrails, _: Asked, situation: Situation) -> str:
    """Only within the windows."""
    within = scheduler.in_windows(rails.windows, rails.timezone, situation.wall)
    return "" if within else f"outside the windows of the guardrails ({' or '.join(rails.windows)})"


def holidays(rails: Guardrails, _: Asked, situation: Situation) -> str:
    """Not on days that are listed."""
    today = datetime.fromtimestamp(situation.wall, UTC).astimezone(ZoneInfo(rails.timezone)).date()
    is_one = any(span.first <= today <= span.last for span in rails.holidays)
    return f"{today.isoformat()} is a holiday" if is_one else ""


def business_hours(rails: Guardrails, _: Asked, situation: Situation) -> str:
    """In production not while people rely on it, unless that is wanted."""
    if not rails.in_production or rails.in_business_hours:
        return ""
    busy = scheduler.in_windows(rails.business_hours, rails.timezone, situation.wall)
    return "it is production, in business hours" if busy else ""


def not_recovered(rails: Guardrails, _: Asked, situation: Situation) -> str:
    """Not while what was hurt before comes back."""
    if not rails.only_after_recovery or not situation.recovering:
        return ""
    return f"{', '.join(situation.recovering)} has not recovered yet"


# --- what -----------------------------------------------------------------------------------


def irreversible(rails: Guardrails, asked: Asked, _: Situation) -> str:
    """What nothing undoes must be allowed by name, or have a rollback."""
    odd = [name for name in asked.lasting if name not in rails.irreversible]
    if not odd or asked.rolled_back or asked.label in rails.irreversible:
        return ""
    return f"nothing undoes {', '.join(odd)}: allow it by name (guardrails.irreversible), or name a rollback"


def blast_radius(rails: Guardrails, asked: Asked, situation: Situation) -> str:
    """Never more than so much at once, over all experiments that are open."""
    reaches = (*situation.open, asked.reach)
    targets = {name for reach in reaches for name in reach.targets}
    most, hurt = rails.radius, len(targets)
    if most.targets is not None and hurt > most.targets:
        return f"{hurt} targets would be hurt at once; allowed: {most.targets}"
    if most.share is not None and hurt > math.floor(most.share * situation.known + 1e-9):
        return f"{hurt} of {situation.known} targets would be hurt at once; allowed: {most.share:.0%}"
    return _too_many_containers(most.containers, reaches)


def _too_many_containers(most: int | None, reaches: tuple[Reach, ...]) -> str:
    if most is None:
        return ""
    uncounted = next((reach for reach in reaches if reach.containers is None), None)
    if uncounted is not None:
        return f"what is hurt of {', '.join(uncounted.targets)} cannot be counted; allowed: {most} containers"
    hurt = sum(reach.containers or 0 for reach in reaches)
    return f"{hurt} containers would be hurt at once; allowed: {most}" if hurt > most else ""


def approval(rails: Guardrails, asked: Asked, situation: Situation) -> str:
    """What is large needs somebody's approval."""
    large = "" if rails.large is None else largeness(rails.large, asked.reach)
    return f"{large}: that needs an approval" if large and not situation.approved else ""


def largeness(large: Radius, reach: Reach) -> str:
    """What is large about it; empty: nothing."""
    if large.targets is not None and len(reach.targets) >= large.targets:
        return f"{len(reach.targets)} targets are hurt"
    if reach.containers is None:
        return "nobody can count what is hurt"
    if large.containers is not None and reach.containers >= large.containers:
        return f"{reach.containers} containers are hurt"
    if reach.every or (large.share is not None and reach.share >= large.share):
        return f"{1 if reach.every else reach.share:.0%} of a target is hurt"
    return ""


RULES: dict[str, Rule] = {
    "guardrail_windows": windows,
    "holidays": holidays,
    "business_hours": business_hours,
    "not_recovered": not_recovered,
    "irreversible": irreversible,
    "blast_radius": blast_radius,
    "approval": approval,
}
# Those that need a look at the world.
LOOKED_AT = ("target_missing", "alert_fires", "alarm_fires")
NAMES = (*RULES, *LOOKED_AT)
