"""Secrets, out of what is told: the record goes on into journals, reports and messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SHORTEST = 4  # characters: a shorter one is found in too many words
HIDDEN = "***"


def hidden(text: str, secrets: Any) -> str:
    """The text without any of the experiment's secrets."""
    for value in sorted(set(values(secrets)), key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return text


def values(secrets: Any) -> Iterator[str]:
    """However deep they are."""
    if isinstance(secrets, Mapping):
        for inner in secrets.values():
            yield from values(inner)
    elif isinstance(secrets, str) and len(secrets) >= SHORTEST:
        yield secrets
