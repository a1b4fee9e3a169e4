"""Pure: the calls that are known, and how a request line is read as one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from chaos_engine.docker_proxy.refusal import ForbiddenError

NAME = r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}"
IMAGE = r"[a-zA-Z0-9](?:[a-zA-Z0-9_:@-]|[./](?![./])){0,254}"
_VERSION = re.compile(r"/v\d{1,2}\.\d{1,3}(?=/)")
BOOL, NO, NUMBER = r"(?i:0|1|true|false)", r"(?i:0|false)", r"-?\d{1,9}"


@dataclass(frozen=True, slots=True)
class Known:
    """One call of the API. `query`: the parameters that it may have, and their form."""

    kind: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    has_body: bool = False

    def match(self, method: str, path: str) -> re.Match[str] | None:
        """Whether it is this one."""
        return re.fullmatch(self.path, path) if method == self.method else None


def _on(container: str, **query: str) -> Known:
    return Known(container, "POST", rf"/containers/(?P<name>{NAME})/{container}", query)


KNOWN = (
    Known("ping", "GET", "/_ping"),
    Known("ping", "HEAD", "/_ping"),
    Known("version", "GET", "/version"),
    Known("info", "GET", "/info"),
    Known(
        "list", "GET", "/containers/json",
        {"all": BOOL, "limit": NUMBER, "size": "0", "trunc_cmd": BOOL, "filters": r"\{.{0,4000}\}"},
    ),
    Known("inspect", "GET", rf"/containers/(?P<name>{NAME})/json", {"size": "0"}),
    Known(
        "logs", "GET", rf"/containers/(?P<name>{NAME})/logs",
        {"stdout": BOOL, "stderr": BOOL, "timestamps": BOOL, "follow": NO, "tail": r"all|\d{1,9}"},
    ),
    _on("kill", signal=r"[A-Z0-9+]{1,16}"),
    _on("stop", t=NUMBER, signal=r"[A-Z0-9+]{1,16}"),
    _on("start"),
    _on("restart", t=NUMBER),
    _on("pause"),
    _on("unpause"),
    _on("rename", name=NAME),
    Known("create", "POST", "/containers/create", {"name": NAME}, has_body=True),
    Known("remove", "DELETE", rf"/containers/(?P<name>{NAME})", {"v": BOOL, "force": BOOL, "link": NO}),
    Known("network", "GET", rf"/networks/(?P<name>{NAME})", {"verbose": NO}),
    Known("connect", "POST", rf"/networks/(?P<name>{NAME})/connect", has_body=True),
    Known("disconnect", "POST", rf"/networks/(?P<name>{NAME})/disconnect", has_body=True),
    Known("image", "GET", rf"/images/(?P<name>{IMAGE})/json"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is a known call. `version` is its prefix (`/v1.41`), or empty."""

    kind: str
    version: str
    name: str
    query: Mapping[str, str]
    has_body: bool


def read(method: str, target: str) -> Call:
    """From a request line. ForbiddenError: it is none that we know."""
    path, _, query = target.partition("?")
    if not path.startswith("/") or "//" in path or "\\" in path or "%" in path or "#" in target:
        raise ForbiddenError("path", f"{path!r} is no plain path")
    if {".", ".."} & set(path.split("/")):
        raise ForbiddenError("path", f"{path!r} goes elsewhere")
    version = found[0] if (found := _VERSION.match(path)) else ""
    bare = path.removeprefix(version)
    for known in KNOWN:
        if match := known.match(method, bare):
            name = match.groupdict().get("name", "")
            return Call(known.kind, version, name, _query(known, query), known.has_body)
    raise ForbiddenError("call", "it is no call of ours")


def _query(known: Known, text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=16)
    except ValueError as error:
        raise ForbiddenError("query", f"{text!r}: {error}") from None
    found: dict[str, str] = {}
    for key, value in pairs:
        if key in found:
            raise ForbiddenError("query", f"{key} stands twice")
        if key not in known.query:
            raise ForbiddenError("query", f"{known.kind} takes no {key!r} here")
        if value and not re.fullmatch(known.query[key], value):
            raise ForbiddenError("query", f"{key}={value!r} is not let through")
        found[key] = value
    return {key: value for key, value in found.items() if value}
