"""Files with one experiment, for `chaos-engine run FILE`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import scheduler
from chaos_engine import chaos_machine, toolkit_files
from chaos_engine.assembly import Common, access_of, assemble, check_experiments, hold_of, warnings
from chaos_engine.config import DEFAULT_TARGETS, Settings
from chaos_engine.documents import DEFAULT_HOLD, ExperimentDocument, StepDocument, TargetDocument
from chaos_engine.entries import check_parameters, find_scenario, load_scenarios, read_targets, target_from
from chaos_engine.model import AwsAccess, Experiment, Step, Target
from chaos_engine.refusals import Draft, validated
from chaos_engine.spelling import nearest
from chaos_engine.written import ConfigError, Place, Written, overlay, override, read
from scenarios.base import Scenario
from scenarios.registry import merged


def load_experiment(
    path: Path,
    environment: Mapping[str, str],
    base: Settings | None = None,
    changes: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
) -> Settings:
    """A file with one experiment, as settings that hold just that. It may name what `base` has.

    `changes` are `KEY=VALUE`, over what the file says. A Chaos Machine input, or an experiment of the Chaos
    Toolkit, will do as well; `options` are those of `chaos run`.
    """
    return experiment_of(read(path), environment, base, changes, options)


def experiment_of(
    written: Written,
    environment: Mapping[str, str],
    base: Settings | None = None,
    changes: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
) -> Settings:
    """The same, of a document that has been read already. The guardrails of `base` hold for it."""
    found = _just_one(written, environment, base, changes, options)
    return found if base is None else replace(found, guardrails=base.guardrails)


def _just_one(
    written: Written,
    environment: Mapping[str, str],
    base: Settings | None,
    changes: Sequence[str],
    options: Mapping[str, Any] | None,
) -> Settings:
    if options and not toolkit_files.is_experiment(written.data):
        raise ConfigError(
            f"--{key.replace('_', '-')}: allowed with experiments of the Chaos Toolkit alone;"
            f" {written.name} is none"
            for key in options
        )
    prometheus = {k: v for k, v in environment.items() if k in ("PROMETHEUS_URL", "PROMETHEUS_URL_FILE")}
    if chaos_machine.is_input(written.data):
        return _machine(Draft(override(written, changes, chaos_machine.TEXTS)))
    if toolkit_files.is_experiment(written.data):
        if changes:
            raise ConfigError(
                [f"--set {changes[0]}: {written.name} is run as it is; allowed: --var KEY=VALUE"]
            )
        return _toolkit(Draft(written), options or {})
    draft = Draft(override(overlay(written, prometheus), changes))
    document = validated(ExperimentDocument, draft)
    scenarios, access = load_scenarios(draft, document.plugins), access_of(document.aws)
    scenarios = merged(base.scenarios, scenarios) if base else scenarios
    targets = {**_known_targets(environment, base), **read_targets(draft, document.targets, access)}
    known = _Known(scenarios, targets, access)
    steps = tuple(_steps(draft, document, known))
    _check_apart(draft, steps)
    draft.check()
    label = document.scenario or "+".join(step.scenario for step in steps)
    common = Common(
        document.prometheus_url, access, document.steady_state, document.hypothesis, document.abort_when
    )
    wanted = document.recovery or DEFAULT_HOLD
    hold = max(hold_of(scenarios[step.scenario], step.parameters, wanted) for step in steps)
    experiment = assemble(document.title, label, steps, hold, document, common)
    settings = _just(experiment, draft, scenarios, document.scrape_interval)
    check_experiments(draft, [experiment], document.scrape_interval)
    return settings


def _machine(draft: Draft) -> Settings:
    """A Chaos Machine input."""
    found = chaos_machine.read(draft)
    draft.check()
    assert found is not None  # noqa: S101
    scenarios, access = load_scenarios(draft, None), access_of(found.aws)
    target = Target("aws", aws=access)
    experiment = chaos_machine.experiment(found, found.testId, target, access)
    settings = _just(experiment, draft, scenarios, None)
    odd = (*chaos_machine.warnings(draft), *chaos_machine.tight(experiment, None))
    return replace(settings, warnings=(*odd, *settings.warnings))


def _toolkit(draft: Draft, options: Mapping[str, Any]) -> Settings:
    """An experiment of the Chaos Toolkit. What is wrong inside of it, that toolkit says."""
    scenarios = load_scenarios(draft, None)
    scenario = scenarios[toolkit_files.SCENARIO]
    timeout = hold_of(scenario, {"toolkit": "-", **options}, DEFAULT_HOLD)
    path, title = Path(draft.written.name), str(draft.written.data.get("title") or draft.written.name)
    return _just(toolkit_files.experiment(path, title, options, timeout), draft, scenarios, None)


def _just(
    experiment: Experiment, draft: Draft, scenarios: Mapping[str, Scenario], scrape_interval: float | None
) -> Settings:
    """Settings that hold one experiment, and no schedule."""
    targets = {step.target.name: step.target for step in experiment.steps}
    choice = scheduler.Choice(experiment.label, 1.0, tuple(targets))
    return Settings(
        source=draft.written.name,
        rules=scheduler.Rules(every=1.0, startup_wait=0.0, choices=(choice,), enabled=False),
        seed=None,
        hold=experiment.hold,
        targets=targets,
        scenarios=scenarios,
        experiments={(experiment.label, experiment.targets[0]): experiment},
        warnings=tuple(warnings([experiment])),
        scrape_interval=scrape_interval,
    )


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


@dataclass(frozen=True, slots=True)
class _Known:
    """What a step may name."""

    scenarios: Mapping[str, Scenario]
    targets: Mapping[str, Target]
    access: AwsAccess


def _steps(draft: Draft, document: ExperimentDocument, known: _Known) -> Iterator[Step]:
    if document.scenario is not None:
        only = StepDocument.model_validate({"scenario": document.scenario, "with": document.with_})
        yield from _step(draft, (), only, document.target, known)
    for index, step in enumerate(document.steps):
        yield from _step(draft, ("steps", index), step, step.target or document.target, known)


def _step(
    draft: Draft, place: Place, step: StepDocument, where: str | TargetDocument | None, known: _Known
) -> Iterator[Step]:
    scenario = find_scenario(draft, (*place, "scenario"), step.scenario, known.scenarios)
    target = _target_of(draft, (*place, "target"), where, known)
    if scenario is None or target is None:
        return
    refusal = scenario.refusal(target)
    if refusal:
        draft.wrong((*place, "target"), refusal)
    check_parameters(draft, (*place, "with"), scenario, step.with_, also=())
    yield Step(step.scenario, target, dict(step.with_), step.after, scenario.runs)


def _target_of(
    draft: Draft, place: Place, where: str | TargetDocument | None, known: _Known
) -> Target | None:
    targets = known.targets
    if isinstance(where, TargetDocument):
        return target_from("target", where, known.access)
    if where is None and len(targets) == 1:
        return next(iter(targets.values()))
    if where is not None and where in targets:
        return targets[where]
    allowed = ", ".join(sorted(targets))
    named = "is missing" if where is None else f"unknown target {where!r}{nearest(where, targets)}"
    draft.wrong(place, f"{named}; allowed: {allowed}, or a mapping with name and state_file")
    return None
