"""Files with one experiment, for `chaos-engine run FILE`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import scheduler
from chaos_engine.assembly import Common, assemble, check_experiments, warnings
from chaos_engine.config import (
    DEFAULT_TARGETS,
    Settings,
    check_parameters,
    find_scenario,
    load_scenarios,
    read_targets,
)
from chaos_engine.documents import DEFAULT_HOLD, ExperimentDocument, StepDocument, TargetDocument
from chaos_engine.model import Step, Target
from chaos_engine.refusals import Draft, validated
from chaos_engine.written import Place, nearest, overlay, read
from scenarios.base import Scenario


def load_experiment(path: Path, environment: Mapping[str, str], base: Settings | None = None) -> Settings:
    """A file with one experiment, as settings that hold just that. Targets of `base` go by their names."""
    prometheus = {k: v for k, v in environment.items() if k in ("PROMETHEUS_URL", "PROMETHEUS_URL_FILE")}
    draft = Draft(overlay(read(path), prometheus))
    document = validated(ExperimentDocument, draft)
    scenarios = load_scenarios(draft, document.plugins)
    known = {**_known_targets(environment, base), **read_targets(draft, document.targets)}
    steps = tuple(_steps(draft, document, scenarios, known))
    _check_apart(draft, steps)
    draft.check()
    label = document.scenario or "+".join(step.scenario for step in steps)
    common = Common(document.prometheus_url, document.steady_state, document.hypothesis, document.abort_when)
    experiment = assemble(document.title, label, steps, document.recovery or DEFAULT_HOLD, document, common)
    targets = {step.target.name: step.target for step in steps}
    choice = scheduler.Choice(label, 1.0, tuple(targets))
    settings = Settings(
        source=str(path),
        rules=scheduler.Rules(every=1.0, startup_wait=0.0, choices=(choice,), enabled=False),
        seed=None,
        hold=experiment.hold,
        targets=targets,
        scenarios=scenarios,
        experiments={(label, experiment.targets[0]): experiment},
        warnings=tuple(warnings([experiment])),
        scrape_interval=document.scrape_interval,
    )
    check_experiments(draft, [experiment], document.scrape_interval)
    return settings


def _check_apart(draft: Draft, steps: tuple[Step, ...]) -> None:
    """One state file holds one fault: a second one would take the first one out."""
    seen: dict[str, int] = {}
    for index, step in enumerate(steps):
        if step.target.state_file is None:
            continue
        real = os.path.realpath(step.target.state_file)
        if real in seen:
            text = (
                f"{str(step.target.state_file)!r} is hurt by step {seen[real]} too; allowed: one a state file"
            )
            draft.wrong(("steps", index, "target"), text)
        seen.setdefault(real, index)


def _known_targets(environment: Mapping[str, str], base: Settings | None) -> Mapping[str, Target]:
    if base is not None:
        return base.targets
    state_file = environment.get("FAILURE_STATE_FILE")
    defaults = {name: Path(state_file or target["state_file"]) for name, target in DEFAULT_TARGETS.items()}
    return {name: Target(name, file) for name, file in defaults.items()}


def _steps(
    draft: Draft,
    document: ExperimentDocument,
    scenarios: Mapping[str, Scenario],
    known: Mapping[str, Target],
) -> Iterator[Step]:
    if document.scenario is not None:
        only = StepDocument.model_validate({"scenario": document.scenario, "with": document.with_})
        yield from _step(draft, (), only, document.target, scenarios, known)
    for index, step in enumerate(document.steps):
        yield from _step(draft, ("steps", index), step, step.target or document.target, scenarios, known)


def _step(
    draft: Draft,
    place: Place,
    step: StepDocument,
    where: str | TargetDocument | None,
    scenarios: Mapping[str, Scenario],
    known: Mapping[str, Target],
) -> Iterator[Step]:
    scenario = find_scenario(draft, (*place, "scenario"), step.scenario, scenarios)
    target = _target_of(draft, (*place, "target"), where, known)
    if scenario is None or target is None:
        return
    refusal = scenario.refusal(target)
    if refusal:
        draft.wrong((*place, "target"), refusal)
    check_parameters(draft, (*place, "with"), scenario, step.with_, also=())
    yield Step(step.scenario, target, dict(step.with_), step.after)


def _target_of(
    draft: Draft, place: Place, where: str | TargetDocument | None, known: Mapping[str, Target]
) -> Target | None:
    if isinstance(where, TargetDocument):
        return Target(where.name or "target", where.state_file, where.compose_service)
    if where is None and len(known) == 1:
        return next(iter(known.values()))
    if where is not None and where in known:
        return known[where]
    allowed = ", ".join(sorted(known))
    named = "is missing" if where is None else f"unknown target {where!r}{nearest(where, known)}"
    draft.wrong(place, f"{named}; allowed: {allowed}, or a mapping with name and state_file")
    return None
