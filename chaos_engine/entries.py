"""From the names in a file to the scenarios and targets that are meant."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from chaos_engine import chaos_machine, toolkit_files
from chaos_engine.assembly import access_of
from chaos_engine.documents import Judging, ScenarioDocument, TargetDocument
from chaos_engine.model import AwsAccess, Target
from chaos_engine.refusals import Draft, refuse
from chaos_engine.spelling import nearest
from chaos_engine.written import ConfigError, Place, read
from scenarios.base import Scenario
from scenarios.registry import PluginError, clash, load, names

_BESIDE_INPUTS = {"chaos_machine", "weight", "targets", "abort_when"}  # of the Chaos Machine
_BESIDE = (*Judging.model_fields, "weight", "targets", "chaos_machine")  # keys that are no parameters


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
    return Target(
        document.name or name, document.state_file, document.selector, aws, document.flagd_file,
        document.role or "",
    )  # fmt: skip


def find_scenario(
    draft: Draft, place: Place, name: str, scenarios: Mapping[str, Scenario]
) -> Scenario | None:
    """The scenario of that name; None, and a problem, where there is none."""
    known = names(scenarios)
    if name not in known:
        draft.wrong(place, f"unknown scenario {name!r}{nearest(name, known)}; allowed: {', '.join(known)}")
        return None
    try:
        text, found = clash(scenarios, name), scenarios[name]
    except PluginError as error:
        text, found = str(error), None
    if text:
        draft.wrong(place, text)
    return found


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


# --- the entries of `scenarios` ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, with what its names mean. `machine`: the Chaos Machine input that it runs."""

    label: str
    document: ScenarioDocument
    scenario: Scenario
    targets: tuple[Target, ...]
    machine: chaos_machine.Input | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entries:
    """Reads them against what there is."""

    draft: Draft
    scenarios: Mapping[str, Scenario]
    targets: Mapping[str, Target]

    def read(self, documents: Mapping[str, ScenarioDocument]) -> tuple[Entry, ...]:
        """Those that mean something; what is wrong with the others is noted."""
        found = (self._entry(label, self._located(document)) for label, document in documents.items())
        return tuple(entry for entry in found if entry is not None)

    def _entry(self, label: str, document: ScenarioDocument) -> Entry | None:
        place: Place = ("scenarios", label)
        inner = self._input(document)
        machine = None if inner is None else self._machine(place, document, inner)
        if inner is not None and machine is None:
            return None
        own = document.own if machine is None else machine.parameters
        name = machine.scenario if machine else document.scenario or label
        scenario = find_scenario(self.draft, place, name, self.scenarios)
        names = self._names((*place, "targets"), document.targets)
        if scenario is None:
            return None
        check_parameters(self.draft, place, scenario, own, also=_BESIDE)
        targets = self._fitting(place, document, scenario, names)
        warned = () if inner is None else tuple(chaos_machine.warnings(inner))
        return Entry(label, document, scenario, targets, machine, warned)

    def _located(self, document: ScenarioDocument) -> ScenarioDocument:
        """One that names an experiment of the Chaos Toolkit runs it, whatever its key."""
        if toolkit_files.SCENARIO not in document.own:
            return document
        own = toolkit_files.located(document.own, Path(self.draft.written.name).parent)
        return document.model_copy(
            update={"own": own, "scenario": document.scenario or toolkit_files.SCENARIO}
        )

    def _input(self, document: ScenarioDocument) -> Draft | None:
        """Its path is relative to the file that names it. ConfigError where it cannot be read."""
        if document.chaos_machine is None:
            return None
        return Draft(read(Path(self.draft.written.name).parent / document.chaos_machine))

    def _machine(self, place: Place, document: ScenarioDocument, inner: Draft) -> chaos_machine.Input | None:
        found = chaos_machine.read(inner)
        self.draft.problems += inner.problems
        beside = {*document.model_fields_set, *document.own} - _BESIDE_INPUTS - {"own"}
        allowed = ", ".join(sorted(_BESIDE_INPUTS))
        for key in sorted(beside):
            self.draft.wrong((*place, key), f"the input says it itself; allowed beside it: {allowed}")
        return found

    def _names(self, place: Place, wanted: tuple[str, ...] | None) -> tuple[str, ...]:
        known = self.targets
        if wanted == ():
            self.draft.wrong(place, f"[] names no target; allowed: {', '.join(sorted(known))}")
        for index, name in enumerate(wanted or ()):
            if name not in known:
                text = f"unknown target {name!r}{nearest(name, known)}; allowed: {', '.join(sorted(known))}"
                self.draft.wrong((*place, index), text)
        chosen = dict.fromkeys(known if wanted is None else wanted)  # one named twice is not likelier
        return tuple(name for name in chosen if name in known)

    def _fitting(
        self, place: Place, document: ScenarioDocument, scenario: Scenario, names: tuple[str, ...]
    ) -> tuple[Target, ...]:
        """Those that are named; where none is: those that the scenario can hurt, if there are any."""
        if scenario.name == toolkit_files.SCENARIO and document.targets is None:
            label = str(place[-1])  # it says itself what it hurts
            return (self.targets.get(label) or Target(label),)
        targets = [self.targets[name] for name in names]
        fitting = [target for target in targets if scenario.refusal(target) is None]
        if document.targets is None and fitting:
            return tuple(fitting)
        for target in targets:
            if refusal := scenario.refusal(target):
                self.draft.wrong(place, refusal)
        return tuple(targets)
