"""From what the user wrote to what the engine runs on. Everything that is wrong is said at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import scheduler
from chaos_engine import chaos_machine
from chaos_engine.assembly import Common, access_of, assemble, check_experiments, hold_of, located, warnings
from chaos_engine.changes import Changes, lay_over
from chaos_engine.documents import ChaosDocument, ScheduleDocument
from chaos_engine.entries import Entries, Entry, load_scenarios, read_targets
from chaos_engine.guardrail_fields import GuardrailsDocument, days_of
from chaos_engine.guardrails import Guardrails, Span
from chaos_engine.journal_fields import Keep
from chaos_engine.model import Experiment, HttpProbe, Probe, Ramp, Step, Target, shows_only
from chaos_engine.notice_fields import NotifierDocument
from chaos_engine.ramp_checks import check_ramp
from chaos_engine.refusals import Draft, validated
from chaos_engine.spelling import nearest
from chaos_engine.written import ConfigError, Place, Written, overlay, read, unknown_variables
from scenarios.base import Scenario
from scenarios.container import ContainerScenario

DEFAULT_FILE = Path("chaos.yml")
DEFAULT_TARGETS = {"target-app": {"state_file": "/tmp/failure_state.json"}}  # noqa: S108
DEFAULT_SCENARIOS = {
    "crash": {"weight": 0.30},
    "slowdown": {"weight": 0.40},
    "config_error": {"weight": 0.30},
}
DEFAULT_MIN_INTERVAL = 60.0
_NONE: Changes = {}
_OPEN = GuardrailsDocument().rails("", "UTC")


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
    notify: Mapping[str, NotifierDocument] = field(default_factory=dict)  # who is told, by name
    keep: Keep = field(default_factory=Keep)  # how much of the journal
    guardrails: Guardrails = _OPEN
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
    def hurts_containers(self) -> bool:
        """Whether an experiment needs the Docker Engine: a target may name a container for other reasons."""
        used = {step.scenario for experiment in self.experiments.values() for step in experiment.steps}
        return any(isinstance(self.scenarios.get(name), ContainerScenario) for name in used)

    @property
    def http_probes(self) -> tuple[HttpProbe, ...]:
        """Those that are asked in the background."""
        return tuple(probe for probe in self.probes if isinstance(probe, HttpProbe))


def load_settings(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """The daemon's settings: the file (default `./chaos.yml`, if there is one), the environment over it.

    ConfigError names everything that is wrong.
    """
    return settings_of(written_settings(path, environment), environment)


def guardrails_of(environment: Mapping[str, str]) -> Guardrails:
    """Those of an environment alone, where there is no file of settings."""
    names = ("CHAOS_ENVIRONMENT", "CHAOS_ALLOW_PRODUCTION", "CHAOS_SCHEDULE__TIMEZONE", "PROMETHEUS_URL")
    own = {k: v for k, v in environment.items() if k in names or k.startswith("CHAOS_GUARDRAILS__")}
    return settings_of(_with_defaults(Written("defaults"), own), own).guardrails


def written_settings(path: Path | None, environment: Mapping[str, str]) -> Written:
    """The file with the environment over it. ConfigError: it cannot be read."""
    return _with_defaults(_file(path, environment), environment)


def settings_of(written: Written, environment: Mapping[str, str], changes: Changes = _NONE) -> Settings:
    """What is written, with what was changed while running over it."""
    lay_over(written, changes, ScheduleDocument.model_fields)
    draft = Draft(written)
    document = validated(ChaosDocument, draft)
    scenarios = load_scenarios(draft, document.plugins)
    targets = read_targets(draft, document.targets, access_of(document.aws))
    entries = Entries(draft, scenarios, targets).read(document.scenarios)
    _check_weights(draft, document)
    _check_rollbacks(draft, entries)
    for entry in entries:
        check_ramp(draft, entry)
    rails = _guardrails(draft, document)
    draft.check()
    experiments = {
        (entry.label, target.name): _experiment(document, entry, target)
        for entry in entries
        for target in entry.targets
    }
    settings = Settings(
        source=written.name,
        rules=_rules(document, entries),
        seed=document.schedule.seed,
        hold=document.schedule.recovery,
        targets={**targets, **{target.name: target for entry in entries for target in entry.targets}},
        scenarios=scenarios,
        experiments=experiments,
        warnings=(
            *unknown_variables(environment),
            *_never_allowed(entries, rails),
            *_of_inputs(document, entries, experiments.values()),
            *warnings(experiments.values()),
        ),
        scrape_interval=document.scrape_interval,
        notify=document.notify,
        keep=document.journal.kept(),
        resume=document.schedule.resume,
        guardrails=rails,
    )
    ours = [experiment for experiment in experiments.values() if experiment.label not in _inputs(entries)]
    check_experiments(draft, ours, document.scrape_interval)
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


def _check_weights(draft: Draft, document: ChaosDocument) -> None:
    off = not any(entry.weight > 0 for entry in document.scenarios.values())
    if off and document.schedule.enabled:
        draft.wrong(
            ("scenarios",), "every weight is 0; allowed: at least one above 0 (or schedule.enabled: false)"
        )


def _never_allowed(entries: tuple[Entry, ...], rails: Guardrails) -> Iterator[str]:
    for entry in entries:
        name, document = entry.scenario.name, entry.document
        allowed = {name, entry.label} & set(rails.irreversible) or document.rollback
        if entry.scenario.undoes == "none" and not allowed and not shows_only(document.own):
            yield (
                f"scenarios.{entry.label}: nothing undoes {name}, so each start is refused; "
                "allow it by name in guardrails.irreversible, or name a rollback"
            )


def _check_rollbacks(draft: Draft, entries: tuple[Entry, ...]) -> None:
    by_label = {entry.label: entry for entry in entries}
    for entry in entries:
        name = entry.document.rollback
        if name is None:
            continue
        place: Place = ("scenarios", entry.label, "rollback")
        others = {
            label: e for label, e in by_label.items() if label != entry.label and not e.document.rollback
        }
        allowed = ", ".join(sorted(others)) or "another entry of scenarios"
        if name not in others:
            draft.wrong(place, f"{name!r} cannot roll it back{nearest(name, others)}; allowed: {allowed}")
        elif missing := sorted({t.name for t in entry.targets} - {t.name for t in others[name].targets}):
            draft.wrong(
                place, f"{name!r} does not hurt {missing[0]}; allowed: with all targets of this entry"
            )


def _guardrails(draft: Draft, document: ChaosDocument) -> Guardrails:
    found = document.guardrails
    if found.not_while.alerts and not document.prometheus_url:
        draft.wrong(("prometheus_url",), "is missing, and guardrails ask for alerts (or set PROMETHEUS_URL)")
    return found.rails(
        document.environment, document.schedule.timezone, _holidays(draft, found.holidays_file),
        document.prometheus_url or "", access_of(document.aws), allow_production=document.allow_production,
    )  # fmt: skip


def _holidays(draft: Draft, file: Path | None) -> tuple[Span, ...]:
    """Those of the file, which is relative to the one that names it."""
    if file is None:
        return ()
    path = Path(draft.written.name).parent / file
    try:
        return days_of(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or error
        draft.wrong(("guardrails", "holidays_file"), f"{str(path)!r}: {told}")
    return ()


def _rules(document: ChaosDocument, entries: tuple[Entry, ...]) -> scheduler.Rules:
    schedule = document.schedule
    shortest = min(DEFAULT_MIN_INTERVAL, schedule.every)
    return scheduler.Rules(
        every=schedule.every,
        startup_wait=schedule.startup_wait,
        choices=tuple(
            scheduler.Choice(entry.label, entry.document.weight, tuple(t.name for t in entry.targets))
            for entry in entries
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


def _experiment(document: ChaosDocument, entry: Entry, target: Target) -> Experiment:
    label, own, scenario = entry.label, entry.document, entry.scenario
    common = Common(
        document.prometheus_url, access_of(document.aws), document.steady_state, document.hypothesis,
        document.abort_when,
    )  # fmt: skip
    if entry.machine is not None:
        return _of_input(entry.machine, entry, target, common)
    # The parameters as they were written: the scenario reads them again when it prepares.
    step = Step(scenario.name, target, dict(own.own), runs=scenario.runs)
    hold = hold_of(scenario, own.own, own.recovery or document.schedule.recovery)
    made = assemble(f"{label} on {target.name}", label, (step,), hold, own, common)
    ramp = None if own.ramp is None else Ramp(own.ramp.parameter, own.ramp.steps, own.ramp.after)
    return replace(made, rollback=own.rollback or "", ramp=ramp)


# --- inputs of the Chaos Machine --------------------------------------------------------------


def _of_input(found: chaos_machine.Input, entry: Entry, target: Target, common: Common) -> Experiment:
    """Where AWS is: as the input says, else as its target does; runs and probes are in the same one."""
    access = access_of(found.aws, target.aws or common.aws)
    own = entry.document.abort_when
    abort = located(common.abort_when if own is None else own, common)
    return chaos_machine.experiment(found, entry.label, replace(target, aws=access), access, abort)


def _inputs(entries: tuple[Entry, ...]) -> set[str]:
    return {entry.label for entry in entries if entry.machine is not None}


def _of_inputs(
    document: ChaosDocument, entries: tuple[Entry, ...], experiments: Iterable[Experiment]
) -> Iterator[str]:
    """What is allowed in them, and probably not meant."""
    for entry in entries:
        yield from entry.warnings
    for experiment in experiments:
        if experiment.label in _inputs(entries):
            yield from chaos_machine.tight(experiment, document.scrape_interval)
