"""Pure: folders of a container, as people write them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator


def path(value: object) -> str:
    """ValueError: it leads out of the container, or does not begin at its root."""
    text = str(value)
    if not text.startswith("/") or "\0" in text:
        raise ValueError(f"{value!r} is no path in the container; allowed: an absolute one, such as /tmp")
    if ".." in text.split("/"):
        raise ValueError(
            f"{value!r} has `..` in it; allowed: a path that stays in the container, such as /tmp"
        )
    return text


Path = Annotated[str, BeforeValidator(path)]
