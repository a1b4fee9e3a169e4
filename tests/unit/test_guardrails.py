"""Each guardrail by itself: what it forbids, what it lets through, and what it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_engine.guardrails import (
    LARGE,
    RULES,
    Asked,
    Guardrails,
    Radius,
    Reach,
    Refusal,
    Situation,
    Span,
    largeness,
    refusal,
)

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC).timestamp()  # a Wednesday
NIGHT, SUNDAY = NOON + 9 * 3600, NOON + 4 * 86400
ONE = Asked("crash", Reach(("shop",), 1))
HERE = Situation(NOON, known=4)
PRODUCTION = Guardrails("production", allow_production=True, in_business_hours=False)


def rule(rails: Guardrails, asked: Asked = ONE, situation: Situation = HERE) -> str:
    found = refusal(rails, asked, situation)
    return found.rule if found else ""


def test_without_settings_nothing_is_forbidden() -> None:
    assert refusal(Guardrails(), ONE, HERE) is None


@pytest.mark.parametrize(("wall", "forbids"), [(NOON, True), (NIGHT, False), (SUNDAY, False)])
def test_production_is_left_alone_in_business_hours(wall: float, forbids: bool) -> None:
    situation = replace(HERE, wall=wall)
    assert rule(PRODUCTION, situation=situation) == ("business_hours" if forbids else "")
    assert rule(replace(PRODUCTION, in_business_hours=True), situation=situation) == ""
    assert rule(replace(PRODUCTION, environment="staging"), situation=situation) == ""


def test_business_hours_are_those_of_the_time_zone() -> None:
    late = replace(HERE, wall=NOON + 4.5 * 3600)  # 16:30 UTC
    assert rule(PRODUCTION, situation=late) == "business_hours"
    assert rule(replace(PRODUCTION, timezone="Europe/Berlin"), situation=late) == ""
    assert rule(replace(PRODUCTION, business_hours=("* 0-5 * * *",))) == ""


def test_windows_and_holidays() -> None:
    assert rule(Guardrails(windows=("* 0-5 * * *",))) == "guardrail_windows"
    assert rule(Guardrails(windows=("* 12 * * *",))) == ""
    day = date(2026, 11, 18)
    assert refusal(Guardrails(holidays=(Span(day, day),)), ONE, HERE) == Refusal(
        "holidays", "2026-11-18 is a holiday"
    )
    eve = Guardrails(holidays=(Span(date(2026, 11, 10), date(2026, 11, 17)),))
    assert rule(eve) == ""
    midnight = replace(HERE, wall=datetime(2026, 11, 17, 23, 30, tzinfo=UTC).timestamp())
    assert rule(eve, situation=midnight) == "holidays"
    assert rule(replace(eve, timezone="Europe/Berlin"), situation=midnight) == ""


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 40), st.integers(-60, 60))
def test_a_holiday_forbids_its_own_days_and_no_other(first: date, length: int, away: int) -> None:
    span = Span(first, date.fromordinal(first.toordinal() + length))
    wall = datetime(first.year, first.month, first.day, 12, tzinfo=UTC).timestamp() + away * 86400
    forbidden = rule(Guardrails(holidays=(span,)), situation=replace(HERE, wall=wall)) == "holidays"
    assert forbidden is (0 <= away <= length)


def test_nothing_while_another_comes_back() -> None:
    recovering = replace(HERE, recovering=("e7",))
    found = refusal(Guardrails(only_after_recovery=True), ONE, recovering)
    assert found == Refusal("not_recovered", "e7 has not recovered yet")
    assert rule(Guardrails(), situation=recovering) == ""


def test_what_nothing_undoes_is_allowed_by_name_or_has_a_rollback() -> None:
    asked = Asked("half_gone", Reach(("aws",), None), ("fis",))
    assert rule(Guardrails(), asked) == "irreversible"
    assert rule(Guardrails(irreversible=("ssm_command",)), asked) == "irreversible"
    assert rule(Guardrails(irreversible=("fis",)), asked) == ""
    assert rule(Guardrails(irreversible=("half_gone",)), asked) == ""
    assert rule(Guardrails(), replace(asked, rolled_back=True)) == ""


def test_the_blast_radius_is_the_sum_of_all_that_is_open() -> None:
    busy = replace(HERE, open=(Reach(("cart",), 2), Reach(("mail",), 1)))
    assert rule(Guardrails(radius=Radius(targets=3)), situation=busy) == ""
    assert rule(Guardrails(radius=Radius(targets=2)), situation=busy) == "blast_radius"
    assert rule(Guardrails(radius=Radius(containers=4)), situation=busy) == ""
    assert rule(Guardrails(radius=Radius(containers=3)), situation=busy) == "blast_radius"
    assert rule(Guardrails(radius=Radius(share=0.75)), situation=busy) == ""
    assert rule(Guardrails(radius=Radius(share=0.74)), situation=busy) == "blast_radius"
    same = replace(HERE, open=(Reach(("shop",), 1),))
    assert rule(Guardrails(radius=Radius(targets=1)), situation=same) == ""


def test_what_cannot_be_counted_is_more_than_any_bound() -> None:
    unknown = Asked("fis", Reach(("aws",), None))
    assert rule(Guardrails(radius=Radius(containers=100)), unknown) == "blast_radius"
    assert rule(Guardrails(radius=Radius(targets=1)), unknown) == ""


REACHES = st.builds(
    Reach,
    st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3, unique=True).map(tuple),
    st.integers(0, 5),
)


@given(st.lists(REACHES, max_size=6), st.integers(1, 8), st.integers(1, 12))
def test_the_bounds_hold_whatever_comes_in_whatever_order(
    asked: list[Reach], targets: int, containers: int
) -> None:
    rails, open_ = Guardrails(radius=Radius(targets, containers)), tuple[Reach, ...]()
    for reach in asked:
        if refusal(rails, Asked("x", reach), Situation(NOON, open_)) is None:
            open_ = (*open_, reach)
    assert len({name for reach in open_ for name in reach.targets}) <= targets
    assert sum(reach.containers or 0 for reach in open_) <= containers


@pytest.mark.parametrize(
    ("reach", "words"),
    [
        (Reach(("shop",), 1), ""),
        (Reach(("shop",), 2, 0.4), ""),
        (Reach(("shop",), 2, 0.5), "50% of a target"),
        (Reach(("shop",), 3, 0.1), "3 containers"),
        (Reach(("shop",), 2, 0.4, every=True), "100% of a target"),
        (Reach(("shop", "cart"), 2), "2 targets"),
        (Reach(("aws",), None), "nobody can count"),
    ],
)
def test_what_is_large_needs_an_approval(reach: Reach, words: str) -> None:
    assert words in largeness(LARGE, reach)
    assert bool(largeness(LARGE, reach)) is bool(words)
    rails = Guardrails(large=LARGE)
    assert rule(rails, Asked("x", reach)) == ("approval" if words else "")
    assert rule(rails, Asked("x", reach), replace(HERE, approved=True)) == ""
    assert rule(Guardrails(), Asked("x", reach)) == ""


def test_an_approval_lifts_no_other_rule() -> None:
    approved = replace(HERE, approved=True)
    assert rule(replace(PRODUCTION, large=LARGE), situation=approved) == "business_hours"


def test_every_rule_is_named_as_its_function() -> None:
    named = {name: rule.__name__ for name, rule in RULES.items()}
    assert named == {name: name.removeprefix("guardrail_") for name in RULES}
