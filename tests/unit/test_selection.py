"""Which containers a target means, and how many of them are hurt."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_engine.containers import PART, PROJECT, SERVICE, Container, Replicas, Selector
from scenarios.selection import RefusedError, chosen, how_many, meant

STATES = ("running", "running", "running", "exited", "paused")


def container(
    number: int, service: str = "web", project: str = "shop", state: str = "running", **labels: str
) -> Container:
    own = {key.replace("_", ".", 1): value for key, value in labels.items()}
    return Container(
        f"{number:064x}", f"{project}-{service}-{number}", state, {PROJECT: project, SERVICE: service} | own
    )


SHOP = (
    container(1),
    container(2),
    container(3, "db", chaos_target="true"),
    container(4, "web", "other"),
    Container("5" * 64, "shop-engine-1", "running", {PROJECT: "shop", SERVICE: "engine", PART: "engine"}),
)


def names(selector: Selector, own_project: str = "") -> list[str]:
    return [each.name for each in meant(SHOP, selector, own_project)]


def refused(selector: Selector, own_project: str = "") -> str:
    with pytest.raises(RefusedError) as caught:
        meant(SHOP, selector, own_project)
    return str(caught.value)


def test_a_service_is_looked_for_in_its_project() -> None:
    assert names(Selector(service="web", project="shop")) == ["shop-web-1", "shop-web-2"]
    assert names(Selector(service="web"), "other") == ["other-web-4"]
    assert names(Selector(service="db")) == ["shop-db-3"]  # only one project has it


def test_a_name_and_a_label() -> None:
    assert names(Selector(container="other-web-4"), "shop") == ["other-web-4"]
    assert names(Selector(labelled=True), "shop") == ["shop-db-3"]
    assert names(Selector(labelled=True)) == ["shop-db-3"]


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        (Selector(service="wbe", project="shop"), "did you mean 'web'?; allowed: db, web"),
        (Selector(service="web", project="shpo"), "in project 'shpo'; did you mean 'shop'?"),
        (Selector(service="web"), "service 'web' is in other, shop; allowed: one of them as compose_project"),
        (Selector(service="db", project="other"), "project shop has one"),
        (Selector(service="engine", project="shop"), "service 'engine' is a part of Chaos Engine itself"),
        (Selector(container="shop-web-9"), "no container is named 'shop-web-9'; did you mean 'shop-web-"),
        (Selector(labelled=True, project="other"), 'says chaos.target: "true"'),
        (Selector(service="web", project="shop", zone="a"), "is in chaos.zone 'a'"),
    ],
)
def test_what_is_not_there_is_refused_with_the_nearest_right_word(selector: Selector, text: str) -> None:
    assert text in refused(selector)


def test_the_engines_own_containers_and_those_that_say_no_are_refused_by_name() -> None:
    own = container(7)
    says_no = container(8, chaos_target="false")
    for each, reason in ((SHOP[4], "a part of Chaos Engine"), (own, "engine"), (says_no, '"false"')):
        found = meant((*SHOP, own, says_no), Selector(container=each.name), "")
        with pytest.raises(RefusedError, match=reason):
            chosen(found, Selector(container=each.name), "pause", own.id, Random(0))


def test_a_container_may_allow_some_scenarios_only() -> None:
    careful = container(1, chaos_scenarios="kill, latency")
    with pytest.raises(RefusedError, match="allows kill, latency only"):
        chosen((careful,), Selector(), "pause", "", Random(0))
    assert chosen((careful,), Selector(), "latency", "", Random(0)) == (careful,)


def test_what_does_not_run_is_not_hurt() -> None:
    with pytest.raises(RefusedError, match="shop-web-1 is exited, not running"):
        chosen((container(1, state="exited"),), Selector(), "pause", "", Random(0))


# --- how many ------------------------------------------------------------------------------------

replicas = st.one_of(
    st.builds(Replicas, count=st.integers(1, 12)),
    st.builds(Replicas, share=st.floats(0.01, 1.0)),
    st.just(Replicas(any_number=True)),
    st.just(Replicas(every=True)),
)
limits = st.one_of(
    st.none(), st.builds(Replicas, count=st.integers(1, 12)), st.builds(Replicas, share=st.floats(0.01, 1.0))
)
fleets = st.lists(st.sampled_from(STATES), min_size=1, max_size=10).map(
    lambda states: tuple(container(number, state=state) for number, state in enumerate(states))
)


@given(replicas, st.integers(1, 50), st.integers())
def test_at_least_one_and_at_most_all(wanted: Replicas, there_are: int, seed: int) -> None:
    number = how_many(wanted, there_are, Random(seed))
    assert 1 <= number <= there_are
    if wanted.every:
        assert number == there_are
    if wanted.count is not None:
        assert number == min(wanted.count, there_are)
    if wanted.share is not None:
        assert abs(number - wanted.share * there_are) <= 1


@pytest.mark.parametrize(("share", "of", "number"), [(0.5, 3, 2), (0.1, 10, 1), (0.3, 10, 3), (1.0, 7, 7)])
def test_a_share_is_rounded_up_and_a_whole_one_is_not(share: float, of: int, number: int) -> None:
    assert how_many(Replicas(share=share), of, Random(0)) == number


@given(fleets, replicas, limits, st.integers(0, 11), st.integers())
def test_the_blast_radius_holds_whatever_is_asked(
    fleet: tuple[Container, ...], wanted: Replicas, limit: Replicas | None, min_healthy: int, seed: int
) -> None:
    selector = Selector(replicas=wanted, at_most=limit, min_healthy=min_healthy)
    try:
        hurt = chosen(fleet, selector, "pause", "", Random(seed))
    except RefusedError:
        return
    assert hurt
    assert len({each.id for each in hurt}) == len(hurt)
    assert all(each in fleet and each.state == "running" for each in hurt)
    if limit is not None:
        most = math.floor(limit.share * len(fleet)) if limit.share is not None else limit.count or 0
        assert len(hurt) <= most
    if min_healthy:
        assert sum(each.healthy for each in fleet) - len(hurt) >= min_healthy


@given(fleets, st.integers())
def test_the_same_seed_hurts_the_same(fleet: tuple[Container, ...], seed: int) -> None:
    if any(each.state == "running" for each in fleet):
        one, two = (chosen(fleet, Selector(), "pause", "", Random(seed)) for _ in range(2))
        assert one == two


def test_more_than_the_blast_radius_is_refused_rather_than_made_smaller() -> None:
    fleet = tuple(container(number) for number in range(4))
    selector = Selector(replicas=Replicas(every=True), at_most=Replicas(share=0.5))
    with pytest.raises(RefusedError, match="4 of 4 would be hurt at once, and at_most allows 2"):
        chosen(fleet, selector, "pause", "", Random(0))


def test_too_few_healthy_ones_are_named() -> None:
    fleet = (container(1), container(2, state="exited"))
    with pytest.raises(RefusedError, match="1 of 2 replicas are healthy, and min_healthy is 1"):
        chosen(fleet, Selector(min_healthy=1), "pause", "", Random(0))
