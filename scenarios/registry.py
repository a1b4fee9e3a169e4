"""Finds scenarios: those in this folder, in the user's plugins folder, and in installed packages."""

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
from scenarios.packaged import Packaged, installed
from scenarios.state_file import StateFileScenario, stamp

SUFFIX = "_scenarios"


class PluginError(ValueError):
    """A scenario that cannot be used: the message names its file or package, and what is wrong with it."""


class FunctionScenario(StateFileScenario):
    """A plain `inject_NAME(state_file)`: the state that it writes is stamped, and cleared like any other."""

    parameters = Parameters

    def __init__(self, name: str, function: Callable[[Path], object]) -> None:
        self.name = name  # type: ignore[misc]  # one class, a name an instance
        self.origin = function.__module__
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


class Scenarios(dict[str, Scenario]):
    """Scenarios by name. Those of installed packages are imported when they are first asked for.

    `firsthand`: those that are in no package; `packaged`: who brings the others.
    """

    def __init__(
        self, firsthand: Mapping[str, Scenario], packaged: Mapping[str, tuple[Packaged, ...]]
    ) -> None:
        super().__init__(firsthand)
        self.firsthand, self.packaged = dict(firsthand), packaged

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self.packaged

    def __missing__(self, name: str) -> Scenario:
        """PluginError: its package is broken, or another has the same name."""
        if name not in self.packaged:
            raise KeyError(name)
        if text := clash(self, name):
            raise PluginError(text)
        self[name] = _of_package(self.packaged[name][0])
        return self[name]

    def get(self, name: str, default: Any = None) -> Any:
        """The scenario, if there is one that can be used."""
        try:
            return self[name]
        except (KeyError, PluginError):
            return default


def names(scenarios: Mapping[str, Scenario]) -> list[str]:
    """All that may be asked for, those of installed packages among them."""
    return sorted({*scenarios, *getattr(scenarios, "packaged", {})})


def clash(scenarios: Mapping[str, Scenario], name: str) -> str:
    """Who has a scenario of that name, in a sentence, where it is not one alone; else empty."""
    origins = [one.origin for one in getattr(scenarios, "packaged", {}).get(name, ())]
    ours = getattr(scenarios, "firsthand", {}).get(name)
    if ours is not None:
        origins.insert(0, _origin(ours))
    return f"{name!r} is a scenario of {' and of '.join(origins)}; allowed: one" if len(origins) > 1 else ""


def merged(one: Mapping[str, Scenario], other: Mapping[str, Scenario]) -> Mapping[str, Scenario]:
    """Both; the other's where both have one."""
    firsthand = {**getattr(one, "firsthand", one), **getattr(other, "firsthand", other)}
    both = Scenarios(firsthand, {**getattr(one, "packaged", {}), **getattr(other, "packaged", {})})
    both.update({**one, **other})
    return both


def load(plugins: Path | None = None) -> Mapping[str, Scenario]:
    """Every scenario by name, the built-in ones first. PluginError where one cannot be used."""
    found: dict[str, Scenario] = {}
    for module in (*_builtin(), *(_own(plugins) if plugins else ())):
        for scenario in _scenarios_of(module):
            if scenario.name in found:
                raise PluginError(f"{module.__file__}: a scenario named {scenario.name!r} exists already")
            found[scenario.name] = scenario
    return Scenarios(found, installed())


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


def _of_package(one: Packaged) -> Scenario:
    try:
        found = one.loaded()
        scenario = _scenario_of(one, found)
    except (Exception, SystemExit) as error:
        said = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
        raise PluginError(f"{one.name!r} of {one.origin} cannot be used: {said}") from error
    if scenario.name != one.name:
        raise PluginError(f"{one.name!r} of {one.origin} calls itself {scenario.name!r}; allowed: one name")
    return scenario


def _scenario_of(one: Packaged, found: Any) -> Scenario:
    if _is_scenario(found):
        return found()  # type: ignore[no-any-return]
    if inspect.isfunction(found) and next(iter(inspect.signature(found).parameters), "") == "state_file":
        return FunctionScenario(one.name, found)
    lacks = inspect.isclass(found) and _lacks(found)
    raise PluginError(f"it {lacks or 'is neither a Scenario class nor a function of a state_file'}")


def _origin(scenario: Scenario) -> str:
    """Where one comes from that is in no package."""
    module = getattr(scenario, "origin", type(scenario).__module__)
    file = getattr(sys.modules.get(module), "__file__", None)
    return "chaos-engine" if module.startswith("scenarios.") else str(file)


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
