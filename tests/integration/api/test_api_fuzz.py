"""Whatever the OpenAPI document allows, and what it does not, is sent to the API of a running engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from starlette.types import ASGIApp, Receive, Scope, Send

from chaos_engine.web.app import document
from tests.integration.api.stage import TOKEN, access, staged


class _Running:
    """The application of the engine that runs, when it does: the tests are made before it."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


HEADERS = {"Authorization": f"Bearer {TOKEN}"}
schema = schemathesis.openapi.from_dict(
    document(),
    config=schemathesis.Config.from_dict(
        {"generation": {"max-examples": 20, "deterministic": True, "database": "none"}}
    ),
)
running = schema.app = _Running()


@pytest.fixture(scope="module", autouse=True)
def _engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with staged(tmp_path_factory.mktemp("fuzz"), access()) as app:
        app.state.facts.ring.end()  # a stream tells what it has, and ends
        running.app = app
        yield


@schema.parametrize()
def test_every_answer_is_as_the_document_says(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(headers=HEADERS)
