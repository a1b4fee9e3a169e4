"""Finds scenarios: the ones in this folder, and the user's own in a plugins folder."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from chaos_engine.model import Fault
from chaos_engine.ports import World
from scenarios.base import Parameters, Scenario
from scenarios.state_file import StateFileScenario, stamp

SUFFIX = "_scenarios"


class PluginError(Exception):
    """A scenario file that cannot be used: the message names the file and what is wrong with it."""


class FunctionScenario(StateFileScenario):
    """A plain `inject_NAME(state_file)`: the state that it writes is stamped, and cleared like any other."""

    parameters = Parameters

    def __init__(self, name: str, function: Callable[[Path], object]) -> None:
        self.name = name  # type: ignore[misc]  # one class, a name an instance
        self._function = function

    def draw(self, parameters: Any, rng: Random) -> dict[str, Any]:
        """A plain function takes no parameters."""
        del parameters, rng
        return {}

    def inject(self, fault: Fault, world: World) -> None:
        """Let it write a draft; the target gets that with owner and deadline, in one step.

        Killed in between, a state without an end would stay where the application looks.
        """
        path = fault.target.state_file
        assert path is not None  # noqa: S101
        with TemporaryDirectory(prefix="chaos-engine-") as folder:
            draft = Path(folder, path.name)
            self._function(draft)
            written = world.states.read(draft)
        if not written or written.get("mode") == "healthy":
            raise RuntimeError(f"inject_{self.name} wrote no state into the file that it was handed")
        world.states.write(path, {**written, **stamp(fault)})


def load(plugins: Path | None = None) -> Mapping[str, Scenario]:
    """Every scenario by name, the built-in ones first. PluginError where one cannot be used."""
    found: dict[str, Scenario] = {}
    for module in (*_builtin(), *(_own(plugins) if plugins else ())):
        for scenario in _scenarios_of(module):
            if scenario.name in found:
                raise PluginError(f"{module.__file__}: a scenario named {scenario.name!r} exists already")
            found[scenario.name] = scenario
    return found


def _builtin() -> Iterator[ModuleType]:
    for info in pkgutil.iter_modules([str(Path(__file__).parent)]):  # not in a folder of that name elsewhere
        if info.name.endswith(SUFFIX):
            yield importlib.import_module(f"scenarios.{info.name}")


def _own(folder: Path) -> Iterator[ModuleType]:
    if not folder.is_dir():
        raise PluginError(f"plugins: {str(folder)!r} is not a folder")
    files = sorted(folder.glob(f"*{SUFFIX}.py"))
    if not files:
        raise PluginError(f"plugins: no file in {str(folder)!r} is named *{SUFFIX}.py")
    for file in files:
        yield _import(file)


def _import(file: Path) -> ModuleType:
    name = f"chaos_plugin_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None  # noqa: S101
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise PluginError(f"{file}: {type(error).__name__}: {error}") from error
    return module


def _scenarios_of(module: ModuleType) -> Iterator[Scenario]:
    own = [value for value in vars(module).values() if getattr(value, "__module__", None) == module.__name__]
    classes = [cls for cls in own if _is_scenario(cls)]
    functions = [f for f in own if inspect.isfunction(f) and _injects(f)]
    for cls in classes:
        yield _made(module, cls)
    named = {cls.name for cls in classes}
    for function in functions:
        if (name := _injects(function)) and name not in named:
            yield FunctionScenario(name, function)
    odd = [f"{cls.__name__} {_lacks(cls)}" for cls in filter(inspect.isclass, own) if _lacks(cls)]
    odd += [f"{f.__name__} does not take `state_file`" for f in filter(inspect.isfunction, own) if _misses(f)]
    neither = "has neither a Scenario class nor a function inject_NAME(state_file)"
    said = [*odd] if classes or functions else [neither, *odd]
    if said:
        raise PluginError(f"{module.__file__}: " + "; ".join(said))


def _misses(function: Callable[..., object]) -> bool:
    """Whether it is named like a scenario, and is none."""
    return function.__name__.startswith("inject_") and not _injects(function)


def _made(module: ModuleType, cls: type[Scenario]) -> Scenario:
    try:
        return cls()
    except Exception as error:
        raise PluginError(f"{module.__file__}: {cls.__name__}: {type(error).__name__}: {error}") from error


def _is_scenario(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, Scenario) and not _lacks(value)


def _lacks(value: type) -> str:
    """What a class lacks to be a scenario; empty where it is one, or was not meant to be."""
    if not issubclass(value, Scenario):
        return ""
    missing = sorted(value.__abstractmethods__)
    if not isinstance(getattr(value, "name", None), str):
        missing.insert(0, "name")
    return f"lacks {', '.join(missing)}" if missing else ""


def _injects(function: Callable[..., object]) -> str | None:
    """`inject_NAME(state_file)` gives NAME; None for any other function."""
    parameters = list(inspect.signature(function).parameters)
    name = function.__name__
    return (
        name.removeprefix("inject_")
        if name.startswith("inject_") and parameters[:1] == ["state_file"]
        else None
    )
