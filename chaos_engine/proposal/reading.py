"""Reads a Compose file, as far as a proposal needs it. What it does not understand it leaves out.

https://docs.docker.com/reference/compose-file/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

from chaos_engine.spelling import nearest
from chaos_engine.written import ConfigError

_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::?-(?P<default>[^}]*))?[^}]*\}|(?P<plain>\w+))")
NAME = re.compile(r"[a-zA-Z0-9._-]{1,200}")
_MOST = 500  # services; more is no Compose file for one machine
HTTP = re.compile(r"http://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::(\d{1,5}))?(/[\w./~%+-]*)?")


@dataclass(frozen=True, slots=True)
class Service:
    """One service. `ports` are those within its container; `health`: port and path that its check asks."""

    name: str
    image: str = ""
    built: bool = False
    ports: tuple[int, ...] = ()
    health: tuple[int, str] | None = None
    has_check: bool = False
    needs: tuple[str, ...] = ()
    networks: tuple[str, ...] = ("default",)
    replicas: int = 1
    restarts: bool = False
    profiles: tuple[str, ...] = ()
    mode: str = ""  # `host`, `none`, `service:…`
    once: bool = False  # it ends, and others wait for that
    refuses: bool = False  # it says `chaos.target: "false"`


class _Loader(yaml.SafeLoader):
    """Knows every tag: Compose has some of its own, such as `!reset`."""


def _untagged(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_Loader.add_multi_constructor("", _untagged)


def read(name: str, text: str) -> tuple[Service, ...]:
    """Its services. ConfigError: it is no Compose file."""
    found = _loaded(name, text)
    services = found.get("services") if isinstance(found, dict) else None
    if not isinstance(found, dict) or "services" not in found:
        keys = {str(key) for key in found} if isinstance(found, dict) else set()
        hint = next((f"; {near} stands there" for key in keys if (near := nearest(key, ["services"]))), "")
        raise ConfigError([f"{name}: has no services{hint}; allowed: a Compose file"])
    if not isinstance(services, dict) or not services:
        raise ConfigError([f"{name}: services is {services!r}; allowed: a mapping with at least one"])
    if len(services) > _MOST:
        raise ConfigError([f"{name}: has {len(services)} services; allowed: {_MOST}"])
    odd = sorted(repr(key) for key in services if not NAME.fullmatch(str(key)))
    if odd:
        raise ConfigError([f"{name}: {', '.join(odd)} is no service's name; allowed: letters, digits, . _ -"])
    made = {str(key): _service(str(key), value) for key, value in services.items()}
    ending = set(_ending(services))
    return tuple(replace(each, once=each.name in ending) for each in made.values())


def _loaded(name: str, text: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a safe one, with tags that it takes for nothing
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError([f"{name}:{line}: not YAML: {error.problem or error.context}"]) from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ConfigError([f"{name}: not YAML: {' '.join(str(error).split())}"]) from None


def _service(name: str, data: Any) -> Service:
    data = data if isinstance(data, Mapping) else {}
    check = _mapping(data.get("healthcheck"))
    has_check = bool(check.get("test")) and not check.get("disable") and check.get("test") != ["NONE"]
    return Service(
        name=name,
        image=plain(data.get("image")),
        built=bool(data.get("build")),
        ports=tuple(dict.fromkeys((*_published(data.get("ports")), *_exposed(data.get("expose"))))),
        health=_asked(check.get("test")) if has_check else None,
        has_check=has_check,
        needs=tuple(_names(data.get("depends_on"))),
        networks=tuple(_names(data.get("networks"))) or ("default",),
        replicas=_replicas(data),
        restarts=plain(data.get("restart")).split(":")[0] in ("always", "unless-stopped", "on-failure"),
        profiles=tuple(_names(data.get("profiles"))),
        mode=plain(data.get("network_mode")),
        refuses=_says_no(data.get("labels")),
    )


def _ending(services: Mapping[Any, Any]) -> Iterator[str]:
    """Those that others wait for until they have ended."""
    for data in services.values():
        for name, how in _mapping(_mapping(data).get("depends_on")).items():
            if _mapping(how).get("condition") == "service_completed_successfully":
                yield str(name)


def plain(value: Any) -> str:
    """A text with its variables replaced by their defaults, as far as they have some."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return _VARIABLE.sub(lambda found: found["default"] or "", text.replace("$$", "\0")).replace("\0", "$")


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _names(value: Any) -> Iterator[str]:
    """Of a list, or of a mapping's keys."""
    if isinstance(value, (list, Mapping)):
        yield from (plain(each) for each in value if isinstance(each, (str, int)))


def _replicas(data: Mapping[Any, Any]) -> int:
    wanted = _mapping(data.get("deploy")).get("replicas", data.get("scale", 1))
    text = plain(wanted)
    return int(text) if text.isdecimal() else 1


def _says_no(labels: Any) -> bool:
    if isinstance(labels, Mapping):
        return str(labels.get("chaos.target")).lower() == "false"
    return isinstance(labels, list) and "chaos.target=false" in labels


def _published(ports: Any) -> Iterator[int]:
    """The container's side of each, TCP alone; of a range the first."""
    for each in ports if isinstance(ports, list) else ():
        if isinstance(each, Mapping):
            if plain(each.get("protocol") or "tcp") == "tcp":
                yield from _port(plain(each.get("target")))
            continue
        text, _, protocol = plain(each).partition("/")
        if protocol in ("", "tcp"):
            yield from _port(text.rpartition(":")[2])


def _exposed(ports: Any) -> Iterator[int]:
    for each in ports if isinstance(ports, list) else ():
        text, _, protocol = plain(each).partition("/")
        if protocol in ("", "tcp"):
            yield from _port(text)


def _port(text: str) -> Iterator[int]:
    first = text.split("-", maxsplit=1)[0]
    if first.isascii() and first.isdecimal() and 0 < int(first[:6]) < 65536:  # noqa: PLR2004
        yield int(first)


def _asked(test: Any) -> tuple[int, str] | None:
    """What a health check asks by HTTP; None: nothing that can be seen."""
    words = test if isinstance(test, list) else [test]
    found = HTTP.search(" ".join(plain(word) for word in words))
    if found is None:
        return None
    port = int(found[1] or 80)
    return (port, found[2] or "/") if 0 < port < 65536 else None  # noqa: PLR2004
