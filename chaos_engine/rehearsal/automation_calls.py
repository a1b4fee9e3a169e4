"""Calls that steps make into other services: straight into moto, through botocore, each in its own thread.

botocore checks and writes the request, moto's own dispatch (with what is hooked into it) answers it, botocore
reads the response. All of it happens in this process; nothing ever leaves the machine.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from queue import Empty, SimpleQueue
from typing import Any

from chaos_engine.rehearsal.automation_document import RefusedError
from chaos_engine.rehearsal.automation_model import Answer, Call, Launch


@lru_cache(maxsize=256)
def api_inputs(service: str, api: str) -> frozenset[str]:
    """The inputs of an operation, by its name or by boto3's. RefusedError when there is no such operation."""
    with _named(service):
        model = _session().get_service_model(service)
    name = _operation(model, api)
    shape = model.operation_model(name).input_shape
    return frozenset(shape.members) if shape else frozenset()


class Calls:
    """Makes calls without waiting for them; `answers` has what came back since it was last asked."""

    def __init__(self) -> None:
        self._answered: SimpleQueue[Answer] = SimpleQueue()
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._lock = threading.Lock()

    def make(self, call: Call, launch: Launch) -> None:
        """In the account and region of the automation."""
        threading.Thread(target=self._perform, args=(call, launch), daemon=True).start()

    def answers(self) -> dict[str, list[Answer]]:
        """By the execution that waits for them."""
        found: defaultdict[str, list[Answer]] = defaultdict(list)
        while True:
            try:
                answer = self._answered.get_nowait()
            except Empty:
                return found
            found[answer.call.partition("/")[0]].append(answer)

    def _perform(self, call: Call, launch: Launch) -> None:
        try:
            answer = Answer(call.id, self._response(call, launch))
        except Exception as error:  # noqa: BLE001 - whatever an API may raise is its answer
            answer = Answer(call.id, error=str(error) or type(error).__name__)
        self._answered.put(answer)

    def _response(self, call: Call, launch: Launch) -> object:
        from botocore import xform_name  # noqa: PLC0415 - heavy; only automations with calls pay for it

        client = self._client(call.request.service, launch)
        operation = xform_name(_operation(client.meta.service_model, call.request.api))
        response = getattr(client, operation)(**call.request.parameters)
        return json.loads(json.dumps(response, default=_plain))

    def _client(self, service: str, launch: Launch) -> Any:
        key = (service, launch.account, launch.region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = _new_client(*key)
            return self._clients[key]


def _new_client(service: str, account: str, region: str) -> Any:
    from botocore.config import Config  # noqa: PLC0415

    client = _session().create_client(
        service,
        region_name=region,
        aws_access_key_id="rehearsal",
        aws_secret_access_key="rehearsal",  # noqa: S106 - moto takes any
        config=Config(ignore_configured_endpoint_urls=True, retries={"total_max_attempts": 1}),
    )
    client.meta.events.register("before-send", _Inside(account))
    return client


class _Inside:
    """Answers a request in this process, as the account that the automation belongs to."""

    def __init__(self, account: str) -> None:
        from moto.core.botocore_stubber import BotocoreStubber  # noqa: PLC0415

        self._account, self._stubber = account, BotocoreStubber()
        self._stubber.enabled = True

    def __call__(self, event_name: str, request: Any, **rest: Any) -> object:
        request.headers["x-moto-account-id"] = self._account
        response = self._stubber(event_name, request, **rest)
        if response is None:
            raise RefusedError(f"{request.url} is not rehearsed")
        return response


def _session() -> Any:
    from botocore.session import Session  # noqa: PLC0415

    return Session()


def _operation(model: Any, api: str) -> str:
    from botocore import xform_name  # noqa: PLC0415

    for name in model.operation_names:
        if api in (name, xform_name(name)):
            return str(name)
    raise RefusedError(f"{model.service_name} has no API operation {api}")


@contextmanager
def _named(service: str) -> Iterator[None]:
    from botocore.exceptions import UnknownServiceError  # noqa: PLC0415

    try:
        yield
    except UnknownServiceError:
        raise RefusedError(f"there is no service {service}") from None


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    raise RefusedError("streaming operations are not supported")
