"""Reads what the user wrote: a YAML or JSON file, the environment over it, and the place of each value."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from chaos_engine.spelling import nearest

Place = tuple[str | int, ...]
MOST_VALUES = 100_000

# Short names; every other setting is CHAOS_ and its path joined by two underscores.
SHORT = {
    "CHAOS_INTERVAL": ("schedule", "every"),
    "CHAOS_ENABLED": ("schedule", "enabled"),
    "CHAOS_STARTUP_WAIT": ("schedule", "startup_wait"),
    "CHAOS_RECOVERY": ("schedule", "recovery"),
    "PROMETHEUS_URL": ("prometheus_url",),
    "CHAOS_SCRAPE_INTERVAL": ("scrape_interval",),
    "CHAOS_HYPOTHESIS": ("hypothesis",),
    "CHAOS_PLUGINS": ("plugins",),
    "CHAOS_ENVIRONMENT": ("environment",),
    "CHAOS_ALLOW_PRODUCTION": ("allow_production",),
}
NO_SECRETS = ("__STATE_FILE",)  # settings whose own name ends like that of a file to read
# Read elsewhere: they are no settings of the configuration file.
APART = {
    "CHAOS_API_HOSTS", "CHAOS_API_LISTEN", "CHAOS_API_TOKEN",
    "CHAOS_CONFIG", "CHAOS_DATA_DIR", "CHAOS_FAULT_POINT", "CHAOS_HELPER_IMAGE", "CHAOS_LOG",
    "CHAOS_MAIN_PID", "CHAOS_PROXY_CONTAINERS", "CHAOS_PROXY_NETWORKS", "CHAOS_PROXY_SERVICES",
    "CHAOS_LOG_LEVEL", "CHAOS_TOOLKIT_PYTHON",
    "CHAOS_REQUIRE_DOCKER", "CHAOS_URL",
}  # fmt: skip


class ConfigError(Exception):
    """What the user wrote cannot be used: one line a problem, each naming place, value, what is allowed."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(slots=True)
class Written:
    """A document as plain data, and where each of its values stands."""

    name: str
    data: dict[str, Any] = field(default_factory=dict)
    lines: dict[Place, int] = field(default_factory=dict)
    variables: dict[Place, str] = field(default_factory=dict)

    def where(self, place: Place) -> str:
        """`chaos.yml:12: schedule.every`, or the environment variable (or option) that set it."""
        for length in range(len(place), 0, -1):
            if (variable := self.variables.get(place[:length])) is not None:
                return variable
        path = ".".join(str(part) for part in place) or "the document"
        line = next(
            (self.lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in self.lines), None
        )
        return f"{self.name}:{line}: {path}" if line else f"{self.name}: {path}"


def read(path: Path) -> Written:
    """One file. ConfigError where it is missing, no YAML, or not a mapping."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        elsewhere = str(path).startswith(("http:/", "https:/"))
        allowed = "; allowed: files (an entry of scenarios may have `toolkit: URL`)" if elsewhere else ""
        raise ConfigError([f"{path}: there is no such file{allowed}"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read: {error}"]) from None
    return parse(str(path), text)


def parse(name: str, text: str) -> Written:
    """The text of a file."""
    if name.endswith(".json"):
        text = _as_yaml(name, text)
    written = Written(name)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        twice = list(_lines(node, (), written.lines))
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError([f"{name}:{line}: not YAML: {_problem(error)}"]) from None
    except RecursionError:
        raise ConfigError([f"{name}: is nested too deeply, or holds itself"]) from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError([f"{name}: not YAML: {' '.join(str(error).split())}"]) from None
    if twice:
        raise ConfigError(f"{written.where(place)}: stands twice; allowed: each key once" for place in twice)
    if data is None:
        return written
    if not isinstance(data, dict):
        raise ConfigError([f"{name}:1: is {_kind(data)}; allowed: a mapping of settings"])
    written.data = data
    return written


def _as_yaml(name: str, text: str) -> str:
    """JSON is YAML, but for what YAML 1.1 does not take: tabs between values, and two of its escapes."""
    try:
        json.loads(text)
    except ValueError as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ConfigError([f"{name}{line}: not JSON: {error}"]) from None
    except RecursionError:
        raise ConfigError([f"{name}: is nested too deeply"]) from None
    surrogates = re.compile(r"\\(?:\\|/|u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w)")
    return surrogates.sub(_unescaped, text.replace("\t", " "))


def _unescaped(escape: re.Match[str]) -> str:
    found = escape[0]
    return found if found == r"\\" else str(json.loads(f'"{found}"'))


def _problem(error: yaml.MarkedYAMLError) -> str:
    """The parser's sentence; where there are two documents, it alone would be a riddle."""
    return (
        f"{error.context}, {error.problem}"
        if error.context and "but" in str(error.problem)
        else str(error.problem)
    )


