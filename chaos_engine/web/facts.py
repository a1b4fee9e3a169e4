"""What the API's parts share: all that it knows beyond the journal, and how it refuses."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from chaos_engine.adapters import folder
from chaos_engine.config import Settings
from chaos_engine.web.access import Access
from chaos_engine.web.readers import Readers
from chaos_engine.web.ring import Ring

if TYPE_CHECKING:
    from fastapi import Request


class RefusalError(Exception):
    """An answer that is a refusal: an HTTP status, a sentence, and the rule's name where there is one."""

    def __init__(self, status: int, sentence: str, rule: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Facts:
    """`settings`: those that the daemon has now. `reconciled`: whether it has taken on what was left in."""

    data: Path
    access: Access
    settings: Callable[[], Settings]
    registry: CollectorRegistry
    ring: Ring
    reconciled: Callable[[], bool]
    reading: Readers
    asking: Readers  # commands have a connection of their own: a long page of history does not delay a halt

    @property
    def heartbeat_age(self) -> float | None:
        """Seconds since the engine's last sign of life; None: there was none."""
        return folder.heartbeat_age(self.data, time.time())


def facts_of(request: Request) -> Facts:
    """Those of the application that answers."""
    found = request.app.state.facts
    assert isinstance(found, Facts)  # noqa: S101
    return found
