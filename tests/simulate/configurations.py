"""Random configurations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random

import scheduler
from chaos_engine.config import Settings
from chaos_engine.model import (
    AlertFires,
    Expectation,
    Experiment,
    HttpProbe,
    Hypothesis,
    Probe,
    PrometheusProbe,
    Step,
    Target,
)
from scenarios.base import Scenario
from tests.simulate.truth import Temper
from tests.simulate.twins import Nature

URL = "http://prometheus"
PROBES: tuple[Probe, ...] = (
    HttpProbe("http://shop/products"),
    HttpProbe("http://shop/products", success=Expectation(">= 99%", low=0.99)),  # same label, asks more
    HttpProbe("http://shop/health", name="health"),
    PrometheusProbe("errors", Expectation("< 0.01", high=0.01), URL),
    PrometheusProbe("latency", Expectation("< 2x", high=2.0, relative=True), URL),
)
ABORT = PrometheusProbe("up", Expectation("> 0.2", low=0.2), URL, instant=True)


def nature(rng: Random) -> Nature:
    """Calm, rough in one way, or in all."""
    mood = rng.random()
    if mood < 0.4:
        return Nature(latency=rng.choice((0.02, 0.1, 0.2)))
    if mood < 0.6:
        return Nature(latency=rng.choice((0.1, 2.0)), hang=0.1, missing=0.2, raises=0.05)
    if mood < 0.7:
        return Nature(jumps=90.0, missing=0.05)
    if mood < 0.8:
        return Nature(write_fails=0.2, clear_fails=0.3, prepare_fails=0.05, hang=0.02)
    return Nature(
        latency=0.5, hang=0.05, write_fails=0.1, clear_fails=0.2, prepare_fails=0.05, missing=0.1,
        raises=0.02, journal_fails=rng.choice((0.0, 0.03)),
    )  # fmt: skip


def temper(rng: Random) -> Temper:
    """How the system takes it."""
    return Temper(
        unsteady=rng.choice((0.0, 0.1, 0.3)),
        breaks=rng.choice((0.0, 0.1, 0.5)),
        unfelt=rng.choice((0.0, 0.2, 0.9)),
        lag=rng.choice((1.0, 4.0, 15.0)),
        bad_spell=rng.choice((2.0, 6.0, 20.0)),
    )


def settings(rng: Random, scenarios: Mapping[str, Scenario]) -> Settings:
    """What a user might write, and more."""
    targets = {f"t{i}": Target(f"t{i}", Path(f"/chaos/t{i}.json")) for i in range(rng.randint(1, 4))}
    experiments: dict[tuple[str, str], Experiment] = {}
    choices = []
    for number in range(rng.randint(1, 4)):
        label, names = f"s{number}", tuple(rng.sample(sorted(targets), rng.randint(1, len(targets))))
        kind = rng.choice(("crash", "slowdown", "config_error"))
        for name in names:
            experiments[label, name] = experiment(rng, label, kind, targets[name])
        choices.append(scheduler.Choice(label, rng.choice((0.0, 0.3, 0.4, 3.0)) if number else 1.0, names))
    steps = (step for found in experiments.values() for step in found.steps)
    known = {**targets, **{step.target.name: step.target for step in steps}}
    resume = rng.random() < 0.4
    drawn = rules(rng, tuple(choices))
    return Settings("simulated", drawn, None, 5.0, known, scenarios, experiments, resume=resume)


def rules(rng: Random, choices: tuple[scheduler.Choice, ...]) -> scheduler.Rules:
    """A schedule."""
    every = rng.choice((4.0, 10.0, 30.0))
    return scheduler.Rules(
        every=every,
        startup_wait=rng.choice((0.0, 0.0, 5.0)),
        choices=choices,
        windows=rng.choice(((), (), (), ("0-40 22,23 * * *",), ("*/2 * * * *",), ("* * * * 1-5",))),
        timezone=rng.choice(("UTC", "Europe/Berlin")),
        max_concurrent=rng.randint(1, 4),
        min_interval=rng.choice((0.0, 2.0, every / 2, every, every * 1.5)),
        max_per_hour=rng.choice((None, None, 60)),
        max_per_day=rng.choice((None, None, 500)),
        strain_factor=rng.choice((1.0, 2.0, 2.5)),
    )


def experiment(rng: Random, label: str, kind: str, target: Target) -> Experiment:
    """One experiment, perhaps with a second step on a target of its own."""
    steps = [Step(kind, target, {"delay": "1-3s"} if kind == "slowdown" else {})]
    if rng.random() < 0.4:
        beside = Target(f"{target.name}-{label}", Path(f"/chaos/{target.name}-{label}.json"))
        steps.append(Step(rng.choice(("crash", "config_error")), beside, after=rng.choice((0.0, 1.0, 5.0))))
    steady = tuple(rng.sample(PROBES, rng.choice((0, 1, 2))))
    return Experiment(
        title=f"{label} on {target.name}",
        label=label,
        steps=tuple(steps),
        hold=rng.choice((1.0, 3.0, 6.0, 12.0)),
        steady=steady,
        lookback=rng.choice((0.0, 3.0, 10.0)) if steady else 0.0,
        hypothesis=hypothesis(rng, steady),
        abort_when=rng.choice(((), (ABORT,), (ABORT,))),
        until_repaired=rng.random() < 0.2,
        overlapping_gate=rng.random() < 0.4,
        ungated=rng.random() < 0.1,
        judge_timeout=rng.choice((2.0, 5.0, 20.0)),
        recovery_timeout=rng.choice((3.0, 10.0)),
        abort_poll=rng.choice((1.0, 2.0)),
    )


def hypothesis(rng: Random, steady: tuple[Probe, ...]) -> Hypothesis:
    """Before the clearing, after it, or none."""
    found = Hypothesis(steady if rng.random() < 0.5 else tuple(rng.sample(PROBES, rng.randint(0, 3))))
    if found.probes and rng.random() < 0.25:
        found = replace(found, delay=rng.choice((0.0, 5.0)), duration=rng.choice((2.0, 20.0)))
    if rng.random() < 0.2:
        found = replace(found, recovers_within=rng.choice((2.0, 8.0)))
    if rng.random() < 0.2:
        found = replace(found, alert_fires=AlertFires("Down", rng.choice((1.0, 30.0)), URL))
    return found
