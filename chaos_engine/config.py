"""From what the user wrote to what the engine runs on. Everything that is wrong is said at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import scheduler
from chaos_engine.assembly import Common, access_of, assemble, check_experiments, hold_of, warnings
from chaos_engine.documents import ChaosDocument, Judging, ScenarioDocument, TargetDocument
from chaos_engine.model import AwsAccess, Experiment, HttpProbe, Probe, Step, Target
from chaos_engine.refusals import Draft, refuse, validated
from chaos_engine.written import ConfigError, Place, Written, nearest, overlay, read, unknown_variables
from scenarios.base import Scenario
from scenarios.registry import PluginError, load

DEFAULT_FILE = Path("chaos.yml")
DEFAULT_TARGETS = {"target-app": {"state_file": "/tmp/failure_state.json"}}  # noqa: S108
DEFAULT_SCENARIOS = {
    "crash": {"weight": 0.30},
    "slowdown": {"weight": 0.40},
    "config_error": {"weight": 0.30},
}
DEFAULT_MIN_INTERVAL = 60.0
_BESIDE = (*Judging.model_fields, "weight", "targets")  # keys of an entry that are no parameters


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the daemon runs on. `experiments` has one for each label and target."""

    source: str
    rules: scheduler.Rules
    seed: int | None
    hold: float
    targets: Mapping[str, Target]
    scenarios: Mapping[str, Scenario]
    experiments: Mapping[tuple[str, str], Experiment]
    warnings: tuple[str, ...] = ()
    scrape_interval: float | None = None
    resume: bool = False  # go on with what a dead engine held, instead of clearing it

    @property
    def probes(self) -> tuple[Probe, ...]:
        """Every probe of every experiment, each once."""
        found: dict[Probe, None] = {}
        for experiment in self.experiments.values():
            for probe in (*experiment.steady, *experiment.hypothesis.probes, *experiment.abort_when):
                found[probe] = None
        return tuple(found)

    @property
    def http_probes(self) -> tuple[HttpProbe, ...]:
        """Those that are asked in the background."""
        return tuple(probe for probe in self.probes if isinstance(probe, HttpProbe))


