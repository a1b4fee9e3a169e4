"""AWS's API through boto3, which is loaded when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

from chaos_engine import __version__
from chaos_engine.cloud import CloudError
from chaos_engine.model import AwsAccess

MISSING = "boto3 is not installed: install chaos-engine with its extra `aws`"
PATIENT = (5.0, 30.0, 5)  # seconds to connect, to read; tries
HURRIED = {"cloudwatch": (3.0, 5.0, 3)}  # judges ask within seconds, and ask again
MOST_CONNECTIONS = 32  # as many as there are threads that judge


class Aws:
    """Fulfils `cloud.Cloud`. One client for each access and service, shared by all threads."""

    def __init__(self) -> None:
        self._sessions: dict[AwsAccess, Any] = {}
        self._clients: dict[tuple[AwsAccess, str], Any] = {}
        self._lock = threading.Lock()

    def call(self, access: AwsAccess, service: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """One call; retried as botocore does. CloudError: refused, or not answered."""
        with _said():
            found: Mapping[str, Any] = getattr(self.client(access, service), operation)(**parameters)
            return found

    def pages(
        self, access: AwsAccess, service: str, operation: str, **parameters: Any
    ) -> Iterator[Mapping[str, Any]]:
        """Every page of a listing. CloudError as above."""
        with _said():
            yield from self.client(access, service).get_paginator(operation).paginate(**parameters)

    def client(self, access: AwsAccess, service: str) -> Any:
        """boto3's client; making one is slow, and not safe in several threads at once."""
        with self._lock:
            if (access, service) not in self._clients:
                self._clients[access, service] = self._made(access, service)
            return self._clients[access, service]

    def region(self, access: AwsAccess) -> str:
        """The region that is used; empty where none is known."""
        with _said(), self._lock:
            return str(self._session(access).region_name or "")

    def _made(self, access: AwsAccess, service: str) -> Any:
        from botocore.config import Config  # noqa: PLC0415

        connect, read, tries = HURRIED.get(service, PATIENT)
        config = Config(
            connect_timeout=connect,
            read_timeout=read,
            retries={"mode": "standard", "max_attempts": tries},
            max_pool_connections=MOST_CONNECTIONS,
            user_agent_extra=f"chaos-engine/{__version__}",
        )
        return self._session(access).client(service, endpoint_url=access.endpoint or None, config=config)

    def _session(self, access: AwsAccess) -> Any:
        if access not in self._sessions:
            self._sessions[access] = _session(access)
        return self._sessions[access]


class _said:  # noqa: N801 - reads as a word of the sentence
    """Turns boto3's errors into ours, whose text says all there is to say."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, ImportError):
            raise CloudError("NotInstalled", MISSING) from error
        if error is None or isinstance(error, CloudError):
            return
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
        from botocore.parsers import ResponseParserError  # noqa: PLC0415

        if isinstance(error, ClientError):
            told = error.response.get("Error", {})
            raise CloudError(str(told.get("Code", "")), str(told.get("Message") or error)) from error
        if isinstance(error, ResponseParserError):  # a proxy's page, say
            first = str(error).partition(". Further retries may succeed")[0].partition("\n")[0]
            raise CloudError("ResponseParserError", f"the answer is none of AWS's: {first}") from error
        if isinstance(error, BotoCoreError):
            raise CloudError(type(error).__name__, str(error)) from error


def _session(access: AwsAccess) -> Any:
    import boto3  # noqa: PLC0415, TID251

    session = boto3.Session(profile_name=access.profile or None, region_name=access.region or None)
    return _assumed(session, access) if access.role else session


def _assumed(source: Any, access: AwsAccess) -> Any:
    """A session whose credentials are a role's, and are renewed in time."""
    import boto3  # noqa: PLC0415, TID251
    from botocore.credentials import (  # noqa: PLC0415
        AssumeRoleCredentialFetcher,
        DeferredRefreshableCredentials,
    )
    from botocore.session import get_session  # noqa: PLC0415

    def client(service: str, **more: Any) -> Any:
        more["endpoint_url"] = access.endpoint or None
        return source.client(service, **more)

    fetcher = AssumeRoleCredentialFetcher(
        client, source.get_credentials(), access.role, extra_args={"RoleSessionName": "chaos-engine"}
    )
    session = get_session()
    session._credentials = DeferredRefreshableCredentials(  # noqa: SLF001 - boto3 has no other way in
        fetcher.fetch_credentials, "assume-role"
    )
    return boto3.Session(botocore_session=session, region_name=source.region_name)
