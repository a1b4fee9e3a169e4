"""Activities of Chaos Toolkit extensions as entries, from what `chaos_engine/toolkit` tells of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chaos_engine.catalogue.model import Argument, Entry

_PLACES = ("actions", "probes", "tolerances", "controls")


def entries(told: Mapping[str, Any]) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """One an activity; and what of the extensions could not be looked at."""
    extensions = told["extensions"]
    found = tuple(entry for extension in extensions for entry in _of(extension))
    problems = (
        f"{one['package']} {one['version']}: {text}" for one in extensions for text in one["problems"]
    )
    return found, tuple(problems)


def _of(extension: Mapping[str, Any]) -> Iterator[Entry]:
    for each in extension["activities"]:
        yield Entry(
            each["kind"],
            f"{extension['package']}: {_part(each['module'])}",
            each["name"],
            each["documentation"],
            tuple(_arguments(each["arguments"])),
            module=each["module"],
            package=extension["package"],
            version=extension["version"],
        )


def _part(module: str) -> str:
    """Of which part of the extension it is: `chaosaws.ec2.actions` is of `chaosaws.ec2`."""
    parts = module.split(".")
    return ".".join(parts[:-1]) if parts[-1] in _PLACES and len(parts) > 1 else module


def _arguments(told: Iterable[Mapping[str, Any]]) -> Iterator[Argument]:
    for one in told:
        yield Argument(one["name"], one["type"], one["default"], one["required"])
