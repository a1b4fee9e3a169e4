"""One server a module; each test makes documents and instances of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.rehearsal_automation.aws import Aws, clients, name
from tests.integration.rehearsal_automation.server import rehearsal_server

EXAMPLE = Path(__file__).parents[3] / "examples/aws/stop-for-a-while.automation.yml"


@pytest.fixture(scope="module")  # while it runs, moto is changed for the whole process
def endpoint() -> Iterator[str]:
    with rehearsal_server() as url:
        yield url


@pytest.fixture
def aws(endpoint: str) -> Aws:
    return clients(endpoint)


@pytest.fixture(scope="module")
def example(endpoint: str) -> str:
    document = name()
    clients(endpoint).create(document, EXAMPLE.read_text())
    return document
