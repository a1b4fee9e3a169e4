"""The parameters of a document: their definitions, and the values that a caller gives.

Rules from AWS's page "Data elements and parameters". Values arrive as lists of strings, whatever their type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from chaos_engine.rehearsal.automation_document import Parameter, RefusedError

TYPES = frozenset({"String", "StringList", "Integer", "Boolean", "StringMap", "MapList"})
Given = Mapping[str, Sequence[str]]
_BOOLEANS = {"true": True, "false": False}
_OF_AWS = re.compile(r"AWS::[A-Za-z0-9:]+")
_LIST_OF_AWS = re.compile(r"List<AWS::[A-Za-z0-9:]+>")


def base_type(written: str) -> str:
    """`AWS::EC2::Instance::Id` is a String, `List<AWS::EC2::Instance::Id>` a StringList."""
    if written in TYPES:
        return written
    if _OF_AWS.fullmatch(written):
        return "String"
    if _LIST_OF_AWS.fullmatch(written):
        return "StringList"
    raise RefusedError(f"unknown type {written}; allowed: {', '.join(sorted(TYPES))}, AWS::…, List<AWS::…>")


def check_definition(name: str, parameter: Parameter) -> None:
    """RefusedError names what is wrong with it."""
    try:
        base_type(parameter.type)
        re.compile(parameter.allowed_pattern or "")
    except (RefusedError, re.error) as error:
        raise RefusedError(f"parameter {name}: {error}") from None
    if "{{" in json.dumps(parameter.default, default=str):
        raise RefusedError(f"parameter {name}: a default that refers to something else is not rehearsed")


def values(parameters: Mapping[str, Parameter], given: Given) -> dict[str, object]:
    """Each parameter's value, of its own type. RefusedError names one that is wrong, missing or unknown."""
    if unknown := sorted(given.keys() - parameters.keys()):
        raise RefusedError(f"parameter {unknown[0]} is not defined in the document")
    return {name: _value(name, parameter, given) for name, parameter in parameters.items()}


def _value(name: str, parameter: Parameter, given: Given) -> object:
    if name not in given:
        if parameter.default is None:
            raise RefusedError(f"parameter {name} is required, and has no value")
        return parameter.default
    _check_allowed(name, parameter, given[name])
    try:
        return _typed(base_type(parameter.type), list(given[name]))
    except (ValueError, TypeError, KeyError):
        raise RefusedError(f"parameter {name}: {list(given[name])} is not of type {parameter.type}") from None


def _typed(kind: str, texts: list[str]) -> object:
    if kind == "StringList":
        return texts
    if kind == "MapList":
        return [_of_type(json.loads(text), dict) for text in texts]
    (text,) = texts
    if kind == "StringMap":
        return _of_type(json.loads(text), dict)
    if kind == "Boolean":
        return _BOOLEANS[text.lower()]
    return int(text) if kind == "Integer" else text


def _of_type(value: object, kind: type) -> object:
    if not isinstance(value, kind):
        raise TypeError
    return value


def _check_allowed(name: str, parameter: Parameter, texts: Sequence[str]) -> None:
    allowed = [str(one) for one in parameter.allowed_values]
    for text in texts:
        if allowed and text not in allowed:
            raise RefusedError(f"parameter {name}: {text!r} is not allowed; allowed: {', '.join(allowed)}")
        if parameter.allowed_pattern and not re.fullmatch(parameter.allowed_pattern, text):
            raise RefusedError(f"parameter {name}: {text!r} does not match {parameter.allowed_pattern}")
        _check_size(name, len(text), parameter.min_chars, parameter.max_chars, "characters")
    _check_size(name, len(texts), parameter.min_items, parameter.max_items, "items")


def _check_size(name: str, size: int, least: int | None, most: int | None, unit: str) -> None:
    if least is not None and size < least:
        raise RefusedError(f"parameter {name} has {size} {unit}; at least {least}")
    if most is not None and size > most:
        raise RefusedError(f"parameter {name} has {size} {unit}; at most {most}")
