"""Pure: recommendations. Each is one rule with its bound; it says the data that it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cached_property
from typing import Any

from chaos_engine.report.figures import ENOUGH, Group, by, group, recoveries, scenario_of, slowdown
from chaos_engine.report.numbers import Rate
from chaos_engine.report.trials import Trial

MOST_FAILED = 0.1  # share of the experiments that were tried
MOST_UNSUPPORTED = 0.2  # of the judged ones
MOST_REFUSED = 0.2  # of those begun, at the gate
MOST_MISSING = 0.2  # of those injected: no data, or no effect
HOURS_NEED = 48  # injections before an hour of the day without one means something
_ALERT = "alert "
_SHOWN = 5  # experiments that a recommendation names


@dataclass(frozen=True)
class Matter:
    """What the rules look at: a period, the one before it, and what was asked for."""

    trials: Sequence[Trial]
    before: Sequence[Trial]
    weights: Mapping[str, float]
    zone: tzinfo

    @cached_property
    def all(self) -> Group:
        """Every experiment of the period."""
        return group(self.trials)


@dataclass(frozen=True, slots=True)
class Advice:
    """One recommendation. `experiments`: the newest of those that it comes from."""

    rule: str
    text: str
    because: str
    experiments: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As data."""
        return {
            "rule": self.rule, "text": self.text, "because": self.because,
            "experiments": list(self.experiments),
        }  # fmt: skip


def advice(matter: Matter) -> list[Advice]:
    """What follows from the data, in the order of the rules."""
    return [found for rule in RULES for found in rule(matter)]


def _ids(trials: Sequence[Trial]) -> tuple[str, ...]:
    return tuple(trial.experiment for trial in trials[-_SHOWN:])


def _said(rate: Rate) -> str:
    return f"{rate.hits} of {rate.of} ({rate.hits / rate.of:.0%})"


def _left_in(matter: Matter) -> Iterator[Advice]:
    left = [trial for trial in matter.trials if trial.cleanup == "left"]
    if left:
        because = f"{len(left)} of {len(matter.trials)} experiments could not clear what they injected"
        yield Advice("left_in", "Clear what was left in: `chaos-engine clear --all`", because, _ids(left))


def _too_few(matter: Matter) -> Iterator[Advice]:
    judged = matter.all.support.of
    if judged < ENOUGH:
        text = "Run more experiments that are judged: a hypothesis, a shorter interval, or a longer period"
        yield Advice("too_few", text, f"{judged} were judged, {ENOUGH} are needed for a score")


def _too_many_failed(matter: Matter) -> Iterator[Advice]:
    tried = [trial for trial in matter.trials if trial.tried]
    bad = [trial for trial in tried if not trial.succeeded]
    rate = Rate(len(bad), len(tried))
    if len(tried) >= ENOUGH and (rate.share or 0) > MOST_FAILED:
        because = f"{_said(rate)} of those tried did not go as planned; at most {MOST_FAILED:.0%} should"
        yield Advice("too_many_failed", "Mend the experiments themselves: too many fail", because, _ids(bad))


def _too_many_unsupported(matter: Matter) -> Iterator[Advice]:
    """By pair of scenario and target: where the system has to be mended."""
    pairs: dict[tuple[str, str], list[Trial]] = {}
    for trial in matter.trials:
        if trial.judged:
            pairs.setdefault((trial.scenario, trial.target), []).append(trial)
    for (scenario, target), judged in sorted(pairs.items()):
        bad = [trial for trial in judged if trial.verdict == "not_supported"]
        rate = Rate(len(bad), len(judged))
        if len(judged) >= ENOUGH and (rate.share or 0) > MOST_UNSUPPORTED:
            because = f"{_said(rate)} judged did not hold; at most {MOST_UNSUPPORTED:.0%} should"
            text = f"Make {target} stand {scenario}"
            yield Advice("too_many_unsupported", text, because, _ids(bad))


def _slower(matter: Matter) -> Iterator[Advice]:
    earlier = by(scenario_of, matter.before)
    for name, trials in by(scenario_of, matter.trials).items():
        now, before = recoveries(trials), recoveries(earlier.get(name, ()))
        found = slowdown(now, before)
        if found is not None and found["slower"]:
            because = (
                f"the median of {now.count} recoveries is {now.median:.1f} s,"
                f" of {before.count} before it was {before.median:.1f} s"
            )
            yield Advice("slower", f"Find out why recovery from {name} is slower than before", because)


