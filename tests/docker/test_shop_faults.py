"""The demo shop and its PostgreSQL are hurt: what its customers see, and that every order is still there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chaos_engine.model import Observation
from tests.docker.shop import Shop, shop
from tests.docker.small import comparable, hurting

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def open_shop() -> Iterator[Shop]:
    with shop() as made:
        yield made


@pytest.fixture(autouse=True)
def _every_order_is_there(open_shop: Shop) -> Iterator[None]:
    """And both containers are as they were."""
    before = {name: open_shop.project.inspect(name) for name in ("shop", "postgres")}
    order = open_shop.order()
    yield
    open_shop.well()
    assert open_shop.ask(f"/orders/{order}")[0] == 200
    assert open_shop.order() > order
    for name, inspection in before.items():
        after = open_shop.project.inspect(name)
        assert (after["Id"], comparable(after)) == (inspection["Id"], comparable(inspection))


@pytest.mark.parametrize("scenario", ["database_failure", "stop", "engine_kill", "service_unavailable"])
def test_without_its_database_the_shop_says_so(open_shop: Shop, scenario: str) -> None:
    with hurting(scenario, open_shop.project.target("postgres")) as hurt:
        assert hurt.observe().observation is Observation.FELT
        status, body = open_shop.ask()
        assert (status, body) == (503, "database unavailable")


def test_a_database_that_crashes_comes_back_by_its_policy(open_shop: Shop) -> None:
    """A customer is told so; or waits: nobody answers at the address until it is back, and then it does."""
    before = open_shop.project.inspect("postgres")["RestartCount"]
    with open_shop.customer() as answers, hurting("kill", open_shop.project.target("postgres")):
        open_shop.well()  # while nobody has cleared it
        assert open_shop.project.inspect("postgres")["RestartCount"] == before + 1
    assert 503 in answers or answers.slowest > 0.3


@pytest.mark.parametrize("scenario", ["stop", "engine_kill"])
def test_a_shop_that_is_down_does_not_answer(open_shop: Shop, scenario: str) -> None:
    with hurting(scenario, open_shop.project.target("shop"), {"grace": "3s"} if scenario == "stop" else {}):
        assert open_shop.ask()[0] is None


@pytest.mark.parametrize("scenario", ["kill", "restart"])
def test_a_shop_that_dies_is_away_for_a_moment(open_shop: Shop, scenario: str) -> None:
    with open_shop.customer() as answers, hurting(scenario, open_shop.project.target("shop")) as hurt:
        open_shop.well()
        assert hurt.observe().details == {"came_back": [open_shop.project.container("shop")]}
    assert None in answers
    assert answers[0] == 200


@pytest.mark.parametrize(
    ("service", "parameters"),
    [
        ("shop", {}),  # the port of its database is another one
        ("shop", {"value": "postgresql://shop:wrong@postgres:5432/shop"}),
        ("postgres", {"variable": "POSTGRES_DB", "value": "other", "grace": "5s"}),
    ],
)
def test_a_broken_configuration(open_shop: Shop, service: str, parameters: dict[str, Any]) -> None:
    with hurting("bad_config", open_shop.project.target(service), parameters):
        if service == "shop":
            assert open_shop.first_answer() == (503, "database unavailable")
        else:  # a database that is there already ignores it: the same data are below
            open_shop.well()
