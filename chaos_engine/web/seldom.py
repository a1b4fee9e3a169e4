"""What is dear to find out is not found out at each question."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
SHARE = 20  # an answer is kept for so many times as long as it took: at most a twentieth of the time is spent


class Seldom(Generic[T]):
    """The last answer. For one thread."""

    def __init__(self) -> None:
        self._found: list[T] = []
        self._until = 0.0

    def get(self, look: Callable[[], T]) -> T:
        """What was found last, or what is found now."""
        began = time.monotonic()
        if not self._found or began >= self._until:
            self._found = [look()]
            ended = time.monotonic()
            self._until = ended + SHARE * (ended - began)
        return self._found[0]
