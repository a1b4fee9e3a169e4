"""Parameters of documents: types, limits, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from chaos_engine.rehearsal.automation_document import Parameter, RefusedError
from chaos_engine.rehearsal.ssm_parameters import values


def of(given: dict[str, list[str]], **definition: Any) -> object:
    return values({"P": Parameter.model_validate(definition)}, given)["P"]


@pytest.mark.parametrize(
    ("kind", "texts", "value"),
    [
        ("String", ["a"], "a"),
        ("StringList", ["a", "b"], ["a", "b"]),
        ("Integer", ["12"], 12),
        ("Boolean", ["True"], True),
        ("Boolean", ["false"], False),
        ("StringMap", ['{"a": "b"}'], {"a": "b"}),
        ("MapList", ['{"a": 1}', '{"b": 2}'], [{"a": 1}, {"b": 2}]),
        ("AWS::EC2::Instance::Id", ["i-1"], "i-1"),
        ("List<AWS::EC2::Instance::Id>", ["i-1"], ["i-1"]),
    ],
)
def test_types(kind: str, texts: list[str], value: object) -> None:
    assert of({"P": texts}, type=kind) == value


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("String", ["a", "b"]),
        ("String", []),
        ("Integer", ["a"]),
        ("Boolean", ["yes"]),
        ("StringMap", ["[1]"]),
        ("StringMap", ["a"]),
        ("MapList", ["1"]),
    ],
)
def test_what_is_of_another_type_is_refused(kind: str, texts: list[str]) -> None:
    with pytest.raises(RefusedError, match=f"parameter P.*not of type {kind}"):
        of({"P": texts}, type=kind)


def test_a_default_is_taken_and_may_be_empty() -> None:
    assert of({}, type="String", default="") == ""
    assert of({}, type="StringList", default=["a"]) == ["a"]
    assert of({"P": ["b"]}, type="String", default="a") == "b"


@pytest.mark.parametrize(
    ("given", "definition", "said"),
    [
        ({}, {}, "P is required"),
        ({"P": ["a"], "Q": ["b"]}, {}, "Q is not defined"),
        ({"P": ["c"]}, {"allowedValues": ["a", "b"]}, "allowed: a, b"),
        ({"P": ["xay"]}, {"allowedPattern": "a"}, "does not match a"),
        ({"P": ["a"]}, {"minChars": 2}, "at least 2"),
        ({"P": ["abc"]}, {"maxChars": 2}, "at most 2"),
        ({"P": ["a"]}, {"type": "StringList", "minItems": 2}, "at least 2"),
        ({"P": ["a", "b", "c"]}, {"type": "StringList", "maxItems": 2}, "at most 2"),
        ({"P": ["a", "c"]}, {"type": "StringList", "allowedValues": ["a"]}, "'c' is not allowed"),
    ],
)
def test_limits(given: dict[str, list[str]], definition: dict[str, Any], said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        of(given, **{"type": "String", **definition})
