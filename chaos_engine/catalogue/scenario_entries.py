"""Scenarios as entries: read from their classes, and asked what they accept as a target."""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel

from chaos_engine.catalogue.fields import arguments, remarks
from chaos_engine.catalogue.model import Entry
from chaos_engine.containers import Selector
from chaos_engine.model import AwsAccess, Target
from scenarios.base import Scenario
from scenarios.registry import PluginError, names

# Targets that have one thing each: which of them a scenario accepts is what it needs.
_TRIALS = (
    ("state_file", Target("x", state_file=Path("x.json"))),
    ("a container (compose_service, container or labelled)", Target("x", containers=Selector(service="x"))),
    ("aws: true", Target("x", aws=AwsAccess())),
    ("flagd_file", Target("x", flagd_file=Path("x.json"))),
)
_UNDONE = {
    "exact": "exactly: everything is as it was",
    "compensating": "what was hurt comes back by itself, or is started again",
    "none": "nothing undoes it: it must be allowed by name, or have a rollback",
}
_OF_CONTAINERS = dict.fromkeys(
    ("network", "traffic", "disconnect"), "the network of containers"
) | dict.fromkeys(("resource", "stress", "disk"), "the resources of containers")
_BY_FILE = {"toolkit": "experiments of the Chaos Toolkit"}
_FAMILIES = {
    "state_file": "the application's failure state",
    "aws: true": "AWS",
    "flagd_file": "feature flags",
}


def entries(scenarios: Mapping[str, Scenario]) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """One a scenario; and why some of an installed package cannot be used."""
    found: dict[str, Scenario] = {}
    problems: list[str] = []
    for name in names(scenarios):
        try:
            found[name] = scenarios[name]
        except PluginError as error:
            problems.append(str(error))
    alone = Counter(type(one).__module__ for one in found.values())
    return tuple(_entry(one, alone[type(one).__module__] == 1) for one in found.values()), tuple(problems)


def _entry(scenario: Scenario, alone: bool) -> Entry:
    module = getattr(scenario, "origin", type(scenario).__module__)
    return Entry(
        "scenario",
        _family(scenario, module),
        scenario.name,
        _text(scenario, module, alone),
        arguments(scenario.parameters),
        needs(scenario),
        _UNDONE.get(scenario.undoes, scenario.undoes),
        module=module,
        package="chaos-engine" if module.startswith("scenarios.") else "",
    )


def needs(scenario: Scenario) -> str:
    """What its target must have, in the words of a file with targets."""
    if scenario.refusal(Target("x")) is None:
        return "nothing of its target"
    accepted = [word for word, target in _TRIALS if scenario.refusal(target) is None]
    return " or ".join(accepted) or str(scenario.refusal(Target("x")))


def _family(scenario: Scenario, module: str) -> str:
    """What is hurt; of a container, by the file that it is in."""
    if not module.startswith("scenarios."):
        return "your own scenarios"
    word = module.removeprefix("scenarios.").removesuffix("_scenarios").replace("_", " ")
    needed = needs(scenario)
    if needed.startswith("a container"):
        return _OF_CONTAINERS.get(word, "containers")
    return _FAMILIES.get(needed) or _BY_FILE.get(word, word)


def _text(scenario: Scenario, module: str, alone: bool) -> str:
    """Of a file with one scenario the file's own words say most; then what holds for all its parameters."""
    file = inspect.getdoc(sys.modules[module]) if alone and module in sys.modules else None
    parts: Iterable[str | None] = (file, _doc(type(scenario)), remarks(scenario.parameters))
    return "\n\n".join(part for part in parts if part)


def _doc(cls: type) -> str:
    """Its own, not that of what it is made from."""
    text = cls.__dict__.get("__doc__")
    return inspect.cleandoc(text) if isinstance(text, str) and not issubclass(cls, BaseModel) else ""
