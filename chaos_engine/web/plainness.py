"""Pure: what is told to whoever may read, without the secrets that settings may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "…"
_USER = re.compile(r"(?<=://)[^/@\s]*@")


def plain(data: Any) -> Any:
    """The same data: addresses without a user and password, and headers without their values."""
    if isinstance(data, str):
        return _USER.sub("", data)
    if isinstance(data, Mapping):
        return {key: _headers(value) if key == "headers" else plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [plain(each) for each in data]
    return data


def _headers(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict.fromkeys(value, HIDDEN)
    if isinstance(value, (list, tuple)):
        return [[pair[0], HIDDEN] if isinstance(pair, (list, tuple)) and pair else HIDDEN for pair in value]
    return value
