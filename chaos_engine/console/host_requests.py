"""What a program that hosts an engine asks of it, as settings with one experiment; and what that would do."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from chaos_engine import durations
from chaos_engine.config import DEFAULT_FILE, Settings, load_settings
from chaos_engine.console.run import ready
from chaos_engine.criteria import show
from chaos_engine.experiment_file import experiment_of, load_experiment
from chaos_engine.model import Experiment, Hypothesis
from chaos_engine.written import ConfigError, Written

BLOCK = "chaos.inject"  # how problems name what stands in no file


def base_of(config: Path | None) -> Settings | None:
    """The settings whose targets go by their names; None where there are none."""
    return load_settings(config, os.environ) if config or DEFAULT_FILE.exists() else None


def nothing() -> Settings:
    """The settings of nobody: the built-in scenarios, to clear what an earlier run left."""
    return load_settings(None, {})


def asked(request: Mapping[str, Any], base: Settings | None) -> Settings:
    """The settings of a request: a `file`, or one fault. ConfigError: it cannot be."""
    if "file" in request:
        return ready(load_experiment(Path(request["file"]), os.environ, base))
    if base is None and "state_file" not in request:
        raise ConfigError(
            [f"{BLOCK}: target: there is no configuration to name one; allowed: state_file=PATH"]
        )
    settings = ready(experiment_of(Written(BLOCK, _document(request, base)), {}, base))
    return replace(settings, experiments={key: _block(e) for key, e in settings.experiments.items()})


def sole(settings: Settings) -> Experiment:
    """The one experiment of such settings."""
    (experiment,) = settings.experiments.values()
    return experiment


def _document(request: Mapping[str, Any], base: Settings | None) -> dict[str, Any]:
    """As it would be written. A key of the configuration's `scenarios` brings its parameters with it."""
    label, target, given = request["scenario"], request.get("target"), request.get("with", {})
    configured = base.experiments.get((label, target or "")) if base else None
    step = configured.steps[0] if configured and len(configured.steps) == 1 else None
    where = (
        {"name": target or "app", "state_file": request["state_file"]} if "state_file" in request else target
    )
    return {
        "title": f"{label} while a test runs",
        "scenario": step.scenario if step else label,
        "with": {**(step.parameters if step else {}), **given},
        "target": where,
        "recovery": request.get("hold", "60s"),
    }


def _block(experiment: Experiment) -> Experiment:
    """In at once, and out without a judgement: the test is the judge."""
    return replace(
        experiment, ungated=True, overlapping_gate=True, steady=(), hypothesis=Hypothesis(), recovers=False
    )


# --- what it would do ---------------------------------------------------------------------------


def plan(settings: Settings) -> str:
    """What would be done, in a few lines."""
    return "\n".join(_lines(sole(settings), settings))


def _lines(experiment: Experiment, settings: Settings) -> Iterator[str]:
    yield experiment.title
    for step in experiment.steps:
        given = ", ".join(f"{name} {value}" for name, value in step.parameters.items())
        after = f" after {durations.show(step.after)}" if step.after else ""
        yield f"  would inject {step.scenario} on {step.target.name}{f' ({given})' if given else ''}{after}"
    yield f"  hold         {durations.show(experiment.hold)}{' at most' if experiment.runs else ''}"
    probes = ", ".join(probe.label for probe in experiment.steady)
    yield f"  steady state {probes or 'not checked: no probes'}"
    yield f"  hypothesis   {_hypothesis(experiment.hypothesis)}"
    if experiment.abort_when:
        yield f"  abort when   not: {', '.join(probe.label for probe in experiment.abort_when)}"
    yield from (f"  warning      {warning}" for warning in settings.warnings)


def _hypothesis(spec: Hypothesis) -> str:
    parts = [probe.label for probe in spec.probes]
    parts += [f"{show(spec.success_threshold)} of these"] * (spec.success_threshold < 1)
    parts += [f"recovers within {durations.show(spec.recovers_within)}"] if spec.recovers_within else []
    parts += [f"alert {spec.alert_fires.alert} fires"] if spec.alert_fires else []
    return ", ".join(parts) or "none"
