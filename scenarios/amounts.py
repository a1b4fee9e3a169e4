"""Pure: amounts as people write them: `80%`, `64MB`, `0.5` CPUs. A share stays text until it is reckoned."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, ByteSize, TypeAdapter, ValidationError

_SIZE = TypeAdapter(ByteSize)
_WHOLE = re.compile(r"[\d.]+\s*[A-Za-z]*")  # pydantic reads `50%` as 50 bytes
SIZES = "a size such as 64MB, 64MiB or 1GB"


def percent(value: object) -> float:
    """0..1, from `80%` or 80. ValueError: not above 0, or above 100."""
    text = str(value).strip().removesuffix("%")
    try:
        number = -1.0 if isinstance(value, bool) else float(text)
    except ValueError:
        number = -1.0
    if not 0 < number <= 100:  # noqa: PLR2004
        raise ValueError(f"{value!r} is no percentage; allowed: above 0%, at most 100%")
    return number / 100


def size(value: object) -> int:
    """Bytes. ValueError: not above 0, or not understood."""
    found = size_or_none(value)
    if found < 1:
        raise ValueError(f"{value!r} is no size; allowed: {SIZES}")
    return found


def size_or_none(value: object) -> int:
    """Bytes, of which there may be none."""
    good = not isinstance(value, bool) and (not isinstance(value, str) or _WHOLE.fullmatch(value.strip()))
    try:
        found = int(_SIZE.validate_python(value)) if good else -1
    except ValidationError:
        found = -1
    if found < 0:
        raise ValueError(f"{value!r} is no size; allowed: {SIZES}")
    return found


def size_or_share(value: object) -> int | str:
    """Bytes, or a percentage as text."""
    if is_share(value):
        return f"{percent(value) * 100:g}%"
    try:
        return size(value)
    except ValueError as error:
        raise ValueError(f"{error}, or a percentage such as 50%") from None


def cpus_or_share(value: object) -> float | str:
    """CPUs, or a percentage as text."""
    if is_share(value):
        return f"{percent(value) * 100:g}%"
    try:
        number = -1.0 if isinstance(value, bool) else float(str(value))
    except ValueError:
        number = -1.0
    if not 0.01 <= number <= 4096:  # noqa: PLR2004
        raise ValueError(
            f"{value!r} is no number of CPUs; allowed: 0.01 or more, such as 0.5; or a percentage such as 50%"
        )
    return number


def is_share(value: object) -> bool:
    """Whether it is a part of something."""
    return isinstance(value, str) and value.strip().endswith("%")


def shown(size: int) -> str:
    """In megabytes."""
    return f"{size / 1e6:g}MB"


Percent = Annotated[float, BeforeValidator(percent)]
Size = Annotated[int, BeforeValidator(size)]
SizeOrNone = Annotated[int, BeforeValidator(size_or_none)]
SizeOrShare = Annotated[int | str, BeforeValidator(size_or_share)]
CpusOrShare = Annotated[float | str, BeforeValidator(cpus_or_share)]
