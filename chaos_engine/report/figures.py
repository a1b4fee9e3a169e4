"""Pure: the figures of a period: rates, times to recover, metrics, causes, and what has changed."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos_engine.report.numbers import Rate, Spread, difference, spread
from chaos_engine.report.trials import MISSING, Trial

ENOUGH = 5  # judged experiments, or recoveries, below which nothing is concluded
SLOWER = 1.25  # times as long as before: slower
_NUMBER = re.compile(r"\d+(?:[.:]\d+)*")
_GOOD = ("supported", "unjudged")


@dataclass(frozen=True, slots=True)
class Group:
    """Some experiments, counted."""

    begun: int
    injected: int
    refused: int  # at the gate: the steady state was not met
    missing: int  # no data, or no effect
    unwitnessed: int  # of the injected ones
    success: Rate
    support: Rate
    recovery: Spread
    not_recovered: int

    def plain(self) -> dict[str, Any]:
        """As data."""
        return {
            "begun": self.begun, "injected": self.injected, "refused": self.refused, "missing": self.missing,
            "unwitnessed": self.unwitnessed, "success": self.success.plain(), "support": self.support.plain(),
            "recovery": self.recovery.plain(), "not_recovered": self.not_recovered,
        }  # fmt: skip


def group(trials: Sequence[Trial]) -> Group:
    """Count them."""
    tried = [trial for trial in trials if trial.tried]
    judged = [trial for trial in trials if trial.judged]
    injected = [trial for trial in trials if trial.injected_at is not None]
    return Group(
        begun=len(trials),
        injected=len(injected),
        refused=len(trials) - len(tried),
        missing=sum(trial.verdict in MISSING for trial in trials),
        unwitnessed=sum(trial.witness == "unwitnessed" for trial in injected),
        success=Rate(sum(trial.succeeded for trial in tried), len(tried)),
        support=Rate(sum(trial.verdict == "supported" for trial in judged), len(judged)),
        recovery=recoveries(trials),
        not_recovered=sum(trial.recovery == "not_recovered" for trial in trials),
    )


def recoveries(trials: Iterable[Trial]) -> Spread:
    """The times of those that recovered, in seconds from the clearing."""
    return spread(trial.time_to_recover for trial in trials if trial.time_to_recover is not None)


def by(key: Callable[[Trial], str], trials: Iterable[Trial]) -> dict[str, list[Trial]]:
    """Sorted into groups, by name."""
    found: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        found[key(trial)].append(trial)
    return dict(sorted(found.items()))


def scenario_of(trial: Trial) -> str:
    """The key of its scenario."""
    return trial.scenario


def target_of(trial: Trial) -> str:
    """Its targets; several are one name."""
    return trial.target


def shares(groups: Mapping[str, Group], weights: Mapping[str, float]) -> dict[str, dict[str, float | None]]:
    """The share of injections that was asked for by weight, beside the one that came; None: not known."""
    injected = {name: found.injected for name, found in groups.items()}
    total, asked = sum(injected.values()), sum(weights.values())
    return {
        name: {
            "asked": weights.get(name, 0.0) / asked if asked else None,
            "seen": injected.get(name, 0) / total if total else None,
        }
        for name in sorted({*groups, *(name for name, weight in weights.items() if weight > 0)})
    }


def score(all_: Group) -> dict[str, Any]:
    """100 times the share of judged experiments that were supported, with its interval; below five: none."""
    low, high = all_.support.interval
    enough = all_.support.of >= ENOUGH
    share = all_.support.share if enough else None
    return {
        "enough": enough,
        "score": None if share is None else 100 * share,
        "low": 100 * low if enough else None,
        "high": 100 * high if enough else None,
        "supported": all_.support.hits,
        "judged": all_.support.of,
    }


def metrics(trials: Iterable[Trial]) -> list[dict[str, Any]]:
    """For each scenario, probe and statistic: before the fault, in it and after it, as the median of each."""
    found: dict[tuple[str, str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for trial in trials:
        for span in trial.judgements if trial.injected_at is not None else ():
            for name, value in span.measured.items():
                if value is not None:
                    found[trial.scenario, span.probe, name][span.stage].append(value)
    return [
        {
            "scenario": scenario, "probe": probe, "statistic": name,
            **{stage: spread(stages.get(stage, ())).plain() for stage in ("before", "during", "after")},
            "worst": _worst(name, stages.get("during", ())),
        }
        for (scenario, probe, name), stages in sorted(found.items())
    ]  # fmt: skip


def _worst(statistic: str, values: Sequence[float]) -> float | None:
    """The worst in a fault: of successes the least, else the most."""
    return (min if statistic == "success" else max)(values, default=None)


def causes(trials: Iterable[Trial], most: int = 8) -> list[dict[str, Any]]:
    """Why experiments were not supported, commonest first; sentences that differ in numbers are one cause."""
    found = by(lambda trial: f"{trial.verdict}\0{_NUMBER.sub('…', trial.reason)}", _not_good(trials))
    ranked = sorted(found.values(), key=lambda group: (-len(group), group[0].reason))
    total = sum(len(group) for group in ranked)
    return [
        {
            "verdict": group[-1].verdict, "cause": group[-1].reason or "no reason was given",
            "count": len(group), "of": total, "experiments": [trial.experiment for trial in group[-3:]],
        }
        for group in ranked[:most]
    ]  # fmt: skip


def _not_good(trials: Iterable[Trial]) -> list[Trial]:
    return [trial for trial in trials if trial.verdict not in _GOOD]


def verdicts(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """How often each verdict came, commonest first."""
    counted = Counter(trial.verdict for trial in trials)
    return [{"verdict": name, "count": n, "of": len(trials)} for name, n in counted.most_common()]


def trend(now: Group, before: Group) -> dict[str, Any]:
    """What changed since the period before. A change is clear where its interval leaves out zero."""
    return {
        "before": before.plain(),
        "support": _change(difference(now.support, before.support)),
        "success": _change(difference(now.success, before.success)),
        "recovery": slowdown(now.recovery, before.recovery),
        "begun": now.begun - before.begun,
    }


def _change(found: tuple[float, float, float] | None) -> dict[str, Any] | None:
    if found is None:
        return None
    by_, low, high = found
    return {"by": by_, "low": low, "high": high, "is_clear": low > 0 or high < 0}


def slowdown(now: Spread, before: Spread) -> dict[str, Any] | None:
    """How many times as long the median recovery takes; None: too few of them, or it took no time before."""
    if min(now.count, before.count) < ENOUGH or not now.median or not before.median:
        return None
    times = now.median / before.median
    return {"times": times, "slower": times >= SLOWER, "faster": times <= 1 / SLOWER}
