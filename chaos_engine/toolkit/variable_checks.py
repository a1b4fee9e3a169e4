"""Configuration, secrets, and what refers to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chaoslib import TypedTemplate
from chaoslib.configuration import load_configuration
from chaoslib.secret import load_secrets

from chaos_engine.toolkit.experiment_checks import controls_in
from chaos_engine.toolkit.findings import Findings
from chaos_engine.toolkit.places import HYPOTHESIS, activities

# A process whose arguments are one text is given to a shell, which has variables of its own.
SHELL = "(shell)"
Document = Mapping[str, Any]
Variables = tuple[dict[str, Any], dict[str, Any]]


def check_variables(findings: Findings, experiment: Document, variables: Variables, *, strict: bool) -> None:
    """A `${…}` that nothing resolves would be used as it is written."""
    configuration = part(findings, experiment, "configuration")
    secrets = part(findings, experiment, "secrets")
    loaded: dict[str, Any] = {}
    for key, value in configuration.items():
        path = f"configuration.{key}"
        if findings.ask(path, load_configuration, {key: value}):
            loaded.update(load_configuration({key: value}, dict(variables[0])))
    for key, value in secrets.items():
        findings.ask(f"secrets.{key}", load_secrets, {key: value}, loaded)
    check_unused(findings, configuration, secrets, variables)
    tell = findings.warning if strict else findings.problem
    check_literal(tell, configuration)
    check_groups(findings, experiment, {*secrets, *variables[1]})
    known = set(configuration) | inner_keys(secrets) | inner_keys(variables[1])
    for path, text in substituted(findings, experiment):
        for name in unresolved(text, known):
            said = f"${{{name}}} is neither in the configuration nor in the secrets"
            (findings.warning if path.endswith(SHELL) else tell)(path.removesuffix(SHELL), said)
        if "$(" in text and "provider.arguments" in path and not path.endswith(SHELL):
            findings.warning(path, "no shell reads this: $(…) is passed on as it is written")


def check_literal(tell: Callable[[str, str], None], configuration: Document) -> None:
    """chaoslib resolves nothing within the configuration."""
    for key, value in configuration.items():
        for name in unresolved(value, set()) if isinstance(value, str) else ():
            said = f"${{{name}}} would be used as it is written: nothing is resolved within the configuration"
            tell(f"configuration.{key}", said)


def check_groups(findings: Findings, experiment: Document, known: set[str]) -> None:
    """chaoslib hands over nothing for a group of secrets that there is not."""
    for path, activity in activities(experiment, HYPOTHESIS, "method", "rollbacks"):
        provider = activity.get("provider")
        groups = provider.get("secrets") if isinstance(provider, Mapping) else None
        for name in groups if isinstance(groups, list) else ():
            if name not in known:
                findings.warning(f"{path}.provider.secrets", f"{name!r} is no group of the secrets")


def check_unused(
    findings: Findings, configuration: Document, secrets: Document, variables: Variables
) -> None:
    """chaoslib takes a variable only for what the experiment declares."""
    for name, declared, given in (
        ("configuration", configuration, variables[0]),
        ("secrets", secrets, variables[1]),
    ):
        for key in set(given) - set(declared):
            findings.warning(
                f"{name}.{key}", "a variable is given for it, and the experiment does not declare it"
            )


def part(findings: Findings, experiment: Document, key: str) -> Document:
    """A mapping, or none and a problem."""
    value = experiment.get(key)
    if isinstance(value, Mapping):
        return value
    if value is not None:
        findings.problem(key, "must be a mapping")
    return {}


def inner_keys(secrets: Document) -> set[str]:
    """Secrets are used by their inner names."""
    return {key for group in secrets.values() if isinstance(group, Mapping) for key in group}


def unresolved(text: str, known: set[str]) -> list[str]:
    """The names in `${…}`; `$$` is an escape."""
    found = [match.group("braced") for match in TypedTemplate.pattern.finditer(text)]
    return [name for name in dict.fromkeys(found) if name and name not in known]


def substituted(findings: Findings, experiment: Document) -> Iterator[tuple[str, str]]:
    """The texts in which chaoslib resolves variables, with their paths."""
    yield from texts("title", experiment.get("title"))
    for path, activity in activities(experiment, HYPOTHESIS, "method", "rollbacks"):
        yield from in_activity(path, activity)
    for path, control in controls_in(findings, experiment):
        yield from in_provider(f"{path}.provider", control.get("provider"))
    configuration = experiment.get("configuration")
    for key, value in (configuration if isinstance(configuration, Mapping) else {}).items():
        if isinstance(value, Mapping) and value.get("type") == "probe":
            yield from in_activity(f"configuration.{key}", value)


def in_activity(path: str, activity: Document) -> Iterator[tuple[str, str]]:
    """Its provider, its pauses, its tolerance."""
    yield from in_provider(f"{path}.provider", activity.get("provider"))
    yield from texts(f"{path}.pauses", activity.get("pauses"))
    tolerance = activity.get("tolerance")
    if isinstance(tolerance, str):
        yield from texts(f"{path}.tolerance", tolerance)
    elif isinstance(tolerance, Mapping):
        yield from in_provider(f"{path}.tolerance.provider", tolerance.get("provider"))
        for key in ("pattern", "path", "expect"):
            yield from texts(f"{path}.tolerance.{key}", tolerance.get(key))


def in_provider(path: str, provider: Any) -> Iterator[tuple[str, str]]:
    """What is substituted in each kind of provider."""
    if not isinstance(provider, Mapping):
        return
    keys = ("url", "headers", "timeout", "arguments") if provider.get("type") == "http" else ("arguments",)
    for key in keys:
        value = provider.get(key)
        shell = provider.get("type") == "process" and isinstance(value, str)
        yield from texts(f"{path}.{key}{SHELL if shell else ''}", value)


def texts(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Those in it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from texts(f"{path}.{key}", inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from texts(f"{path}[{index}]", inner)
