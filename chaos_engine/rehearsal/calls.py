"""Calls from one rehearsed service into another: the real API of this process, without a socket.

A request is made, signed and read by botocore, and answered by moto in the same thread. What one service
does to another is thus just what a client would have done, and is seen by clients at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import Client

HERE = "http://rehearsal.internal"


class _Body:
    """An answer's body, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content


@lru_cache(maxsize=64)
def client(service: str, region: str, account: str) -> Any:
    """A botocore client for this process. Errors are botocore's ClientError, never tried again."""
    session = botocore.session.Session()
    session.set_credentials("rehearsal", "rehearsal")
    made = session.create_client(
        service,
        region_name=region,
        endpoint_url=HERE,
        config=Config(retries={"total_max_attempts": 1}),
    )

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        return _answer(request, account)

    made.meta.events.register("before-send", answer)
    return made


@cache
def _application() -> Client:
    # Not before the first call: the services must have hooked themselves in.
    return Client(DomainDispatcherApplication(create_backend_app))


def _answer(request: AWSPreparedRequest, account: str) -> AWSResponse:
    headers = {**_text(request.headers), "x-moto-account-id": account}
    try:
        answered = _application().open(
            request.url, method=request.method, headers=headers, data=request.body or b""
        )
    except Exception as error:  # noqa: BLE001 - moto's applications let everything through
        said = f"{type(error).__name__}: {error}".encode()
        return AWSResponse(request.url, 500, {}, _Body(said))
    return AWSResponse(request.url, answered.status_code, dict(answered.headers), _Body(answered.data))


def _text(headers: Any) -> dict[str, str]:
    return {key: value.decode() if isinstance(value, bytes) else value for key, value in headers.items()}
