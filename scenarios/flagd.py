"""Pure: one flag's default variant in the text of a flagd file, which stays as it is everywhere else.

https://flagd.dev/reference/flag-definitions/
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, cast

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
VARIANT = "defaultVariant"


def flags_of(text: str) -> Mapping[str, Any]:
    """The flags by name. ValueError: it is no flagd file."""
    document = json.loads(text)
    flags = document.get("flags") if isinstance(document, dict) else None
    if not isinstance(flags, dict) or not all(isinstance(flag, dict) for flag in flags.values()):
        raise ValueError("has no mapping `flags` of flags; allowed: flagd's own form, in JSON")
    return flags


def variants_of(flag: Mapping[str, Any]) -> tuple[str, ...]:
    """Its variants' names."""
    found = flag.get("variants")
    return tuple(found) if isinstance(found, dict) else ()


def default_of(text: str, flag: str) -> str | None:
    """The flag's default variant; None: there is no such flag, or it has none."""
    found = flags_of(text).get(flag, {}).get(VARIANT)
    return found if isinstance(found, str) else None


def with_default(text: str, flag: str, variant: str) -> str:
    """The text with another default variant. KeyError: it has none."""
    flags_of(text)
    start, end = _span(text, ("flags", flag, VARIANT))
    return text[:start] + json.dumps(variant, ensure_ascii=text.isascii()) + text[end:]


def _span(text: str, path: tuple[str, ...]) -> tuple[int, int]:
    """Where the value at this path of keys begins and ends."""
    start = _skip(text, 0)
    for key in path:
        start = _value_of(text, start, key)
    return start, _end(text, start)


def _value_of(text: str, at: int, wanted: str) -> int:
    """Where the value of a key begins, of the object that begins at `at`; of several: the one that counts.

    The text has been read as JSON before: nothing here is checked again.
    """
    found, at = -1, _skip(text, at + 1)
    while text[at] == '"':
        key, at = _key(text, at + 1)
        at = _skip(text, _skip(text, at) + 1)  # behind the colon
        found = at if key == wanted else found
        at = _skip(text, _end(text, at))
        at = _skip(text, at + 1) if text[at] == "," else at
    if found < 0:
        raise KeyError(wanted)
    return found


def _key(text: str, at: int) -> tuple[str, int]:
    return cast("tuple[str, int]", scanstring(text, at))


def _end(text: str, at: int) -> int:
    return _DECODER.raw_decode(text, at)[1]


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
