"""A local AWS, for whoever asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.aws_endpoint import Endpoint


@pytest.fixture(scope="module")
def served() -> Iterator[Endpoint]:
    """One server a module: it takes a while to start."""
    from tests.integration.aws_endpoint import serving_aws

    with serving_aws() as found:
        yield found


@pytest.fixture
def endpoint(served: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    """As new, and with credentials for it in the environment."""
    from tests.integration.aws_endpoint import ENVIRONMENT

    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    served.reset()
    return served
