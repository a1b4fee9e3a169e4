"""Pure: which of the described resources a target means.

From the AWS FIS user guide, "Targets for AWS FIS": every tag must be there, every filter must match, one
value of a filter is enough; PERCENT rounds down. COUNT takes what there is when there is less.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

Resource = TypeVar("Resource")
_MODE = re.compile(r"(ALL)|(COUNT|PERCENT)\((\d+)\)")
ALL_OF_THEM = 100


@dataclass(frozen=True)
class Selection:
    """How many of what was found."""

    kind: str
    number: int = 0

    @classmethod
    def read(cls, text: str) -> Selection:
        """`ALL`, `COUNT(2)`, `PERCENT(50)`; ValueError says so."""
        match = _MODE.fullmatch(text)
        kind, number = (match[1] or match[2], int(match[3] or 0)) if match else ("", 0)
        if kind == "ALL" or (kind and 1 <= number <= (ALL_OF_THEM if kind == "PERCENT" else number)):
            return cls(kind, number)
        raise ValueError(f"{text!r} is not a selection; allowed: ALL, COUNT(n), PERCENT(n), n from 1")

    def of(self, count: int) -> int:
        """How many of so many."""
        if self.kind == "PERCENT":
            return count * self.number // ALL_OF_THEM
        return min(self.number, count) if self.kind == "COUNT" else count


def select(found: Sequence[Resource], selection: Selection, rng: Random) -> list[Resource]:
    """So many of them, at random, in the order in which they were found."""
    chosen = set(rng.sample(range(len(found)), selection.of(len(found))))
    return [one for number, one in enumerate(found) if number in chosen]


def matches(
    resource: Mapping[str, Any], tags: Mapping[str, str], filters: Sequence[tuple[str, Sequence[str]]]
) -> bool:
    """Whether a resource, as its Describe call shows it, has all the tags and passes all the filters."""
    own = {tag["Key"]: tag["Value"] for tag in resource.get("Tags", ())}
    return all(own.get(key) == value for key, value in tags.items()) and all(
        any(_text(value) in allowed for value in _at(resource, path.split("."))) for path, allowed in filters
    )


def _at(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """What is at the path; of a list, what is at the path in any of its elements."""
    if isinstance(value, list):
        for one in value:
            yield from _at(one, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
