"""How users say which containers a target is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictBool, model_validator

from chaos_engine.containers import ONE, Replicas, Selector
from chaos_engine.document import Document

ALLOWED = "a count such as 2, a share such as 50%, random, or all"


# Not named as the fields are: pydantic looks names up among the class's own first.
def as_replicas(value: object) -> Replicas:
    """From `2`, `50%`, `random` or `all`. ValueError: anything else."""
    if isinstance(value, Replicas):
        return value
    text = str(value).strip()
    if text == "all":
        return Replicas(every=True)
    if text == "random":
        return Replicas(any_number=True)
    if text.endswith("%"):
        return Replicas(share=_share(text, value))
    if isinstance(value, bool) or not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{value!r} is no number of replicas; allowed: {ALLOWED}")
    return Replicas(count=int(text))


def _share(text: str, value: object) -> float:
    try:
        percent = float(text[:-1])
    except ValueError:
        percent = -1.0
    if not 0 < percent <= 100:  # noqa: PLR2004
        raise ValueError(f"{value!r} is no share; allowed: above 0%, at most 100%")
    return percent / 100


def as_limit(value: object) -> Replicas | None:
    """A count or a share."""
    found = None if value is None else as_replicas(value)
    if found is not None and (found.any_number or found.every):
        raise ValueError(f"{value!r} is no limit; allowed: a count such as 2, or a share such as 50%")
    return found


class ContainerFields(Document):
    """`compose_service` (with `compose_project`), `container`, or `labelled: true`; nothing: no container."""

    compose_service: str | None = Field(None, min_length=1)
    compose_project: str | None = Field(None, min_length=1)
    container: str | None = Field(None, min_length=1)
    labelled: StrictBool = False
    zone: str | None = Field(None, min_length=1)
    replicas: Annotated[Replicas, BeforeValidator(as_replicas)] = ONE
    at_most: Annotated[Replicas | None, BeforeValidator(as_limit)] = None
    min_healthy: int = Field(0, ge=0, strict=True)
    role: Literal["database"] | None = None

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> ContainerFields:
        named = [key for key in ("compose_service", "container") if getattr(self, key)]
        if len(named) > 1:
            raise ValueError("has both compose_service and container; allowed: one of them")
        if self.container and (self.compose_project or self.labelled):
            raise ValueError("container is a name: compose_project and labelled do not go with it")
        beside = [key for key in _BESIDE if key in self.model_fields_set]
        if beside and self.selector is None:
            raise ValueError(
                f"{', '.join(beside)} without a container; allowed: beside compose_service or container"
            )
        return self

    @property
    def selector(self) -> Selector | None:
        """Which containers; None: it names none."""
        if not (self.compose_service or self.container or self.labelled):
            return None
        return Selector(
            container=self.container or "",
            service=self.compose_service or "",
            project=self.compose_project or "",
            labelled=self.labelled,
            zone=self.zone or "",
            replicas=self.replicas,
            at_most=self.at_most,
            min_healthy=self.min_healthy,
        )


_BESIDE = ("compose_project", "zone", "replicas", "at_most", "min_healthy", "role")
