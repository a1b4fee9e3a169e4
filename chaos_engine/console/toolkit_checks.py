"""Whether the experiments of the Chaos Toolkit that are named can be run, as that toolkit itself sees it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chaos_engine.adapters import toolkit_python, toolkit_waiting
from chaos_engine.config import Settings
from chaos_engine.toolkit_files import SCENARIO
from chaos_engine.toolkit_runs import ToolkitError
from chaos_engine.written import ConfigError
from scenarios.toolkit_scenarios import ToolkitParameters, spec_of

MOST_KNOWN = 20  # settings of which it is known that they can be run
BUDGET = 30.0  # seconds: an extension that is imported may look at its cloud


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong, and what is allowed and probably not meant; a sentence each, with file and path."""

    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class Checks:
    """Asks once for what it has found well: a daemon's settings are changed in the thread that clears."""

    examine: Callable[[Settings], Findings]
    _well: dict[tuple[object, ...], Findings] = field(default_factory=dict)

    def checked(self, settings: Settings) -> Settings:
        """The settings, with its warnings. ConfigError: an experiment cannot be run."""
        asked = tuple(_as_it_is(spec) for spec in _specs(settings))
        found = self._well.pop(asked, None) or self.examine(settings)
        if found.problems:
            raise ConfigError(found.problems)
        self._well = dict([*self._well.items(), (asked, found)][-MOST_KNOWN:])
        return _warned(settings, found)


def all_checked(several: Sequence[Settings]) -> list[Settings]:
    """As above, of several at once."""
    found = examine_all(several)
    if problems := [text for each in found for text in each.problems]:
        raise ConfigError(problems)
    return [_warned(settings, each) for settings, each in zip(several, found, strict=True)]


def _warned(settings: Settings, found: Findings) -> Settings:
    return replace(settings, warnings=(*settings.warnings, *found.warnings))


def examine(settings: Settings) -> Findings:
    """What is found of its experiments."""
    return examine_all([settings])[0]


def examine_all(several: Sequence[Settings]) -> list[Findings]:
    """What is found of each. All are asked about at once: the process loads their activities' modules."""
    named = [_specs(settings) for settings in several]
    try:
        answers = _answers([*dict.fromkeys(spec for specs in named for spec in specs)])
    except ToolkitError as error:
        return [
            Findings((f"{settings.source}: {error}",) if specs else ())
            for settings, specs in zip(several, named, strict=True)
        ]
    return [_findings({spec: answers[spec] for spec in specs}) for specs in named]


def _answers(specs: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """ToolkitError: there are none."""
    if not specs:
        return {}
    asked = json.dumps([json.loads(spec) for spec in specs])
    # The one that waits is to run one of them: it loads no modules of the others.
    told = toolkit_waiting.check(asked, BUDGET) if len(specs) == 1 else None
    told = told or toolkit_python.ask("check", asked, BUDGET)
    return dict(zip(specs, json.loads(told), strict=True))


def _findings(answers: Mapping[str, Mapping[str, Any]]) -> Findings:
    pairs = [(json.loads(spec)["source"], answer) for spec, answer in answers.items()]
    return Findings(
        tuple(text for source, answer in pairs for text in _told(source, answer["problems"])),
        tuple(
            text
            for source, answer in pairs
            for text in (*_told(source, answer["warnings"]), *_odd(source, answer))
        ),
    )


def _specs(settings: Settings) -> list[str]:
    return [*dict.fromkeys(_named(settings))]


def _as_it_is(spec: str) -> tuple[object, ...]:
    """It, and the files that it names as they are now. What is at a URL is taken to be the same still."""
    asked = json.loads(spec)
    files = [asked["source"], asked["settings"], *asked["var_file"], *asked["control_file"]]
    return (spec, *(_version(file) for file in files if file is not None))


def _version(file: str) -> tuple[int, int] | None:
    try:
        found = os.stat(file)  # noqa: PTH116 - it may be a URL
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _named(settings: Settings) -> Iterator[str]:
    for experiment in settings.experiments.values():
        for step in experiment.steps:
            if step.scenario == SCENARIO:
                parameters = ToolkitParameters.model_validate(dict(step.parameters))
                spec = spec_of(parameters, {})
                spec.pop("experiment")  # it is read from its source
                yield json.dumps(spec, sort_keys=True)


def _told(source: str, findings: list[Mapping[str, Any]]) -> Iterator[str]:
    for finding in findings:
        yield (
            f"{source}: {finding['path']}: {finding['text']}"
            if finding["path"]
            else f"{source}: {finding['text']}"
        )


def _odd(source: str, answer: Mapping[str, Any]) -> Iterator[str]:
    if answer.get("actions") and not answer.get("rollbacks"):
        yield f"{source}: it has no rollbacks: what its actions do is left as they leave it"
    elif answer.get("strategies", {}).get("rollbacks") == "never":
        yield f"{source}: its rollbacks are never run: what its actions do is left as they leave it"


checked = Checks(examine).checked  # of this process
