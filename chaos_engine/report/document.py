"""Pure: a whole report as data. The HTML and Markdown pages show exactly this; the JSON one is this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from chaos_engine.report import figures
from chaos_engine.report.advice import Matter, advice
from chaos_engine.report.figures import Group
from chaos_engine.report.lessons import lessons
from chaos_engine.report.timeline import timeline
from chaos_engine.report.trials import Trial

VERSION = 1
SHOWN = 100  # experiments that are told one by one


@dataclass(frozen=True, slots=True)
class Order:
    """Which period (wall times), in which zone its hours are told, and how many experiments one by one."""

    since: float
    until: float
    made_at: float
    zone: ZoneInfo
    shown: int = SHOWN


@dataclass(frozen=True, slots=True)
class Material:
    """What the journal has: experiments of the period and of the one before, notes, the weights asked for."""

    trials: Sequence[Trial]
    before: Sequence[Trial]
    notes: Sequence[Mapping[str, Any]]
    weights: Mapping[str, float]


def report(order: Order, found: Material) -> dict[str, Any]:
    """Everything, as plain data. Rates are 0..1 beside their counts, times in seconds, moments wall times."""
    matter = Matter(found.trials, found.before, found.weights, order.zone)
    all_, before = matter.all, figures.group(found.before)
    scenarios, targets = (
        {name: figures.group(trials) for name, trials in figures.by(key, found.trials).items()}
        for key in (figures.scenario_of, figures.target_of)
    )
    return {
        "report": VERSION,
        "period": _period(order),
        "resilience": figures.score(all_),
        "totals": all_.plain(),
        "verdicts": figures.verdicts(found.trials),
        "trend": figures.trend(all_, before),
        "recommendations": [one.plain() for one in advice(matter)],
        "timeline": timeline(found.trials),
        "scenarios": _scenarios(scenarios, found.weights),
        "targets": [{"name": name, **counted.plain()} for name, counted in targets.items()],
        "metrics": figures.metrics(found.trials),
        "causes": figures.causes(found.trials),
        **_experiments(order, found, scenarios),
    }


def _period(order: Order) -> dict[str, Any]:
    return {
        "since": order.since, "until": order.until, "made_at": order.made_at, "zone": order.zone.key,
        "before_since": order.since - (order.until - order.since),
    }  # fmt: skip


def _scenarios(groups: Mapping[str, Group], weights: Mapping[str, float]) -> list[dict[str, Any]]:
    """Also those that were asked for, and never came."""
    none = figures.group(())
    return [
        {"name": name, **groups.get(name, none).plain(), **share}
        for name, share in figures.shares(groups, weights).items()
    ]


def _experiments(order: Order, found: Material, scenarios: Mapping[str, Group]) -> dict[str, Any]:
    """The newest, one by one: first of all those with a note, then those with something wrong."""
    notes: dict[str, list[Mapping[str, Any]]] = {}
    for note in found.notes:
        notes.setdefault(note["experiment"], []).append(note)
    shown = _chosen(found.trials, notes, order.shown)
    return {
        "experiments": [
            {
                **_plain(one),
                **lessons(one, scenarios[one.scenario].recovery.median, notes.get(one.experiment, ())),
            }
            for one in shown
        ],
        "not_shown": len(found.trials) - len(shown),
    }


def _chosen(trials: Sequence[Trial], notes: Mapping[str, object], most: int) -> list[Trial]:
    def importance(trial: Trial) -> tuple[bool, bool]:
        return trial.experiment not in notes, trial.verdict in ("supported", "unjudged")

    newest = list(reversed(trials))
    chosen = {trial.experiment for trial in sorted(newest, key=importance)[:most]}
    return [trial for trial in newest if trial.experiment in chosen]


def _plain(trial: Trial) -> dict[str, Any]:
    names = (
        "experiment", "title", "scenario", "target", "started_at", "injected_at", "cleared_at", "ended_at",
        "verdict", "reason", "time_to_recover",
    )  # fmt: skip
    return {name: getattr(trial, name) for name in names}
