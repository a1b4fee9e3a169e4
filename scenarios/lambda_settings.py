"""Pure: the settings of a Lambda function that faults change, by name, and how they are written back.

`Handler`, `Environment.NAME` (a variable's text) and `Layers.ARN` (True: it is there). None: it is not there.
The API: https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

HANDLER, VARIABLE, LAYER = "Handler", "Environment.", "Layers."
MOST_LAYERS = 5
Configuration = Mapping[str, Any]
Changes = Mapping[str, tuple[Any, Any]]  # a setting's name -> what it was, what the fault makes of it


def value_of(found: Configuration, setting: str) -> Any:
    """What it is; None: it is not there."""
    if setting.startswith(VARIABLE):
        return _variables(found).get(setting.removeprefix(VARIABLE))
    if setting.startswith(LAYER):
        return True if setting.removeprefix(LAYER) in layers_of(found) else None
    return found.get(setting)


def layers_of(found: Configuration) -> list[str]:
    """Their ARNs, in the function's order."""
    return [str(layer["Arn"]) for layer in found.get("Layers") or ()]


def unreadable(found: Configuration) -> str:
    """Why its variables cannot be written back, since AWS does not show them; empty: it does."""
    error = (found.get("Environment") or {}).get("Error")
    return "" if not error else f"{error.get('ErrorCode')}: {error.get('Message')}"


def edited(found: Configuration, values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an update that gives these settings these values, and leaves everything else."""
    update: dict[str, Any] = {}
    if HANDLER in values:
        update["Handler"] = values[HANDLER]
    variables = _part(values, VARIABLE)
    if variables:
        merged = {**_variables(found), **variables}
        kept = {name: text for name, text in merged.items() if text is not None}
        update["Environment"] = {"Variables": kept}
    layers = _part(values, LAYER)
    if layers:
        kept_layers = [arn for arn in layers_of(found) if layers.get(arn, True)]
        added = [arn for arn, wanted in layers.items() if wanted and arn not in kept_layers]
        update["Layers"] = [*kept_layers, *added]
    return update


def ours(found: Configuration, changes: Changes) -> list[str]:
    """The settings that are as the fault made them."""
    return [name for name, (_, injected) in changes.items() if value_of(found, name) == injected]


def elses(found: Configuration, changes: Changes) -> dict[str, Any]:
    """The settings that are neither as they were nor as the fault made them, with what they are."""
    now = {name: value_of(found, name) for name in changes}
    return {name: value for name, value in now.items() if value not in changes[name]}


def shown(values: Mapping[str, Any]) -> dict[str, str]:
    """For people to read. A variable may be a secret: that it is another is enough."""
    return {name: _shown(name, value) for name, value in values.items()}


def parts(settings: Iterable[str]) -> tuple[str, ...]:
    """What of a function these settings are in: `handler`, `environment`, `layers`."""
    return tuple(dict.fromkeys(name.partition(".")[0].lower() for name in settings))


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "nothing"
    return "another value" if name.startswith(VARIABLE) else str(value)


def _part(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def _variables(found: Configuration) -> dict[str, str]:
    return dict((found.get("Environment") or {}).get("Variables") or {})
