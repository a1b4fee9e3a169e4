"""Mode `catalogue`: every action and probe of the installed Chaos Toolkit extensions, as one JSON document.

An extension that cannot be imported is told with its reason, and spoils nothing for the others.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import platform
import signal
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution
from typing import Any, NoReturn

import chaoslib

from chaos_engine.toolkit.extensions import Module, defines, extensions, modules, packages
from chaos_engine.toolkit.signatures import described, of_discovery

PATIENCE = 15  # seconds for one import: at a tenth of a core a large one takes many


def main(arguments: list[str]) -> NoReturn:
    """Print it; takes no arguments. What extensions print or start meanwhile is no part of it."""
    del arguments
    ours = os.dup(1)
    os.dup2(2, 1)
    text = json.dumps(catalogue())
    with os.fdopen(ours, "w", encoding="utf-8") as out:
        out.write(text)
    os._exit(0)  # a thread of theirs would keep us


def catalogue() -> dict[str, Any]:
    """The extensions by name, each with its activities and with what could not be looked at."""
    return {
        "python": platform.python_version(),
        "executable": sys.executable,
        "chaoslib": chaoslib.__version__,
        "extensions": [found for one in extensions() if (found := _extension(one))],
    }


def _extension(one: Distribution) -> dict[str, Any] | None:
    """One that exports nothing, and in which nothing is broken, is none."""
    problems: list[str] = []
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for package in packages(one):
        for activity in (*_discovered(package, problems), *_walked(package, problems)):
            found.setdefault((activity["module"], activity["name"]), activity)
    if not found and not problems:
        return None
    return {
        "package": one.metadata["Name"],
        "version": one.version,
        "activities": [found[key] for key in sorted(found)],
        "problems": list(dict.fromkeys(problems)),
    }


def _discovered(package: Module, problems: list[str]) -> list[dict[str, Any]]:
    """What its own `discover` tells, where it has one."""
    if not defines(package.file, "discover"):
        return []
    discover = getattr(_imported(package.name, problems), "discover", None)
    if not inspect.isfunction(discover):
        return []
    told = _tried(lambda: discover(discover_system=False), f"discover of {package.name}", problems)
    activities = told.get("activities") if isinstance(told, dict) else None
    return [_activity(each, problems) for each in activities or () if isinstance(each, dict)]


def _activity(told: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    """Its function says more than `discover` does."""
    module, name = str(told.get("mod", "")), str(told.get("name", ""))
    function = getattr(_imported(module, problems), name, None)
    if not inspect.isfunction(function):
        return of_discovery(told)
    return described(str(told.get("type", "")), function, module, name)


def _walked(package: Module, problems: list[str]) -> Iterator[dict[str, Any]]:
    """What its modules export that are named like activities, whatever `discover` forgets."""
    for module in modules(package):
        loaded = _imported(module.name, problems)
        for name in getattr(loaded, "__all__", ()):
            function = getattr(loaded, name, None)
            if inspect.isfunction(function):
                yield described(module.kind, function, module.name, name)


def _imported(name: str, problems: list[str]) -> Any:
    return _tried(lambda: importlib.import_module(name), name, problems)


def _tried(act: Callable[[], Any], what: str, problems: list[str]) -> Any:
    """What it returns; None, and a line, where it fails in whatever way, or takes too long."""
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(PATIENCE)
    try:
        return act()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's code, which must harm nobody else
        problems.append(f"{what}: {type(error).__name__}: {' '.join(str(error).split())}")
        return None
    finally:
        signal.alarm(0)


def _too_long(*_: object) -> NoReturn:
    raise TimeoutError(f"took longer than {PATIENCE} s")
