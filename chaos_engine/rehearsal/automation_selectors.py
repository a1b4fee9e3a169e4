"""JSONPath into an API's response, and the types that a selected value may have.

Rules from AWS's page "Using action outputs as inputs": a deep scan (`..`) always gives a list.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.jsonpath import JSONPath
from jsonpath_ng.parser import parse

from chaos_engine.rehearsal.automation_document import RefusedError
from chaos_engine.rehearsal.automation_variables import as_text


class Missing:
    """The response has no such part."""


MISSING: Final = Missing()
_SCALARS = (str, int, float, bool)


@lru_cache(maxsize=512)
def parsed(selector: str) -> JSONPath:
    """RefusedError says what is wrong with the path."""
    if not selector.startswith("$"):
        raise RefusedError(f"{selector!r} is not a JSONPath; it begins with $.")
    try:
        return parse(selector)
    except JSONPathError as error:
        raise RefusedError(f"{selector!r} is not a JSONPath: {error}") from None


def select(selector: str, response: object) -> object:
    """The value at the path; a list where the path can match many; MISSING where there is nothing."""
    found = [match.value for match in parsed(selector).find(response)]
    if ".." in selector or "*" in selector:
        return found
    return found[0] if found else MISSING


def cast(value: object, kind: str) -> object:
    """The value as the type that an output declares. RefusedError when it is of another."""
    if kind == "String" and isinstance(value, _SCALARS):
        return as_text(value)
    if _is(value, kind):
        return value
    raise RefusedError(f"{as_text(value)[:80]} is not of type {kind}")


def matches(value: object, desired: object) -> bool:
    """Whether a property has one of the desired values. A list has, when it is not empty and all of it has.

    Values are compared as text, booleans as True and False (page "aws:assertAwsResourceProperty").
    """
    if isinstance(value, Missing) or not isinstance(desired, list):
        return False
    wanted = {str(one) for one in desired}
    if isinstance(value, list):
        return bool(value) and all(str(one) in wanted for one in value)
    return str(value) in wanted


def _is(value: object, kind: str) -> bool:
    if kind == "Integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind in ("StringList", "MapList"):
        inside = dict if kind == "MapList" else str
        return isinstance(value, list) and all(isinstance(one, inside) for one in value)
    return isinstance(value, {"Boolean": bool, "StringMap": dict}.get(kind, ()))
