"""One server for all of these tests; each test makes documents and instances of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.rehearsal_automation.aws import Aws, clients
from tests.integration.rehearsal_automation.server import rehearsal_server


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    with rehearsal_server() as url:
        yield url


@pytest.fixture
def aws(endpoint: str) -> Aws:
    return clients(endpoint)
