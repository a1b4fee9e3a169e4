"""Pure: whether an operator may ask for this scenario on that target, judged from the settings alone."""

from __future__ import annotations

from collections.abc import Iterator

from chaos_engine.config import Settings
from chaos_engine.spelling import nearest
from scenarios.registry import PluginError, clash, names


def unknown(settings: Settings, scenario: str, target: str) -> Iterator[str]:
    """A sentence for each of the two that the settings do not know."""
    labels = {label for label, _ in settings.experiments} | set(names(settings.scenarios))
    if scenario not in labels:
        allowed = ", ".join(sorted(labels))
        yield f"unknown scenario {scenario!r}{nearest(scenario, labels)}; allowed: {allowed}"
    if target not in settings.targets:
        allowed = ", ".join(sorted(settings.targets))
        yield f"unknown target {target!r}{nearest(target, settings.targets)}; allowed: {allowed}"


def unfit(settings: Settings, scenario: str, target: str) -> str:
    """Why this scenario cannot hurt that target, where both are known; empty: it can."""
    if (scenario, target) in settings.experiments or target not in settings.targets:
        return ""
    allowed = [name for label, name in settings.experiments if label == scenario]
    if allowed:
        return f"{scenario!r} does not hurt {target!r}; allowed: {', '.join(sorted(allowed))}"
    if scenario not in settings.scenarios:
        return ""
    try:
        refusal = settings.scenarios[scenario].refusal(settings.targets[target])
    except PluginError as error:
        return str(error)
    return clash(settings.scenarios, scenario) or refusal or ""
