"""Where the API listens, whom it answers, and who may change things: what the environment says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chaos_engine.written import ConfigError

LISTEN, HOSTS, TOKEN = "CHAOS_API_LISTEN", "CHAOS_API_HOSTS", "CHAOS_API_TOKEN"
DEFAULT_LISTEN = "127.0.0.1:8700"
LOCAL = ("localhost", "127.0.0.1", "::1")
ANY = "*"
MOST_PORT = 65535
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[\w.-]+):(\d{1,5})", re.ASCII)
_HOST = re.compile(r"\*|\[?[0-9A-Fa-f:.]+\]?|[\w.-]+", re.ASCII)
_ALLOWED = f"HOST:PORT, such as {DEFAULT_LISTEN} or [::1]:8700, or off"


@dataclass(frozen=True, slots=True)
class Access:
    """`asked`: somebody chose the address. `hosts`: names in a Host header that are answered; `*`: any.

    `token`: what changing needs; empty: nobody may change anything.
    """

    host: str
    port: int
    asked: bool
    hosts: frozenset[str]
    token: str

    @property
    def address(self) -> str:
        """As it is written in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def access_of(environment: Mapping[str, str]) -> Access | None:
    """What the environment asks for; None: no API. ConfigError names every variable that is wrong."""
    if (environment.get(LISTEN) or "").strip().lower() == "off":
        return None
    problems: list[str] = []
    written = (environment.get(LISTEN) or "").strip()
    host, port = _listen(written or DEFAULT_LISTEN, problems)
    hosts = _hosts((environment.get(HOSTS) or "").strip(), host, problems)
    token = token_of(environment, problems)
    if problems:
        raise ConfigError(problems)
    return Access(host, port, bool(written), hosts, token)


def _listen(text: str, problems: list[str]) -> tuple[str, int]:
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found[2]) > MOST_PORT:
        problems.append(f"environment {LISTEN}: {text!r} is no address; allowed: {_ALLOWED}")
        return "", 0
    return found[1].strip("[]").lower(), int(found[2])


def _hosts(text: str, host: str, problems: list[str]) -> frozenset[str]:
    if not text:
        return frozenset({*LOCAL, host})
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if not _HOST.fullmatch(name):
            allowed = "names or addresses without a port, separated by commas, or *"
            problems.append(f"environment {HOSTS}: {name!r} is no host; allowed: {allowed}")
    return frozenset(name.strip("[]").lower() for name in names)


def token_of(environment: Mapping[str, str], problems: list[str]) -> str:
    """The token that the environment has, or its file; empty: none. What is wrong goes to `problems`."""
    plain, path = environment.get(TOKEN) or "", environment.get(f"{TOKEN}_FILE") or ""
    if plain and path:
        problems.append(f"environment {TOKEN}: {TOKEN}_FILE is set too; allowed: one of them")
    where, text = (f"{TOKEN}_FILE", _read(path, problems)) if path else (TOKEN, plain)
    token = text.strip()
    if any(character.isspace() or not character.isprintable() for character in token):
        problems.append(f"environment {where}: has spaces or control characters in it; allowed: one word")
    if path and not token and not problems:
        problems.append(f"environment {where}: {path!r} is empty; allowed: a file with the token")
    return token


def _read(path: str, problems: list[str]) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"environment {TOKEN}_FILE: {path!r} cannot be read: {error}")
        return ""


def host_of(header: str) -> str:
    """The host of a Host header, without its port; empty: it is not one."""
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+)(?::\d{1,5})?", header)
    return found[1].strip("[]").lower() if found else ""