def load_settings(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """The daemon's settings: the file (default `./chaos.yml`, if there is one), the environment over it.

    ConfigError names everything that is wrong.
    """
    written = _with_defaults(_file(path, environment), environment)
    draft = Draft(written)
    document = validated(ChaosDocument, draft)
    scenarios = load_scenarios(draft, document.plugins)
    targets = read_targets(draft, document.targets, access_of(document.aws))
    labels = _labels(draft, document, scenarios, targets)
    draft.check()
    experiments = {
        (label, name): _experiment(document, label, scenarios, targets[name])
        for label, names in labels.items()
        for name in names
    }
    settings = Settings(
        source=written.name,
        rules=_rules(document, labels),
        seed=document.schedule.seed,
        hold=document.schedule.recovery,
        targets=targets,
        scenarios=scenarios,
        experiments=experiments,
        warnings=(*unknown_variables(environment), *warnings(experiments.values())),
        scrape_interval=document.scrape_interval,
        resume=document.schedule.resume,
    )
    check_experiments(draft, experiments.values(), document.scrape_interval)
    return settings


def _file(path: Path | None, environment: Mapping[str, str]) -> Written:
    named = path or (Path(environment["CHAOS_CONFIG"]) if environment.get("CHAOS_CONFIG") else None)
    if named is not None:
        return read(named)
    return read(DEFAULT_FILE) if DEFAULT_FILE.exists() else Written("defaults")


def _with_defaults(written: Written, environment: Mapping[str, str]) -> Written:
    """Defaults go below the environment, so that a variable can change one of them alone."""
    data = written.data
    data["targets"] = data.get("targets") or {k: dict(v) for k, v in DEFAULT_TARGETS.items()}
    data["scenarios"] = data.get("scenarios") or {k: dict(v) for k, v in DEFAULT_SCENARIOS.items()}
    state_file = environment.get("FAILURE_STATE_FILE")
    if state_file and isinstance(data["targets"], dict):
        _put_state_file(written, data["targets"], state_file)
    return overlay(written, environment)


def _put_state_file(written: Written, targets: dict[str, Any], state_file: str) -> None:
    if len(targets) != 1:
        raise ConfigError(
            [f"environment FAILURE_STATE_FILE: allowed with one target only; there are {len(targets)}"]
        )
    name = next(iter(targets))
    if not isinstance(targets[name] or {}, dict):
        return  # refused with everything else that is wrong
    targets[name] = {**(targets[name] or {}), "state_file": state_file}
    written.variables[("targets", name, "state_file")] = "environment FAILURE_STATE_FILE"


# --- scenarios, targets, weights ------------------------------------------------------------


def load_scenarios(draft: Draft, plugins: Path | None) -> Mapping[str, Scenario]:
    """The built-in ones and the plugins, whose folder is relative to the file. ConfigError: one is bad."""
    folder = None if plugins is None else Path(draft.written.name).parent / plugins
    try:
        return load(folder)
    except PluginError as error:
        raise ConfigError([str(error)]) from error


def read_targets(
    draft: Draft, documents: Mapping[str, TargetDocument], access: AwsAccess
) -> dict[str, Target]:
    """Targets by name; two on one state file are a problem. `access`: what holds where a target says none."""
    targets = {name: target_from(name, document, access) for name, document in documents.items()}
    for name, target in targets.items():
        if target.name != name:
            text = f"{target.name!r} is another name than the key's; allowed: {name!r}, or none here"
            draft.wrong(("targets", name, "name"), text)
    files: dict[str, str] = {}
    for name, target in targets.items():
        if target.state_file is None:
            continue
        real = os.path.realpath(target.state_file)
        if real in files:
            text = (
                f"{str(target.state_file)!r} is the state file of {files[real]!r} too; allowed: one a target"
            )
            draft.wrong(("targets", name, "state_file"), text)
        files[real] = name
    return targets


def target_from(name: str, document: TargetDocument, access: AwsAccess) -> Target:
    """The target that a document describes."""
    aws = None if document.aws is None else access_of(document.aws, access)
    return Target(document.name or name, document.state_file, document.compose_service, aws)


def _labels(
    draft: Draft,
    document: ChaosDocument,
    scenarios: Mapping[str, Scenario],
    targets: Mapping[str, Target],
) -> dict[str, tuple[str, ...]]:
    """For each entry of `scenarios` the targets that it may hurt."""
    labels: dict[str, tuple[str, ...]] = {}
    for label, entry in document.scenarios.items():
        place: Place = ("scenarios", label)
        scenario = find_scenario(draft, place, entry.scenario or label, scenarios)
        names = _names(draft, place, entry.targets, targets)
        if scenario is not None:
            names = _fitting(entry, scenario, names, targets)
        labels[label] = names
        if scenario is not None:
            check_parameters(draft, place, scenario, entry.own, also=_BESIDE)
            _check_targets(draft, place, scenario, [targets[name] for name in names])
    off = not any(entry.weight > 0 for entry in document.scenarios.values())
    if off and document.schedule.enabled:
        draft.wrong(
            ("scenarios",), "every weight is 0; allowed: at least one above 0 (or schedule.enabled: false)"
        )
    return labels


def find_scenario(
    draft: Draft, place: Place, name: str, scenarios: Mapping[str, Scenario]
) -> Scenario | None:
    """The scenario of that name; None, and a problem, where there is none."""
    if name not in scenarios:
        known = ", ".join(sorted(scenarios))
        draft.wrong(place, f"unknown scenario {name!r}{nearest(name, scenarios)}; allowed: {known}")
    return scenarios.get(name)


def _names(
    draft: Draft, place: Place, wanted: tuple[str, ...] | None, targets: Mapping[str, Target]
) -> tuple[str, ...]:
    if wanted == ():
        draft.wrong((*place, "targets"), f"[] names no target; allowed: {', '.join(sorted(targets))}")
    for index, name in enumerate(wanted or ()):
        if name not in targets:
            text = f"unknown target {name!r}{nearest(name, targets)}; allowed: {', '.join(sorted(targets))}"
            draft.wrong((*place, "targets", index), text)
    chosen = dict.fromkeys(targets if wanted is None else wanted)  # one named twice is not likelier
    return tuple(name for name in chosen if name in targets)


def _fitting(
    entry: ScenarioDocument, scenario: Scenario, names: tuple[str, ...], targets: Mapping[str, Target]
) -> tuple[str, ...]:
    """Where the entry names no targets: those that the scenario can hurt, if there are any."""
    if entry.targets is not None:
        return names
    return tuple(name for name in names if scenario.refusal(targets[name]) is None) or names


def check_parameters(
    draft: Draft, place: Place, scenario: Scenario, own: Mapping[str, Any], *, also: Iterable[str]
) -> None:
    """Note parameters that the scenario does not take. `also`: words that may stand beside them."""
    known = set(scenario.parameters.model_fields)
    for key in own:
        if key not in known:
            hint = nearest(key, known | set(also))
            has = ", ".join(sorted(known)) or "no parameters"
            text = f"unknown key {key!r}{hint}; {scenario.name} has {has}"
            draft.wrong((*place, key), text)
    try:
        scenario.parameters.model_validate({k: v for k, v in own.items() if k in known})
    except ValidationError as error:
        refuse(draft, error, place)


def _check_targets(draft: Draft, place: Place, scenario: Scenario, targets: list[Target]) -> None:
    for target in targets:
        refusal = scenario.refusal(target)
        if refusal:
            draft.wrong(place, refusal)


def _rules(document: ChaosDocument, labels: Mapping[str, tuple[str, ...]]) -> scheduler.Rules:
    schedule = document.schedule
    shortest = min(DEFAULT_MIN_INTERVAL, schedule.every)
    return scheduler.Rules(
        every=schedule.every,
        startup_wait=schedule.startup_wait,
        choices=tuple(
            scheduler.Choice(label, document.scenarios[label].weight, names)
            for label, names in labels.items()
        ),
        enabled=schedule.enabled,
        windows=schedule.windows,
        timezone=schedule.timezone,
        max_concurrent=schedule.max_concurrent,
        min_interval=shortest if schedule.min_interval is None else schedule.min_interval,
        max_per_hour=schedule.max_per_hour,
        max_per_day=schedule.max_per_day,
        strain_factor=schedule.when_not_recovered,
    )


# --- experiments ----------------------------------------------------------------------------


def _experiment(
    document: ChaosDocument, label: str, scenarios: Mapping[str, Scenario], target: Target
) -> Experiment:
    entry = document.scenarios[label]
    name = entry.scenario or label
    scenario = scenarios[name]
    step = Step(name, target, _parsed(scenario, entry.own), runs=scenario.runs)
    common = Common(
        document.prometheus_url, access_of(document.aws), document.steady_state, document.hypothesis,
        document.abort_when,
    )  # fmt: skip
    hold = hold_of(scenario, entry.own, entry.recovery or document.schedule.recovery)
    return assemble(f"{label} on {target.name}", label, (step,), hold, entry, common)


def _parsed(scenario: Scenario, own: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters as they were written: the scenario reads them again when it prepares."""
    scenario.parameters.model_validate(dict(own))
    return dict(own)
