"""Which resources a target means."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_engine.rehearsal.fis_targets import Selection, matches, select

INSTANCE: dict[str, Any] = {
    "InstanceId": "i-1",
    "State": {"Name": "running", "Code": 16},
    "Placement": {"AvailabilityZone": "eu-north-1a"},
    "VpcId": "vpc-1",
    "EbsOptimized": False,
    "SecurityGroups": [{"GroupId": "sg-1"}, {"GroupId": "sg-2"}],
    "Tags": [{"Key": "shop", "Value": "chaos-ready"}, {"Key": "empty", "Value": ""}],
}


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ({}, True),
        ({"shop": "chaos-ready"}, True),
        ({"shop": "chaos-ready", "empty": ""}, True),
        ({"shop": "chaos-ready", "stage": "x"}, False),  # every tag must be there
        ({"shop": ""}, False),  # an empty value is a value, no wildcard
        ({"Shop": "chaos-ready"}, False),
    ],
)
def test_tags(tags: dict[str, str], found: bool) -> None:
    assert matches(INSTANCE, tags, []) is found
    assert not matches({"InstanceId": "i-2"}, {"shop": "chaos-ready"}, [])


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([("State.Name", ["running"])], True),
        ([("State.Name", ["stopped", "running"])], True),  # one of the values is enough
        ([("State.Name", ["running"]), ("VpcId", ["vpc-2"])], False),  # every filter must match
        ([("Placement.AvailabilityZone", ["eu-north-1a"])], True),
        ([("State.Code", ["16"])], True),
        ([("EbsOptimized", ["false"])], True),
        ([("SecurityGroups.GroupId", ["sg-2"])], True),  # any element of a list
        ([("SecurityGroups.GroupId", ["sg-3"])], False),
        ([("state.name", ["running"])], False),  # paths are case sensitive
        ([("State", ["running"])], False),
        ([("State.Name.First", ["running"])], False),
        ([("Nothing.There", [""])], False),
    ],
)
def test_filters(filters: list[tuple[str, list[str]]], found: bool) -> None:
    assert matches(INSTANCE, {}, filters) is found


@pytest.mark.parametrize(
    ("mode", "of", "count"),
    [
        ("ALL", 5, 5), ("ALL", 0, 0), ("COUNT(2)", 5, 2), ("COUNT(9)", 5, 5), ("COUNT(1)", 0, 0),
        ("PERCENT(50)", 5, 2), ("PERCENT(50)", 1, 0), ("PERCENT(100)", 3, 3), ("PERCENT(25)", 4, 1),
        ("PERCENT(5)", 4, 0),
    ],
)  # fmt: skip
def test_how_many(mode: str, of: int, count: int) -> None:
    assert Selection.read(mode).of(of) == count


@pytest.mark.parametrize(
    "mode", ["", "all", "COUNT()", "COUNT(-1)", "COUNT(1.5)", "PERCENT(0)", "ALL(1)", "COUNT(2) "]
)
def test_what_is_no_selection(mode: str) -> None:
    with pytest.raises(ValueError, match="allowed: ALL, COUNT"):
        Selection.read(mode)


@given(st.integers(0, 20), st.sampled_from(["ALL", "COUNT(3)", "PERCENT(50)"]), st.integers())
def test_a_selection_is_some_of_what_was_found_and_none_twice(count: int, mode: str, seed: int) -> None:
    found = [f"i-{number}" for number in range(count)]
    selection = Selection.read(mode)
    chosen = select(found, selection, random.Random(seed))
    assert len(chosen) == selection.of(count)
    assert [one for one in found if one in chosen] == chosen


def test_a_selection_is_at_random() -> None:
    found = ["a", "b", "c", "d"]
    seen = {tuple(select(found, Selection.read("COUNT(1)"), random.Random(seed))) for seed in range(50)}
    assert seen == {("a",), ("b",), ("c",), ("d",)}