def _silent_alerts(matter: Matter) -> Iterator[Advice]:
    fired: dict[str, list[bool]] = {}
    where: dict[str, list[Trial]] = {}
    for trial in matter.trials:
        for span in trial.judgements:
            if span.probe.startswith(_ALERT) and span.outcome in ("pass", "broken"):
                fired.setdefault(span.probe, []).append(span.outcome == "pass")
                where.setdefault(span.probe, []).append(trial)
    for probe, times in sorted(fired.items()):
        if not any(times):
            because = f"it fired in 0 of {len(times)} experiments that asked for it"
            yield Advice("silent_alert", f"Mend {probe}: it never fired", because, _ids(where[probe]))


def _nobody_told(matter: Matter) -> Iterator[Advice]:
    broken = [trial for trial in matter.trials if trial.verdict == "not_supported"]
    asked = any(span.probe.startswith(_ALERT) for trial in matter.trials for span in trial.judgements)
    if len(broken) >= ENOUGH and not asked:
        because = f"{len(broken)} experiments broke the hypothesis, and 0 asked whether an alert fires"
        yield Advice("no_alert_asked", "Ask for the alert that should fire (`alert_fires`)", because)


def _never_tried(matter: Matter) -> Iterator[Advice]:
    tried = {trial.scenario for trial in matter.trials if trial.injected_at is not None}
    total = sum(matter.weights.values())
    for name, weight in sorted(matter.weights.items()):
        if weight > 0 and name not in tried:
            because = f"0 of {matter.all.injected} injections, asked for is {weight / total:.0%}"
            yield Advice("never_tried", f"Let {name} happen at least once", because)


def _never_at(matter: Matter) -> Iterator[Advice]:
    """Hours of the day, in the report's zone."""
    injected = [trial.injected_at for trial in matter.trials if trial.injected_at is not None]
    seen = {datetime.fromtimestamp(at, matter.zone).hour for at in injected}
    missing = [hour for hour in range(24) if hour not in seen]
    if len(injected) >= HOURS_NEED and missing:
        because = f"of {len(injected)} injections none began in {len(missing)} of the 24 hours"
        text = f"Try it at other hours too, if the windows may be wider: {_runs(missing)}"
        yield Advice("never_at_this_hour", text, because)


def _runs(hours: Sequence[int]) -> str:
    """1, 2, 3, 7 is 01-04, 07-08."""
    runs: list[list[int]] = []
    for hour in hours:
        if runs and runs[-1][1] == hour:
            runs[-1][1] = hour + 1
        else:
            runs.append([hour, hour + 1])
    return ", ".join(f"{first:02}:00 to {last:02}:00" for first, last in runs)


def _often_refused(matter: Matter) -> Iterator[Advice]:
    all_ = matter.all
    rate = Rate(all_.refused, all_.begun)
    if all_.begun >= ENOUGH and (rate.share or 0) > MOST_REFUSED:
        refused = [trial for trial in matter.trials if not trial.tried]
        text = "Look at the steady state: the system is often not well before anything is injected"
        yield Advice("often_refused", text, f"{_said(rate)} ended at their gate", _ids(refused))


def _often_missing(matter: Matter) -> Iterator[Advice]:
    all_ = matter.all
    rate = Rate(all_.missing, all_.injected)
    if all_.injected >= ENOUGH and (rate.share or 0) > MOST_MISSING:
        open_ = [trial for trial in matter.trials if trial.verdict in ("inconclusive", "no_effect")]
        text = "Make the probes say something: too much is inconclusive, or without effect"
        yield Advice("often_missing", text, f"{_said(rate)} of those injected", _ids(open_))


def _unwitnessed(matter: Matter) -> Iterator[Advice]:
    all_ = matter.all
    if all_.injected >= ENOUGH and all_.unwitnessed > all_.injected / 2:
        because = f"{_said(Rate(all_.unwitnessed, all_.injected))} injections were witnessed by nobody"
        yield Advice("unwitnessed", "Add an http probe: it sees whether a fault is felt", because)


RULES: tuple[Callable[[Matter], Iterator[Advice]], ...] = (
    _left_in, _too_few, _too_many_failed, _too_many_unsupported, _slower, _silent_alerts, _nobody_told,
    _never_tried, _never_at, _often_refused, _often_missing, _unwitnessed,
)  # fmt: skip