def overlay(written: Written, environment: Mapping[str, str]) -> Written:
    """The document with the environment's settings over it."""
    for name, text in sorted(_settings(environment).items()):
        place = SHORT.get(name) or tuple(name.removeprefix("CHAOS_").lower().split("__"))
        place = _put(written.data, place, scalar(text))
        written.variables[place] = f"environment {name}"
    return written


def override(written: Written, settings: Iterable[str], texts: Container[str] = ()) -> Written:
    """The document with `KEY=VALUE` over it. `texts`: keys whose values are texts, whatever they look like.

    ConfigError where one has no `=`.
    """
    for setting in settings:
        key, found, text = setting.partition("=")
        if not found or not key:
            raise ConfigError([f"--set {setting}: has no key and value; allowed: KEY=VALUE"])
        place = tuple(key.split("."))
        _put(written.data, place, text if key in texts else scalar(text))
        written.variables[place] = f"--set {key}"
    return written


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """CHAOS_ variables that set nothing, each with the nearest one that does."""
    known = {*SHORT, *APART}
    odd = [n for n in environment if n.startswith("CHAOS_") and "__" not in n and _plain(n) not in known]
    return [f"{name} sets nothing{nearest(name, known)}" for name in sorted(odd)]


def _settings(environment: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name, value in environment.items():
        plain = _plain(name)
        if not value.strip():  # as Compose hands on what is not set: ${CHAOS_INTERVAL:-}
            continue
        if plain in SHORT or (plain.startswith("CHAOS_") and "__" in plain):
            found[plain] = value if plain == name else _secret(name, value)
    return found


def _plain(name: str) -> str:
    """`X_FILE` is X, read from the file that it names."""
    if name.endswith(NO_SECRETS):
        return name
    return name.removesuffix("_FILE") if name.startswith(("CHAOS_", "PROMETHEUS_")) else name


def _secret(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"environment {name}: {path!r} cannot be read: {error}"]) from None


def scalar(text: str) -> Any:
    """A value as YAML reads it; what is none is a text."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _put(data: dict[str, Any], place: tuple[str, ...], value: Any) -> tuple[str, ...]:
    """Set it; returns the place as the document spells it."""
    spelled = []
    for part in place[:-1]:
        spelled.append(_spelled(data, part))
        inner = data.get(spelled[-1])
        if not isinstance(inner, dict):
            inner = data[spelled[-1]] = {}
        data = inner
    last = _spelled(data, place[-1])
    data[last] = value
    return (*spelled, last)


def _spelled(data: dict[str, Any], part: str) -> str:
    """A variable's name has neither capitals nor hyphens: TARGET_APP is `target-app` where there is one."""
    alike = (key for key in data if isinstance(key, str) and key.lower().replace("-", "_") == part)
    return part if part in data else next(alike, part)


def _lines(node: yaml.Node | None, place: Place, lines: dict[Place, int]) -> Iterator[Place]:
    """Note the line of every value; yield keys that stand twice."""
    if len(lines) > MOST_VALUES:  # aliases of aliases
        raise ValueError(f"it holds more than {MOST_VALUES} values")
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, key.value)
            if inner in lines:
                yield inner
            lines[inner] = key.start_mark.line + 1
            yield from _lines(value, inner, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*place, index)] = value.start_mark.line + 1
            yield from _lines(value, (*place, index), lines)


def _kind(data: object) -> str:
    return {"list": "a list", "str": "a text", "int": "a number"}.get(type(data).__name__, "not a mapping")
