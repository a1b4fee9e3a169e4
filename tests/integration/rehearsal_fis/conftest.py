"""One server for all tests of FIS; each has a tag of its own, and a region that it shares with few."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.rehearsal_fis.rehearsal_server import NUMBERS, REGIONS, Aws, serving


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    with serving() as (_, at):
        yield at


@pytest.fixture
def aws(url: str) -> Aws:
    return Aws(url, next(REGIONS), f"t{next(NUMBERS)}")
