"""The shop's connections to its PostgreSQL are hurt: pooled ones feel it, and every order is still there."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from tests.docker.net import felt
from tests.docker.shop import Shop, shop
from tests.docker.small import hurting, rules_of

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def open_shop() -> Iterator[Shop]:
    with shop() as made:
        yield made


@pytest.fixture(autouse=True)
def _every_order_is_there(open_shop: Shop) -> Iterator[None]:
    """And the kernel's rules are as they were."""
    order, before = open_shop.order(), _kernel(open_shop)
    yield
    open_shop.well()
    assert open_shop.ask(f"/orders/{order}")[0] == 200
    assert _kernel(open_shop) == before


def _kernel(open_shop: Shop) -> list[str]:
    """An interface that was made anew has the next number."""
    places = (open_shop.project.container(name) for name in ("shop", "postgres"))
    return [re.sub(r"eth\d+", "eth", rules_of(place)) for place in places]


def _took(open_shop: Shop) -> tuple[int | None, float]:
    began = time.monotonic()
    return open_shop.ask()[0], time.monotonic() - began


def test_a_database_that_hangs(open_shop: Shop) -> None:
    with hurting("dependency_timeout", open_shop.project.target("shop"), {"to": "postgres"}) as hurt:
        answers = [_took(open_shop) for _ in range(2)]  # on a pooled connection, then on a new one
        assert all(status != 200 and took > 1 for status, took in answers), answers
        felt(hurt)


def test_a_slow_way_to_the_database_is_felt_by_the_shops_customers(open_shop: Shop) -> None:
    target = open_shop.project.target("shop")
    with hurting("latency", target, {"to": "postgres", "delay": "300ms", "jitter": "50ms"}) as hurt:
        open_shop.ask()  # its connection was ended
        status, took = _took(open_shop)
        assert (status, took > 0.25) == (200, True)
        felt(hurt)
    open_shop.well()
    assert min(_took(open_shop)[1] for _ in range(5)) < 0.25


def test_a_database_that_is_not_found_any_more_is_asked_on_connections_that_are_open(open_shop: Shop) -> None:
    with hurting("dns_failure", open_shop.project.target("shop"), {"domains": ["postgres"]}):
        assert open_shop.ask()[0] == 200


def test_a_database_that_has_left_the_network(open_shop: Shop) -> None:
    with hurting("disconnect", open_shop.project.target("postgres")):
        assert open_shop.ask()[0] == 503
