"""Durations as AWS writes them: ISO 8601, such as `PT5M`."""

from __future__ import annotations

import re
from datetime import timedelta

from pydantic import TypeAdapter, ValidationError

_ISO = TypeAdapter(timedelta)
# Pydantic reads more than ISO 8601; years and months have no length.
_SHAPE = re.compile(r"P(?=\d|T\d)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")


def seconds(text: str) -> float:
    """`PT2M30S` -> 150.0. ValueError says what is allowed."""
    try:
        if _SHAPE.fullmatch(text):
            return _ISO.validate_python(text).total_seconds()
    except ValidationError:
        pass
    raise ValueError(
        f"{text!r} is not a duration; allowed: ISO 8601 with days, hours, minutes, seconds: PT5M"
    )
