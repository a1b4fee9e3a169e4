"""An engine elsewhere, where `--url` (or CHAOS_URL) names one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from chaos_engine.adapters.engine_api import EngineApi
from chaos_engine.web.access import token_of
from chaos_engine.written import ConfigError

_UNKNOWN, _REFUSED = 404, 409
_GOOD = range(200, 300)


class RemoteError(Exception):
    """The engine elsewhere does not do it; the message is its own sentence."""


class Remote:
    """What commands ask of it. RemoteError, UnreachableError: there is no such answer."""

    def __init__(self, api: EngineApi) -> None:
        self._api = api

    def get(self, what: str, **query: Any) -> dict[str, Any]:
        """`/api/WHAT`."""
        return _good(*self._api.call("GET", f"/api/{what}", query))

    def find(self, id_: str) -> dict[str, Any] | None:
        """One experiment; None: it knows none of that id."""
        status, body = self._api.call("GET", f"/api/history/{_safe(id_)}")
        return None if status == _UNKNOWN else _good(status, body)

    def post(self, what: str, body: Mapping[str, Any], *, refusals: bool = False) -> dict[str, Any]:
        """Have something done. `refusals`: what a rule forbids for now is an answer, `{"error": …}`."""
        status, answer = self._api.call("POST", f"/api/{what}", body=body)
        if refusals and status == _REFUSED and isinstance(answer, dict):
            return answer
        return _good(status, answer)

    def patch(self, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Have something changed."""
        return _good(*self._api.call("PATCH", f"/api/{what}", body=body))


def remotely(config: Path | None = None) -> Remote | None:
    """The engine that the command line names; None: this machine's. ConfigError: it cannot be used."""
    context = click.get_current_context(silent=True)
    chosen = context.find_root().obj if context else None
    if not isinstance(chosen, Elsewhere):
        return None
    if config is not None:
        raise ConfigError(["--config: is of this machine, and --url names an engine elsewhere, with its own"])
    return Remote(EngineApi(chosen.url, chosen.token))


class Elsewhere:
    """What `--url` and `--token` say."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token


def elsewhere(url: str, token: str | None) -> Elsewhere:
    """ConfigError: the URL is none, or the token cannot be read."""
    problems: list[str] = []
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", url):
        problems.append(f"--url: {url!r} is no address; allowed: such as http://127.0.0.1:8700")
    environment = os.environ if token is None else {"CHAOS_API_TOKEN": token}
    found = token_of(environment, problems)
    if problems:
        raise ConfigError(problems)
    return Elsewhere(url, found)


def _good(status: int, body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise RemoteError(f"HTTP {status}, and no answer of a chaos engine")
    if status not in _GOOD:
        raise RemoteError(str(body.get("error") or f"HTTP {status}"))
    return body


def _safe(id_: str) -> str:
    """As one part of a path, whatever somebody typed."""
    from urllib.parse import quote  # noqa: PLC0415

    return quote(id_, safe="")
