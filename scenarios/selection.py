"""Pure: which of the containers that there are a target means, and which of those are hurt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from random import Random

from chaos_engine.containers import (
    ALLOWED,
    ORIGINAL,
    PARKED,
    PART,
    TARGET,
    ZONE,
    Container,
    Replicas,
    Selector,
)
from chaos_engine.spelling import nearest


class RefusedError(Exception):
    """Nothing is hurt, since nothing should be; the message says why."""


def meant(containers: Iterable[Container], selector: Selector, own_project: str) -> tuple[Container, ...]:
    """Those that the selector names, in whatever state. RefusedError: there is none, or it is not clear."""
    containers = tuple(containers)
    if selector.container:
        found = [each for each in containers if selector.container in (each.name, each.id)]
        hint = nearest(selector.container, {each.name for each in containers if PART not in each.labels})
        return _some(found, f"no container is named {selector.container!r}{hint}")
    project = project_of(containers, selector, own_project)
    found = [each for each in containers if matches(each, selector, project)]
    return _some(found, _nobody(containers, selector, project))


def project_of(containers: Iterable[Container], selector: Selector, own_project: str) -> str:
    """The Compose project that it means; empty: any. RefusedError: several have its service."""
    project = selector.project or own_project
    if not project and selector.service:
        return _only_project(containers, selector.service)
    return project


def refusal(container: Container, own: str) -> str:
    """Why this container is never hurt, whoever asks; empty: it may be. `own`: id of the engine's own."""
    part = container.labels.get(PART)
    if container.id == own or part:
        return f"it is a part of Chaos Engine itself ({part or 'engine'})"
    if ORIGINAL in container.labels or container.name.startswith(PARKED):
        return "its configuration is being hurt"
    if container.labels.get(TARGET) == "false":
        return f'it says {TARGET}: "false"'
    return ""


def forbidden(container: Container, scenario: str) -> str:
    """Why this scenario may not hurt it; empty: it may."""
    allowed = [name.strip() for name in container.labels.get(ALLOWED, "").split(",") if name.strip()]
    if not allowed or scenario in allowed:
        return ""
    return f"{container.name} allows {', '.join(allowed)} only (its label {ALLOWED})"


def chosen(
    found: Sequence[Container], selector: Selector, scenario: str, own: str, rng: Random
) -> tuple[Container, ...]:
    """The containers that are hurt, of those that run. RefusedError: none may be, or too many would."""
    reasons = [refusal(each, own) or forbidden(each, scenario) for each in found]
    may = [each for each, reason in zip(found, reasons, strict=True) if not reason]
    if not may:
        raise RefusedError(
            "; ".join(dict.fromkeys(f"{c.name}: {r}" for c, r in zip(found, reasons, strict=True)))
        )
    running = [each for each in may if each.state == "running"]
    if not running:
        raise RefusedError("; ".join(f"{each.name} is {each.state}, not running" for each in may))
    wanted = how_many(selector.replicas, len(running), rng)
    _check_radius(selector, wanted, len(found))
    wanted = min(wanted, _spare(found, selector.min_healthy))
    if wanted < 1:
        healthy = sum(each.healthy for each in found)
        raise RefusedError(
            f"{healthy} of {len(found)} replicas are healthy, and min_healthy is {selector.min_healthy}"
        )
    picked = {each.id for each in rng.sample(running, wanted)}
    return tuple(each for each in running if each.id in picked)


def how_many(replicas: Replicas, there_are: int, rng: Random) -> int:
    """Of so many, at most all."""
    if replicas.every:
        return there_are
    if replicas.any_number:
        return rng.randint(1, there_are)
    if replicas.share is not None:
        return min(there_are, math.ceil(round(replicas.share * there_are, 9)))
    return min(there_are, replicas.count or 0)


def _check_radius(selector: Selector, wanted: int, there_are: int) -> None:
    limit = selector.at_most
    if limit is None:
        return
    most = math.floor(limit.share * there_are) if limit.share is not None else limit.count or 0
    if wanted > most:
        raise RefusedError(f"{wanted} of {there_are} would be hurt at once, and at_most allows {most}")


def _spare(found: Sequence[Container], min_healthy: int) -> int:
    """How many may be hurt so that enough stay healthy; all of them, where nobody asks for any."""
    return sum(each.healthy for each in found) - min_healthy if min_healthy else len(found)


def matches(container: Container, selector: Selector, project: str) -> bool:
    """Whether the selector means it; `project`: as `project_of` says. Never a part of the engine."""
    if selector.container:
        return selector.container in (container.name, container.id)
    return (
        (not project or container.project == project)
        and (not selector.service or container.service == selector.service)
        and (not selector.labelled or container.labels.get(TARGET) == "true")
        and (not selector.zone or container.labels.get(ZONE) == selector.zone)
        and not {PART, ORIGINAL} & set(container.labels)
        and not container.name.startswith(PARKED)
    )


def _only_project(containers: Iterable[Container], service: str) -> str:
    projects = sorted({each.project for each in containers if each.service == service})
    if len(projects) > 1:
        raise RefusedError(
            f"service {service!r} is in {', '.join(projects)}; allowed: one of them as compose_project"
        )
    return projects[0] if projects else ""


def _nobody(containers: Sequence[Container], selector: Selector, project: str) -> str:
    """What to say where no container is meant; the nearest right word, where a word is wrong."""
    said = f"no container {_described(selector, project)}"
    near = [each for each in containers if not project or each.project == project]
    if selector.service and any(each.service == selector.service for each in near if PART in each.labels):
        return f"service {selector.service!r} is a part of Chaos Engine itself"
    targets = [each for each in near if PART not in each.labels]
    if project and not near:
        return said + nearest(project, {each.project for each in containers})
    services = {each.service for each in targets if each.service}
    if not selector.service or selector.service in services:
        return said
    allowed = f"; allowed: {', '.join(sorted(services))}" if project and services else ""
    return said + (nearest(selector.service, services) or _elsewhere(containers, selector.service)) + allowed


def _elsewhere(containers: Iterable[Container], service: str) -> str:
    projects = sorted({each.project for each in containers if each.service == service})
    return f"; project {', '.join(projects)} has one (compose_project says which)" if projects else ""


def _described(selector: Selector, project: str) -> str:
    said = [
        f"is of service {selector.service!r}" if selector.service else "",
        f"in project {project!r}" if project else "",
        f'says {TARGET}: "true"' if selector.labelled else "",
        f"is in {ZONE} {selector.zone!r}" if selector.zone else "",
    ]
    return ", ".join(text for text in said if text)


def _some(found: Sequence[Container], otherwise: str) -> tuple[Container, ...]:
    if not found:
        raise RefusedError(otherwise)
    return tuple(found)
