"""One server a module; each test finds it empty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.integration.rehearsal_cloudwatch.cloudwatch_server import PROTOCOLS, Clock, client, served


@pytest.fixture(scope="session")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")  # while it runs, moto is changed for the whole process
def endpoint(clock: Clock) -> Iterator[str]:
    with served(clock) as url:
        yield url


@pytest.fixture(params=PROTOCOLS)
def cloudwatch(endpoint: str, request: pytest.FixtureRequest) -> Any:
    requests.post(f"{endpoint}/moto-api/reset", timeout=10).raise_for_status()
    return client(endpoint, request.param)
