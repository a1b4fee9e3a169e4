"""Pure: a container's environment with one variable broken."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from scenarios.selection import RefusedError

BROKEN = "broken-by-chaos-engine"
NOBODY = 1  # a port on which nothing listens, so that a connection is refused at once


def without(environment: Sequence[str], variable: str) -> list[str]:
    """As the Engine takes it: a bare name removes the variable, also where the image sets it.

    RefusedError: there is no such variable.
    """
    _value(environment, variable)
    return [*_others(environment, variable), variable]


def changed(environment: Sequence[str], variable: str, value: str | None) -> list[str]:
    """With another value; None: a broken one like it. RefusedError: nothing would be changed."""
    if value is None:
        return changed(environment, variable, broken(_value(environment, variable)))
    if f"{variable}={value}" in environment:
        raise RefusedError(f"{variable} has that value already")
    if variable not in (entry.partition("=")[0] for entry in environment):
        return [*environment, f"{variable}={value}"]
    return [f"{variable}={value}" if entry.partition("=")[0] == variable else entry for entry in environment]


def broken(value: str) -> str:
    """Plausible, and wrong: the address of a service keeps its form, and has a port where nobody is."""
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        return BROKEN
    if not host or port == NOBODY:
        return BROKEN
    before, at, where = parts.netloc.rpartition("@")
    name = where if port is None else where.removesuffix(f":{port}")
    return parts._replace(netloc=f"{before}{at}{name.rstrip(':')}:{NOBODY}").geturl()


def _value(environment: Sequence[str], variable: str) -> str:
    for entry in environment:
        name, is_set, value = entry.partition("=")
        if name == variable and is_set:
            return value
    names = ", ".join(sorted(entry.partition("=")[0] for entry in environment if "=" in entry))
    raise RefusedError(f"it has no variable {variable}; allowed: one of {names or 'none'}")


def _others(environment: Sequence[str], variable: str) -> list[str]:
    return [entry for entry in environment if entry.partition("=")[0] != variable]
