"""Why a call is not let through."""

from __future__ import annotations


class ForbiddenError(Exception):
    """`rule` is one word of docs/containers.md; the text says what was found."""

    def __init__(self, rule: str, text: str, status: int = 403) -> None:
        super().__init__(text)
        self.rule = rule
        self.status = status
