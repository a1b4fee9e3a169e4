"""A running chaos engine, as its HTTP API answers. Whatever it does not do is an ActivityFailed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from chaoslib.exceptions import ActivityFailed

URL_KEY = "chaos_engine_url"
DEFAULT_URL = "http://127.0.0.1:8700"
BUDGET = 15.0  # seconds for an answer: a daemon that is asked for something has 10
MISSING, BUSY = 404, 429
_GOOD = range(200, 300)
_DENIED = (401, 403)
_HINT = "; the token is in the activity's secrets, or in CHAOS_API_TOKEN"


class Refused(ActivityFailed):  # type: ignore[misc]  # chaoslib has no types
    """The daemon answers, and does not do it. `status`: of HTTP."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Daemon:
    """One daemon. Nothing is retried, and no redirect followed."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def get(self, what: str, **query: Any) -> dict[str, Any]:
        """`/api/WHAT`. `query` may hold None, which is left out."""
        return self._good(*self.call("GET", f"/api/{what}", query))

    def experiment(self, id_: str) -> dict[str, Any]:
        """One experiment, by its id."""
        return self.get(f"history/{quote(id_, safe='')}")

    def readiness(self) -> dict[str, Any]:
        """`/readyz`, which answers 503 with what lacks."""
        status, body = self.call("GET", "/readyz", {})
        return body if isinstance(body, dict) and "ready" in body else self._good(status, body)

    def post(self, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Have something done."""
        return self._good(*self.call("POST", f"/api/{what}", {}, body))

    def call(
        self, method: str, path: str, query: Mapping[str, Any], body: Mapping[str, Any] | None = None
    ) -> tuple[int, Any]:
        """Status and JSON of the answer. ActivityFailed: there is none."""
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
            raise ActivityFailed(f"{self.url} answers, but not as a chaos engine does") from None
        except (requests.RequestException, UnicodeError) as error:
            raise ActivityFailed(
                f"no chaos engine answers at {self.url} ({_cause(error)}); "
                f"configuration {URL_KEY} (or CHAOS_URL) names another"
            ) from None

    def _good(self, status: int, body: Any) -> dict[str, Any]:
        if status in _GOOD and isinstance(body, dict):
            return body
        sentence = body.get("error") if isinstance(body, dict) else None
        hint = _HINT if status in _DENIED else ""
        raise Refused(f"the chaos engine at {self.url}: {sentence or f'HTTP {status}'}{hint}", status)


def daemon_of(configuration: Mapping[str, Any] | None, secrets: Mapping[str, Any] | None) -> Daemon:
    """The one that the experiment names; else the environment; else the one on this machine."""
    url = (configuration or {}).get(URL_KEY) or os.environ.get("CHAOS_URL") or DEFAULT_URL
    return Daemon(str(url), str((secrets or {}).get("token") or _token()))


def _token() -> str:
    """As the daemon itself reads it: CHAOS_API_TOKEN, or the file that CHAOS_API_TOKEN_FILE names."""
    file = os.environ.get("CHAOS_API_TOKEN_FILE")
    if os.environ.get("CHAOS_API_TOKEN") or not file:
        return (os.environ.get("CHAOS_API_TOKEN") or "").strip()
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ActivityFailed(f"CHAOS_API_TOKEN_FILE: {file!r} cannot be read: {error}") from None


def _cause(error: BaseException) -> str:
    """The innermost reason: the outer ones only repeat the address."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error)
