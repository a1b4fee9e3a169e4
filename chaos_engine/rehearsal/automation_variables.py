"""`{{ references }}` in a runbook, and what they stand for.

Rules from AWS's page "Automation system variables". A reference that stands alone keeps its type; alone in a
list, a list is spliced in (`["{{ launch.InstanceIds }}"]`); inside a longer string it becomes text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping

REFERENCE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
GLOBALS = frozenset({"ACCOUNT_ID", "DATE", "DATE_TIME", "AWS_PARTITION", "REGION"})
Lookup = Callable[[str], object]


def references(value: object) -> Iterator[str]:
    """Every name that is referred to, however deep."""
    if isinstance(value, str):
        yield from REFERENCE.findall(value)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from references(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from references(part)


def resolve(value: object, lookup: Lookup) -> object:
    """The value with every reference replaced. What `lookup` raises goes through."""
    if isinstance(value, str):
        return _text(value, lookup)
    if isinstance(value, Mapping):
        return {key: resolve(part, lookup) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [item for part in value for item in _spliced(part, lookup)]
    return value


def as_text(value: object) -> str:
    """How a value reads inside a string: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _text(value: str, lookup: Lookup) -> object:
    if alone := REFERENCE.fullmatch(value.strip()):
        return lookup(alone[1])
    return REFERENCE.sub(lambda found: as_text(lookup(found[1])), value)


def _spliced(part: object, lookup: Lookup) -> list[object]:
    resolved = resolve(part, lookup)
    alone = isinstance(part, str) and REFERENCE.fullmatch(part.strip())
    return resolved if alone and isinstance(resolved, list) else [resolved]
