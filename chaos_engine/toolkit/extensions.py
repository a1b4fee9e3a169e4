"""The installed distributions that extend the Chaos Toolkit, and their modules with activities."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from urllib.parse import unquote, urlsplit

LIBRARY = "chaostoolkit-lib"
KINDS = {"actions": "action", "probes": "probe", "tolerances": "tolerance"}  # by the module's last name
_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Module:
    """A file that may be imported. `kind`: of its activities; empty: it is none of theirs by its name."""

    name: str
    file: Path

    @property
    def kind(self) -> str:
        """By the nearest part of its name that is one of the usual words: `actions`, `ec2.probes.more`."""
        return next((KINDS[part] for part in reversed(self.name.split(".")) if part in KINDS), "")


def extensions() -> list[Distribution]:
    """Each once, by name: what is found first on the path is what is imported."""
    found: dict[str, Distribution] = {}
    for one in distributions():
        if one.metadata["Name"] and _extends(one):
            found.setdefault(_plain(one.metadata["Name"]), one)
    return [found[name] for name in sorted(found)]


def _extends(one: Distribution) -> bool:
    """The command itself needs the library, too, and brings no activities."""
    needed = {_plain(match[0]) for text in one.requires or () if (match := _NAME.match(text))}
    return LIBRARY in needed and not any(point.name == "chaos" for point in one.entry_points)


def packages(one: Distribution) -> list[Module]:
    """Its packages, in the order that it declares them."""
    found = (_located(name) for name in _top_levels(one))
    return [module for module in found if module is not None]


def modules(package: Module) -> list[Module]:
    """The files of a package that are named like activities and export something. None is imported."""
    if package.file.name != "__init__.py":
        return []
    folder = package.file.parent
    files = (file for file in sorted(folder.rglob("*.py")) if "__pycache__" not in file.parts)
    named = (Module(_dotted(package.name, file.relative_to(folder)), file) for file in files)
    return [module for module in named if module.kind and defines(module.file, "__all__")]


def defines(file: Path, name: str) -> bool:
    """Whether a module has that name at its top; read, and not imported. One that is no Python: yes.

    So that importing it tells what is wrong with it.
    """
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return True
    return any(name in _names(statement) for statement in tree.body)


def _names(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.If | ast.Try):
        inner = (each for each in ast.iter_child_nodes(statement) if isinstance(each, ast.stmt))
        yield from (name for each in inner for name in _names(each))
    elif isinstance(statement, ast.FunctionDef):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in statement.names)


def _located(name: str) -> Module | None:
    """A package (or a single file) of that name, which is not imported for it."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    folders = [*(spec.submodule_search_locations or ())]
    origin = spec.origin if spec.has_location else None
    if origin is None and not folders:
        return None
    return Module(name, Path(origin) if origin else Path(folders[0], "__init__.py"))


def _top_levels(one: Distribution) -> list[str]:
    declared = (one.read_text("top_level.txt") or "").split()
    files = [file for file in one.files or () if file.suffix == ".py" and file.parts[0] != ".."]
    inferred = {file.parts[0] if len(file.parts) > 1 else file.stem for file in files}
    return declared or sorted(inferred) or _of_the_sources(one)


def _of_the_sources(one: Distribution) -> list[str]:
    """Of a distribution that is installed as a link to its sources."""
    try:
        url = urlsplit(json.loads(one.read_text("direct_url.json") or "{}").get("url", ""))
    except ValueError:
        return []
    if url.scheme != "file":
        return []
    root = Path(unquote(url.path))
    found = [file for folder in (root / "src", root) for file in sorted(folder.glob("*/__init__.py"))]
    return [file.parent.name for file in found if _is_of(file)]


def _is_of(file: Path) -> bool:
    """Whether it is this file that is imported by that name."""
    module = _located(file.parent.name)
    return module is not None and module.file.resolve() == file.resolve()


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _dotted(package: str, file: Path) -> str:
    parts = file.with_suffix("").parts
    return ".".join((package, *(parts[:-1] if parts[-1] == "__init__" else parts)))
