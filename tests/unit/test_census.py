"""Each container is somebody's target, or there is a reason."""

from __future__ import annotations

import json

import pytest

from chaos_engine.containers import PART, PROJECT, SERVICE, Container, Selector
from chaos_engine.found_targets import as_data
from scenarios.census import Census, census


def container(name: str, state: str = "running", health: str = "", **labels: str) -> Container:
    project, service, _ = name.split("-")
    own = {key.replace("_", ".", 1): value for key, value in labels.items()}
    return Container(f"id-{name}", name, state, {PROJECT: project, SERVICE: service} | own, health=health)


THERE = (
    container("shop-web-1", health="healthy"),
    container("shop-web-2", state="exited"),
    container("shop-web-3", chaos_target="false"),
    container("shop-db-1", chaos_scenarios="kill, latency"),
    container("shop-cache-1"),
    container("shop-mail-1", chaos_target="true"),
    container("shop-never-1", chaos_target="false"),
    container("other-web-1"),
    Container(
        "id-janitor", "shop-janitor-1", "running", {PROJECT: "shop", SERVICE: "janitor", PART: "engine"}
    ),
    container("shop-me-1"),
)
TARGETS = {
    "web": Selector(service="web"),
    "db": Selector(container="shop-db-1"),
    "gone": Selector(service="wbe", project="shop"),
}


@pytest.fixture
def found() -> Census:
    return census(THERE, TARGETS, "id-shop-me-1", "shop")


def test_every_container_is_in_it_once(found: Census) -> None:
    targets = [candidate.container for target in found.targets for candidate in target.candidates]
    others = [each for each, _ in found.others]
    assert sorted(each.name for each in targets + others) == sorted(each.name for each in THERE)


def test_which_containers_of_a_target_may_be_hurt_now(found: Census) -> None:
    web, db, gone = found.targets
    assert {c.container.name: c.why_not for c in web.candidates} == {
        "shop-web-1": "",
        "shop-web-2": "it is exited, not running",
        "shop-web-3": 'it says chaos.target: "false"',
    }
    assert (web.eligible, db.eligible, gone.eligible) == (1, 1, 0)
    assert db.candidates[0].only == ("kill", "latency")
    assert "did you mean 'web'?" in gone.refusal


def test_why_each_other_one_is_no_target(found: Census) -> None:
    assert {each.name: why for each, why in found.others} == {
        "shop-cache-1": 'no target names it, and it does not say chaos.target: "true"',
        "shop-mail-1": 'it says chaos.target: "true", and no target of the settings is `labelled: true` '
        "where it is",
        "shop-never-1": 'it says chaos.target: "false"',
        "other-web-1": "it is in project 'other', and target 'web' is in 'shop'",
        "shop-janitor-1": "it is a part of Chaos Engine itself (engine)",
        "shop-me-1": "it is a part of Chaos Engine itself (engine)",
    }


def test_a_label_is_enough_where_a_target_asks_for_it() -> None:
    found = census(THERE, {"all": Selector(labelled=True)}, "", "shop")
    assert [c.container.name for c in found.targets[0].candidates] == ["shop-mail-1"]


def test_as_data(found: Census) -> None:
    data = json.loads(json.dumps(as_data(found)))
    assert data["targets"][0]["containers"][0] == {
        "name": "shop-web-1", "id": "id-shop-web-1", "project": "shop", "service": "web",
        "state": "running", "health": "healthy", "image": "", "eligible": True, "why_not": "", "only": [],
    }  # fmt: skip
    assert {each["why"] for each in data["others"]}
