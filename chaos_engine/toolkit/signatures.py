"""What an activity takes and answers, as data: read from its signature."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

HANDED = ("configuration", "secrets")  # by the Chaos Toolkit itself, whatever the experiment says
_PREFIX = re.compile(r"\b(?:typing|types|builtins|collections\.abc)\.")
_STARS: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


def described(kind: str, function: Callable[..., Any], module: str, name: str) -> dict[str, Any]:
    """The activity. Raises nothing for one whose signature cannot be read: it has no arguments then."""
    signature = _signature(function)
    parameters = list(signature.parameters.values()) if signature else []
    return {
        "kind": kind,
        "name": name,
        "module": module,
        "documentation": inspect.getdoc(function) or "",
        "arguments": list(_arguments(parameters)),
        "handed": [one.name for one in parameters if one.name in HANDED],
        "returns": _type(signature.return_annotation) if signature else "",
    }


def of_discovery(told: dict[str, Any]) -> dict[str, Any]:
    """The same from what an extension's `discover` tells of a function that cannot be looked at."""
    arguments = [one for one in told.get("arguments") or () if one.get("name") not in HANDED]
    return {
        "kind": str(told.get("type", "")),
        "name": str(told.get("name", "")),
        "module": str(told.get("mod", "")),
        "documentation": str(told.get("doc") or ""),
        "arguments": [
            {
                "name": str(one.get("name", "")),
                "type": str(one.get("type", "")),
                "default": plain(one.get("default")),
                "required": "default" not in one,
            }
            for one in arguments
        ],
        "handed": [],
        "returns": str(told.get("return_type", "")),
    }


def plain(value: Any) -> Any:
    """As JSON can say it; else as Python writes it."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return repr(value)
    return value


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _arguments(parameters: list[inspect.Parameter]) -> Iterator[dict[str, Any]]:
    for one in parameters:
        if one.name in HANDED:
            continue
        stars = _STARS.get(one.kind, "")
        absent = one.default is inspect.Parameter.empty
        yield {
            "name": stars + one.name,
            "type": _type(one.annotation),
            "default": None if absent else plain(one.default),
            "required": absent and not stars,
        }


def _type(annotation: Any) -> str:
    """As it is written, without the modules of Python's own words."""
    if annotation is inspect.Signature.empty:
        return ""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return _PREFIX.sub("", text)
