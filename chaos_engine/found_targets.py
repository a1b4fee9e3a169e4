"""The containers of each target as data, and why each other container is none."""

from __future__ import annotations

from typing import Any

from chaos_engine.config import Settings
from chaos_engine.containers import Container, Containers
from scenarios.census import Candidate, Census, census
from scenarios.container import own_project


def census_of(settings: Settings, containers: Containers) -> Census:
    """What the Engine has, against the settings. ContainerError: it cannot be asked."""
    selectors = {name: each.containers for name, each in settings.targets.items() if each.containers}
    return census(containers.listing(), selectors, containers.own(), own_project(containers))


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
