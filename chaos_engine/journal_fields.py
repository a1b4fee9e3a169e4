"""The `journal` section of `chaos.yml`: how long what has ended is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field

from chaos_engine import durations
from chaos_engine.document import Document

LEAST_AGE = 2 * 86400.0  # caps, blackouts and removers look back a day at most


@dataclass(frozen=True, slots=True)
class Keep:
    """Seconds, and how many experiments; None: without a bound."""

    age: float | None = None
    experiments: int | None = 100_000


def _age(value: object) -> object:
    if value is None:
        return None
    seconds = durations.parse(value)
    if seconds < LEAST_AGE:
        raise ValueError(f"{value!r} is too short; allowed: at least {durations.show(LEAST_AGE)}")
    return seconds


class JournalDocument(Document):
    """What is dropped is what is older, or more."""

    keep: Annotated[float | None, BeforeValidator(_age)] = None
    keep_experiments: int | None = Field(100_000, ge=100)

    def kept(self) -> Keep:
        """As the engine takes it."""
        return Keep(self.keep, self.keep_experiments)
