"""Selectors, filters and pages."""

from __future__ import annotations

import pytest

from chaos_engine.rehearsal.automation_document import RefusedError
from chaos_engine.rehearsal.automation_selectors import MISSING, cast, matches, select
from chaos_engine.rehearsal.ssm_pages import UnknownKeyError, UnknownTokenError, filtered, page

TREE = {"A": [{"B": {"C": "x"}}, {"B": {"C": "y"}}], "N": 16, "T": True}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.A[0].B.C", "x"),
        ("$.A[1].B", {"C": "y"}),
        ("$.A..C", ["x", "y"]),
        ("$.A[*].B.C", ["x", "y"]),
        ("$..Z", []),
        ("$.Z.Y", MISSING),
        ("$.A[7]", MISSING),
        ("$.N[0]", MISSING),
        ("$.N", 16),
    ],
)
def test_select(path: str, value: object) -> None:
    assert select(path, TREE) == value


@pytest.mark.parametrize(
    ("value", "desired", "yes"),
    [
        ("on", ["off", "on"], True),
        ("on", ["off"], False),
        (True, ["True"], True),
        (True, ["true"], False),
        (16, ["16"], True),
        (16, [16], True),
        (["on", "on"], ["on"], True),
        (["on", "off"], ["on"], False),
        ([], ["on"], False),
        (MISSING, ["on"], False),
        ("on", "on", False),
    ],
)
def test_matches(value: object, desired: object, yes: bool) -> None:
    assert matches(value, desired) is yes


@pytest.mark.parametrize(
    ("value", "kind"),
    [([], "String"), ({}, "String"), (True, "Integer"), ("1", "Integer"), (1, "Boolean"), ([1], "StringList"),
     ("a", "StringList"), ([], "StringMap"), (["a"], "MapList"), (None, "String")],
)  # fmt: skip
def test_cast_refuses_other_types(value: object, kind: str) -> None:
    with pytest.raises(RefusedError, match=f"not of type {kind}"):
        cast(value, kind)


def test_cast_takes_its_own() -> None:
    pairs = [("a", "String"), (1, "Integer"), (False, "Boolean"), (["a"], "StringList"), ([{}], "MapList")]
    assert [cast(value, kind) for value, kind in pairs] == [value for value, _ in pairs]
    assert cast(16, "String") == "16"


def test_pages_go_on_where_the_last_one_ended_though_the_list_grew() -> None:
    first, token = page(["c", "b", "a"], str, 2, None)
    assert first == ["c", "b"]
    assert page(["d", "c", "b", "a"], str, 2, token) == (["a"], "")


@pytest.mark.parametrize("token", ["nonsense", "ég", "eg=="])
def test_a_token_of_nothing_is_refused(token: str) -> None:
    with pytest.raises(UnknownTokenError):
        page(["a"], str, None, token)


@pytest.mark.parametrize("size", [0, 51])
def test_page_sizes(size: int) -> None:
    with pytest.raises(RefusedError, match="allowed: 1 to 50"):
        page(["a"], str, size, None)


def test_every_filter_and_any_of_its_values() -> None:
    tests = {"starts": str.startswith, "ends": str.endswith}
    words = ["ab", "ac", "bc"]
    assert filtered(words, [{"Key": "starts", "Values": ["a"]}], tests) == ["ab", "ac"]
    both = [{"Key": "starts", "Values": ["a", "b"]}, {"Key": "ends", "Values": ["c"]}]
    assert filtered(words, both, tests) == ["ac", "bc"]
    with pytest.raises(UnknownKeyError, match="holds"):
        filtered(words, [{"Key": "holds", "Values": ["a"]}], tests)
