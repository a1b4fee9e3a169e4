"""Pages and their tokens: a token names the last thing that was given, and the request that it belongs to."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from typing import Any

from chaos_engine.rehearsal.cloudwatch_queries import Result

NEWEST_FIRST = "TimestampDescending"


class TokenError(ValueError):
    """A NextToken that was never given, or for another request."""


@dataclass(frozen=True)
class Page:
    """One answer of GetMetricData: the results with this page's datapoints, whether each is complete."""

    results: tuple[tuple[Result, bool], ...]
    last: tuple[int, int] | None  # None: nothing is left


def of_points(
    results: Sequence[Result], scan_by: str, most: int, after: tuple[int, int] | None = None
) -> Page:
    """The next `most` datapoints of all results together, in the order of time that is asked for."""
    sign = -1 if scan_by == NEWEST_FIRST else 1
    keys = sorted((sign * at, place) for place, result in enumerate(results) for at in result.series.values)
    waiting = [key for key in keys if after is None or key > after]
    given, left = waiting[:most], {place for _, place in waiting[most:]}
    times: dict[int, list[int]] = {}
    for at, place in given:
        times.setdefault(place, []).append(sign * at)
    page = ((_only(result, times.get(place, [])), place not in left) for place, result in enumerate(results))
    return Page(tuple(page), given[-1] if left else None)


def of_names(names: Iterable[str], most: int, after: str | None) -> tuple[list[str], str | None]:
    """The next names in order of the alphabet, and the last one where more are left."""
    page = list(islice((name for name in sorted(names) if after is None or name > after), most + 1))
    return page[:most], page[most - 1] if len(page) > most else None


def token(place: object, request: object) -> str:
    """A token for that place in the answer to that request. Both must be JSON."""
    return base64.urlsafe_b64encode(json.dumps([place, _digest(request)]).encode()).decode()


def place(token: str, request: object) -> Any:
    """What `token` was made of; `TokenError` if it is not one of this request's."""
    try:
        known, digest = json.loads(base64.urlsafe_b64decode(token))
    except ValueError:
        raise TokenError(token) from None
    if digest != _digest(request):
        raise TokenError(token)
    return known


def _digest(request: object) -> str:
    return sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _only(result: Result, times: list[int]) -> Result:
    return replace(
        result, series=replace(result.series, values={at: result.series.values[at] for at in times})
    )
