"""The HTTP API of an engine elsewhere, as its command line asks it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

BUDGET = 15.0  # seconds for an answer: a daemon that is asked for something has 10


class UnreachableError(Exception):
    """Nobody answers there, or somebody who is no chaos engine; the message says who and why."""


class EngineApi:
    """One engine. `url`: its root, http or https. Nothing is retried, and no redirect followed."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url.rstrip("/")
        self._headers = {"Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> tuple[int, Any]:
        """Status and JSON of the answer. `query` may hold None, which is left out. UnreachableError."""
        import requests  # noqa: PLC0415, TID251 - only for those who ask elsewhere

        session = requests.Session()
        session.trust_env = False  # a .netrc would replace the token
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        try:
            with session, session.request(
                method, f"{self.url}{path}", params=query, json=body, headers=self._headers,
                timeout=BUDGET, allow_redirects=False,
            ) as answer:  # fmt: skip
                return answer.status_code, answer.json()
        except requests.JSONDecodeError:
            raise UnreachableError(f"{self.url} answers, but not as a chaos engine does") from None
        except (requests.RequestException, UnicodeError) as error:
            raise UnreachableError(f"{self.url} cannot be reached: {_cause(error)}") from None


def _cause(error: BaseException) -> str:
    """The innermost reason: the outer ones only repeat the address."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error)
