"""What a MetricDataQueries list says, and how it is cut into calls."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos_engine.metric_queries import MOST, calls, common_period, periods, read
from tests.unit.cloudwatch_twin import stat


def math_of(id_: str, expression: str, **more: Any) -> dict[str, Any]:
    return {"Id": id_, "Expression": expression, **more}


@pytest.mark.parametrize(
    ("expression", "refers"),
    [
        ("m1 + m2", {"m1", "m2"}),
        ("IF(m1 > 0.5, 0, 1)", {"m1"}),
        ("m10 + m1x", set()),  # other ids
        ("100*m1/m2", {"m1", "m2"}),
        ("SEARCH('{Shop,m1} m2', 'Sum')", set()),
        ('SUM(METRICS("m"))', {"m1", "m2"}),  # AWS knows which
        ("SUM( METRICS () )", {"m1", "m2"}),
        ("e1 + m1", {"m1"}),  # itself
    ],
)
def test_what_an_expression_refers_to(expression: str, refers: set[str]) -> None:
    listed = [stat("m1"), stat("m2"), math_of("e1", expression)]
    assert read(json.dumps(listed))[-1].refers == refers


def test_a_period_is_ones_own_or_the_longest_of_what_it_is_made_of() -> None:
    listed = [
        stat("m1", 60), stat("m2", 300), math_of("e1", "m1 + m2"), math_of("e2", "e1 > 0"),
        math_of("e3", "m1"), math_of("e4", "SEARCH('x', 'Sum')", Period=10),
        math_of("e5", "SEARCH('x', 'Sum')"),
    ]  # fmt: skip
    assert periods(read(json.dumps(listed)), 30.0) == {
        "m1": 60, "m2": 300, "e1": 300, "e2": 300, "e3": 60, "e4": 10, "e5": 30
    }  # fmt: skip


def test_expressions_that_refer_to_each_other_do_not_hang() -> None:
    listed = [math_of("e1", "e2 + 1"), math_of("e2", "e1 + 1")]
    assert periods(read(json.dumps(listed)), 60.0) == {"e1": 60, "e2": 60}


def test_where_all_periods_begin_together() -> None:
    assert common_period(json.dumps([stat("m1", 120), stat("m2", 300)]), 60.0) == 600


def ids(call: list[Any]) -> list[str]:
    return [query["Id"] for query in call]


def test_a_call_takes_500() -> None:
    assert [len(call) for call in calls(json.dumps([stat(f"m{n}") for n in range(1201)]))] == [500, 500, 201]
    assert [len(call) for call in calls(json.dumps([stat(f"m{n}") for n in range(500)]))] == [500]


def test_too_many_that_cannot_be_asked_apart_are_refused() -> None:
    many = [*(stat(f"m{n}") for n in range(500)), math_of("e1", "SUM(METRICS())")]
    with pytest.raises(ValueError, match="501 queries refer to each other; allowed: 500"):
        list(calls(json.dumps(many)))


REFERENCES = st.lists(st.lists(st.integers(0, 699), max_size=4), max_size=60)


@given(st.integers(700, 1100), REFERENCES, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_each_query_goes_into_one_call_with_all_that_it_refers_to(
    count: int, references: list[list[int]], rng: Random
) -> None:
    sums = (" + ".join(f"m{n}" for n in of) for of in references)
    listed = [*(stat(f"m{n}") for n in range(count)), *(math_of(f"e{i}", of) for i, of in enumerate(sums))]
    rng.shuffle(listed)
    text = json.dumps(listed)
    found = [set(ids(call)) for call in calls(text)]
    assert sorted(id_ for call in found for id_ in call) == sorted(str(query["Id"]) for query in listed)
    assert all(len(call) <= MOST for call in found)
    home = {id_: call for call in found for id_ in call}
    assert all(home[query.id] >= query.refers for query in read(text))
