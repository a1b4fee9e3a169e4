"""`targets`: what is found for each target that has containers, and why each other container is none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from chaos_engine.adapters.real_world import world_of
from chaos_engine.config import Settings
from chaos_engine.console.live import waiting
from chaos_engine.console.validate import load
from chaos_engine.containers import Container, Containers
from scenarios.census import Candidate, Census, Counted, census
from scenarios.container import own_project


def show(config: Path | None, *, as_json: bool) -> int:
    """Print it. ContainerError: the Engine cannot be asked."""
    settings = load(config, os.environ)
    with waiting("looking"):
        found = census_of(settings, world_of().containers)
    if as_json:
        click.echo(json.dumps(as_data(found), indent=1))
    else:
        click.echo("\n".join(lines(found, settings)))
    return 0


def census_of(settings: Settings, containers: Containers) -> Census:
    """What the Engine has, against the settings."""
    selectors = {name: each.containers for name, each in settings.targets.items() if each.containers}
    return census(containers.listing(), selectors, containers.own(), own_project(containers))


def lines(found: Census, settings: Settings) -> Iterator[str]:
    """For people."""
    for target in found.targets:
        yield click.style(f"target {target.name}: {_summary(target)}", bold=True)
        yield from (f"  {_line(candidate)}" for candidate in target.candidates)
    for name, each in settings.targets.items():
        if each.containers is None:
            yield click.style(f"target {name}: no container is named for it", bold=True)
    if found.others:
        yield click.style("not targets:", bold=True)
    yield from (f"  {_named(each)}: {why}" for each, why in found.others)


def _summary(target: Counted) -> str:
    if target.refusal:
        return target.refusal
    return f"{target.eligible} of {len(target.candidates)} may be hurt now"


def _line(candidate: Candidate) -> str:
    each, only = candidate.container, candidate.only
    said = [f"{_named(each)}: {each.state}{f', {each.health}' if each.health else ''}"]
    said += [f"only by {', '.join(only)}"] * bool(only)
    said += [f"not now: {candidate.why_not}"] * bool(candidate.why_not)
    return "; ".join(said)


def _named(container: Container) -> str:
    of = f" (service {container.service} of {container.project})" if container.service else ""
    return f"{container.name}{of}"


def as_data(found: Census) -> dict[str, Any]:
    """For programs."""
    return {
        "targets": [
            {
                "name": target.name,
                "eligible": target.eligible,
                "refusal": target.refusal,
                "containers": [_candidate_data(candidate) for candidate in target.candidates],
            }
            for target in found.targets
        ],
        "others": [{**_data(each), "why": why} for each, why in found.others],
    }


def _candidate_data(candidate: Candidate) -> dict[str, Any]:
    return {
        **_data(candidate.container),
        "eligible": not candidate.why_not,
        "why_not": candidate.why_not,
        "only": list(candidate.only),
    }


def _data(container: Container) -> dict[str, Any]:
    return {
        key: getattr(container, key)
        for key in ("name", "id", "project", "service", "state", "health", "image")
    }
