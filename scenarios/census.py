"""Pure: whose target each container is, and whether it may be hurt now; or why it is nobody's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chaos_engine.containers import ALLOWED, TARGET, Container, Selector
from scenarios.selection import RefusedError, matches, meant, project_of, refusal


@dataclass(frozen=True, slots=True)
class Candidate:
    """One container of a target. `why_not` empty: it may be hurt now. `only`: scenarios that it allows."""

    container: Container
    why_not: str = ""
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counted:
    """What is found for one target. `refusal`: why there is nothing; a target of another kind has none."""

    name: str
    candidates: tuple[Candidate, ...] = ()
    refusal: str = ""

    @property
    def eligible(self) -> int:
        """How many may be hurt now."""
        return sum(not candidate.why_not for candidate in self.candidates)


@dataclass(frozen=True, slots=True)
class Census:
    """Every container is in it: with its targets, or with the reason why it has none."""

    targets: tuple[Counted, ...]
    others: tuple[tuple[Container, str], ...]


def census(
    containers: Sequence[Container], targets: Mapping[str, Selector], own: str, own_project: str
) -> Census:
    """`own`: id of the engine's own container, `own_project`: its Compose project; empty: none."""
    counted = tuple(_counted(name, each, containers, own, own_project) for name, each in targets.items())
    taken = {candidate.container.id for each in counted for candidate in each.candidates}
    rest = [each for each in containers if each.id not in taken]
    return Census(counted, tuple((each, _why_none(each, targets, own, own_project)) for each in rest))


def _counted(
    name: str, selector: Selector, containers: Sequence[Container], own: str, own_project: str
) -> Counted:
    try:
        found = meant(containers, selector, own_project)
    except RefusedError as error:
        return Counted(name, refusal=str(error))
    return Counted(name, tuple(_candidate(each, own) for each in found))


def _candidate(container: Container, own: str) -> Candidate:
    running = "" if container.state == "running" else f"it is {container.state}, not running"
    only = tuple(name.strip() for name in container.labels.get(ALLOWED, "").split(",") if name.strip())
    return Candidate(container, refusal(container, own) or running, only)


def _why_none(container: Container, targets: Mapping[str, Selector], own: str, own_project: str) -> str:
    """Why it is nobody's target."""
    if never := refusal(container, own):
        return never
    if elsewhere := _other_project(container, targets.items(), own_project):
        return elsewhere
    if container.labels.get(TARGET) == "true":
        return f'it says {TARGET}: "true", and no target of the settings is `labelled: true` where it is'
    return f'no target names it, and it does not say {TARGET}: "true"'


def _other_project(container: Container, targets: Iterable[tuple[str, Selector]], own_project: str) -> str:
    """Where only the Compose project keeps a target from meaning it."""
    for name, selector in targets:
        project = _project([container], selector, own_project)
        if project not in ("", container.project) and matches(container, selector, container.project):
            return f"it is in project {container.project!r}, and target {name!r} is in {project!r}"
    return ""


def _project(containers: Sequence[Container], selector: Selector, own_project: str) -> str:
    try:
        return project_of(containers, selector, own_project)
    except RefusedError:
        return ""
