"""Pure: what a configuration can do at worst in a day, on its schedule. Each number has its formula."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import scheduler
from chaos_engine import durations, guardrails
from chaos_engine.config import Settings
from chaos_engine.guardrails import Asked, Guardrails, Reach, Situation
from scheduler import DAY

OBJECTIVE = 0.999
MINUTES = 1440
DAYS = 7  # that are looked at for the one with the most minutes in which something may begin


def worst_case(settings: Settings, now: float, objective: float = OBJECTIVE) -> dict[str, Any]:
    """Faults and minutes of the worst of the next seven days; the share of the error budget may exceed 1.

    `objective`: 0..1, the share of time that must be good; a fault counts as bad time in full.
    """
    minutes = allowed_minutes(settings, now)
    faults, because = most_faults(settings, minutes)
    longest = longest_fault(settings)
    under = min(float(MINUTES), faults * longest / 60)
    return {
        "faults_a_day": faults,
        "faults_formula": because,
        "minutes_under_fault_a_day": round(under, 3),
        "minutes_formula": f"min({MINUTES} min, {faults} faults x {durations.show(longest)}, as long as "
        "one may be in at most: its hold and the time to judge it)",
        **of_budget(under, objective),
    }


def of_budget(under: float, objective: float) -> dict[str, Any]:
    """The share of the error budget that so many minutes are; None: more than any."""
    budget = (1 - objective) * MINUTES
    share = under / budget if budget else math.inf if under else 0.0
    return {
        "objective": objective,
        "error_budget_minutes_a_day": round(budget, 3),
        "error_budget_share": None if math.isinf(share) else round(share, 4),
        "budget_formula": f"minutes under fault / ((1 - {objective:g}) x {MINUTES} min), "
        "as if every request failed while a fault is in",
    }


def allowed_minutes(settings: Settings, now: float) -> int:
    """Minutes in which something may begin, of the day that has most of them."""
    rules, rails = settings.rules, settings.guardrails
    if not (rules.windows or rails.windows or rails.holidays or rails.in_production):
        return MINUTES
    first = math.floor(now / 60) * 60
    days = (range(day * MINUTES, (day + 1) * MINUTES) for day in range(DAYS))
    return max(sum(_may_begin(settings, rails, first + 60.0 * minute) for minute in day) for day in days)


def _may_begin(settings: Settings, rails: Guardrails, wall: float) -> bool:
    if not scheduler.in_windows(settings.rules.windows, settings.rules.timezone, wall):
        return False
    calendar = replace(rails, radius=guardrails.Radius(), large=None, only_after_recovery=False)
    return guardrails.refusal(calendar, Asked("", Reach((), 0)), Situation(wall)) is None


def most_faults(settings: Settings, minutes: int) -> tuple[int, str]:
    """The least of what each rule allows in so many minutes of a day; and which rule that is."""
    rules, seconds = settings.rules, minutes * 60.0
    if not rules.enabled or not minutes:
        return 0, "the schedule is switched off" if not rules.enabled else "nothing may begin on any day"
    holds = [experiment.hold for experiment in settings.experiments.values()]
    bounds = {
        f"{durations.show(seconds)} allowed / every {durations.show(rules.every)}": seconds / rules.every,
        f"max_concurrent {rules.max_concurrent} x {durations.show(seconds)} / the shortest hold": (
            rules.max_concurrent * seconds / max(min(holds, default=DAY), 1e-3)
        ),
    }
    if rules.min_interval:
        bounds[f"{durations.show(seconds)} / min_interval {durations.show(rules.min_interval)}"] = (
            seconds / rules.min_interval
        )
    if rules.max_per_hour is not None:
        bounds[f"max_per_hour {rules.max_per_hour} x hours"] = rules.max_per_hour * (minutes / 60 + 1)
    if rules.max_per_day is not None:
        bounds[f"max_per_day {rules.max_per_day}"] = float(rules.max_per_day)
    name, least = min(bounds.items(), key=lambda bound: bound[1])
    whole = name.startswith("max_per_day")
    return math.floor(least) if whole else math.ceil(least), f"the least of all bounds: {name}"


def longest_fault(settings: Settings) -> float:
    """Seconds until the deadline of the longest experiment that the schedule may choose."""
    chosen = {choice.label for choice in settings.rules.choices if choice.weight > 0}
    ends = (
        found.hold + found.judge_timeout
        for (label, _), found in settings.experiments.items() if label in chosen
    )  # fmt: skip
    return max(ends, default=0.0)


def told(found: dict[str, Any]) -> str:
    """In two lines."""
    share = found["error_budget_share"]
    of_budget = "any" if share is None else f"{share:.0%}"
    return (
        f"at worst {found['faults_a_day']} faults a day ({found['faults_formula']}), "
        f"{found['minutes_under_fault_a_day']:g} minutes under fault ({found['minutes_formula']}):\n"
        f"{of_budget} of the error budget of {found['error_budget_minutes_a_day']:g} minutes a day at "
        f"{found['objective']:.4%}".rstrip("%")
        .rstrip("0")
        .rstrip(".")
        + f"% ({found['budget_formula']})"
    )
