"""Texts with secrets in them.

`${NAME}` is taken from the environment, or from the file that NAME_FILE names there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_NAMED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def names(text: str) -> Iterator[str]:
    """The variables that it asks for."""
    return (found[1] for found in _NAMED.finditer(text))


def filled(text: str, environment: Mapping[str, str]) -> str:
    """The text with its secrets. ValueError names the variable that is not there; never a value."""
    return _NAMED.sub(lambda found: _value(found[1], environment), text)


def _value(name: str, environment: Mapping[str, str]) -> str:
    if value := environment.get(name, "").strip():
        return value
    path = environment.get(f"{name}_FILE")
    if not path:
        raise ValueError(f"neither {name} nor {name}_FILE is set in the environment")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"environment {name}_FILE: {path!r} cannot be read: {error}") from None
