"""`init`: proposes settings: for a Compose file, with an override that adds the engine; for a flagd file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from chaos_engine.config import load_settings
from chaos_engine.proposal.flags_text import flags_text, switchable
from chaos_engine.proposal.guessing import Proposal, propose
from chaos_engine.proposal.override_text import names_for, override_text
from chaos_engine.proposal.reading import read
from chaos_engine.proposal.settings_text import settings_text
from chaos_engine.written import ConfigError
from scenarios.container import ContainerScenario
from scenarios.flagd import flags_of
from scenarios.registry import load

SETTINGS, OVERRIDE = "chaos.yml", "compose.chaos.yml"


def run(file: Path, folder: Path | None, *, force: bool) -> int:
    """Write what is proposed. ConfigError: the file is none of both kinds, or something is there already."""
    text = _text(file)
    flags = _flags(text)
    folder = folder or file.parent
    if flags is not None:
        return _of_flags(file, flags, folder, force=force)
    services = read(str(file), text)
    proposal = propose(services)
    if not proposal.targets:
        why = "; ".join(f"{service.name}: {reason}" for service, reason in proposal.left_out)
        raise ConfigError([f"{file}: has no service that could be a target: {why}"])
    names = names_for(services, proposal)
    override = override_text(proposal, names, _files(file, folder), _relative(folder / SETTINGS, file.parent))
    settings = settings_text(proposal, file.name, usable(), names.prometheus)
    _write({folder / SETTINGS: settings, folder / OVERRIDE: override}, force=force)
    load_settings(folder / SETTINGS, {})
    click.echo("\n".join(_told(proposal, file, folder)))
    return 0


def _flags(text: str) -> Mapping[str, Any] | None:
    """Of a flagd file; None: it is another file."""
    try:
        return flags_of(text)
    except ValueError:
        return None


def _of_flags(file: Path, flags: Mapping[str, Any], folder: Path, *, force: bool) -> int:
    found = switchable(flags)
    if not found:
        raise ConfigError([f"{file}: has no flag with a variant 'off' and another one"])
    _write({folder / SETTINGS: flags_text(flags, os.path.relpath(file, folder))}, force=force)
    load_settings(folder / SETTINGS, {})
    click.echo(f"wrote {folder / SETTINGS}")
    click.echo(f"flags: {', '.join(found)}")
    if left := [name for name in flags if name not in found]:
        click.echo(f"left out, since there is no variant 'off' or no other: {', '.join(left)}")
    return 0


def usable() -> frozenset[str]:
    """Scenarios for containers that need no parameters."""
    return frozenset(name for name, each in load().items() if _needs_nothing(each))


def _needs_nothing(scenario: object) -> bool:
    if not isinstance(scenario, ContainerScenario):
        return False
    try:
        scenario.parameters.model_validate({})
    except ValidationError:
        return False
    return True


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError([f"{file}: there is no such file"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{file}: cannot be read: {error}"]) from None


def _write(texts: dict[Path, str], *, force: bool) -> None:
    there = [path for path in texts if path.exists()]
    if there and not force:
        allowed = "another --output-dir, or --force"
        raise ConfigError(f"{path}: is there already; allowed: {allowed}" for path in there)
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _relative(path: Path, start: Path) -> str:
    """As Compose takes it: relative to the first file's folder, and beginning with a dot."""
    found = os.path.relpath(path.resolve(), start.resolve())
    return found if found.startswith("..") else f"./{found}"


def _files(file: Path, folder: Path) -> str:
    beside = folder.resolve() == file.parent.resolve()
    return f"-f {file.name} -f {OVERRIDE if beside else _relative(folder / OVERRIDE, file.parent)}"


def _told(proposal: Proposal, file: Path, folder: Path) -> Iterator[str]:
    yield f"wrote {folder / SETTINGS} and {folder / OVERRIDE}"
    yield f"targets: {', '.join(each.name for each in proposal.targets)}"
    yield from (f"left out: {service.name}: {why}" for service, why in proposal.left_out)
    yield from (f"probe: {probe.url}, {probe.why}" for probe in proposal.probes)
    if not proposal.probes:
        yield "no probe: no service seems to speak HTTP, so nothing would be judged"
    yield f"then: docker compose -f {file} -f {folder / OVERRIDE} up --detach"
