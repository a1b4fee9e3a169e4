"""`targets`: what is found for each target that has containers, and why each other container is none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from chaos_engine.adapters.real_world import world_of
from chaos_engine.console.live import waiting
from chaos_engine.console.remote import Remote, remotely
from chaos_engine.console.validate import load
from chaos_engine.containers import ContainerError
from chaos_engine.found_targets import as_data, census_of


def show(config: Path | None, *, as_json: bool) -> int:
    """Print it. ContainerError: the Engine cannot be asked."""
    remote = remotely(config)
    data, without = _of(remote) if remote else _here(config)
    click.echo(json.dumps(data, indent=1) if as_json else "\n".join(lines(data, without)))
    return 0


def _here(config: Path | None) -> tuple[dict[str, Any], list[str]]:
    settings = load(config, os.environ)
    with waiting("looking"):
        found = as_data(census_of(settings, world_of().containers))
    return found, [name for name, each in settings.targets.items() if each.containers is None]


def _of(remote: Remote) -> tuple[dict[str, Any], list[str]]:
    """The same from an engine elsewhere, which lists its other targets too."""
    told = remote.get("targets")
    if told["error"]:
        raise ContainerError(told["error"])
    shown = ("name", "eligible", "refusal", "containers")
    with_containers = [target for target in told["targets"] if target["containers"] is not None]
    data = {"targets": [{key: target[key] for key in shown} for target in with_containers],
            "others": told["others"]}  # fmt: skip
    return data, [target["name"] for target in told["targets"] if target["containers"] is None]


def lines(found: Mapping[str, Any], without: Iterable[str]) -> Iterator[str]:
    """For people. `without`: targets that have no containers."""
    for target in found["targets"]:
        yield click.style(f"target {target['name']}: {_summary(target)}", bold=True)
        yield from (f"  {_line(candidate)}" for candidate in target["containers"])
    for name in without:
        yield click.style(f"target {name}: no container is named for it", bold=True)
    if found["others"]:
        yield click.style("not targets:", bold=True)
    yield from (f"  {_named(each)}: {each['why']}" for each in found["others"])


def _summary(target: Mapping[str, Any]) -> str:
    if target["refusal"]:
        return str(target["refusal"])
    return f"{target['eligible']} of {len(target['containers'])} may be hurt now"


def _line(each: Mapping[str, Any]) -> str:
    only, why_not = each["only"], each["why_not"]
    health = f", {each['health']}" if each["health"] else ""
    said = [f"{_named(each)}: {each['state']}{health}"]
    said += [f"only by {', '.join(only)}"] * bool(only)
    said += [f"not now: {why_not}"] * bool(why_not)
    return "; ".join(said)


def _named(each: Mapping[str, Any]) -> str:
    of = f" (service {each['service']} of {each['project']})" if each["service"] else ""
    return f"{each['name']}{of}"
