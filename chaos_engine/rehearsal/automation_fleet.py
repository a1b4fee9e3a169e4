"""One automation over many targets: which are begun when, and what their ends make of the whole. Pure.

Rules from AWS's page "Control automations at scale": first one target, then more and more of them up to the
concurrency; an absolute error threshold of 3 stops at the fourth error, 10 % of 50 at the fifth.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chaos_engine.rehearsal.automation_document import RefusedError
from chaos_engine.rehearsal.automation_model import (
    CANCELLED,
    CANCELLING,
    FAILED,
    IN_PROGRESS,
    OVER,
    PENDING,
    SUCCESS,
    Launch,
)
from chaos_engine.rehearsal.ssm_parameters import values

DEFAULT_CONCURRENCY, DEFAULT_ERRORS = "10", "0"
_CONCURRENCY = re.compile(r"[1-9][0-9]*|[1-9][0-9]?%|100%")
_ERRORS = re.compile(r"0|[1-9][0-9]*|[0-9]%|[1-9][0-9]%|100%")


@dataclass(frozen=True)
class Fleet:
    """The parent of executions that differ in one parameter. `children` are ids, in the order of `values`."""

    launch: Launch
    parameter: str
    targets: tuple[Mapping[str, object], ...]
    values: tuple[str, ...]
    max_concurrency: str = DEFAULT_CONCURRENCY
    max_errors: str = DEFAULT_ERRORS
    status: str = PENDING
    children: tuple[str, ...] = ()
    ended: float | None = None
    cancelled: float | None = None
    completing: bool = False

    @property
    def over(self) -> bool:
        """Whether its status is final."""
        return self.status in OVER


def check_controls(max_concurrency: str, max_errors: str) -> None:
    """RefusedError names the one that is not a number, or a percentage."""
    if not _CONCURRENCY.fullmatch(max_concurrency):
        raise RefusedError(
            f"MaxConcurrency {max_concurrency!r}; allowed: a number, or a percentage such as 10%"
        )
    if not _ERRORS.fullmatch(max_errors):
        raise RefusedError(f"MaxErrors {max_errors!r}; allowed: a number, or a percentage such as 10%")


def due(fleet: Fleet, statuses: Sequence[str]) -> tuple[str, ...]:
    """The target values to begin with now. `statuses` are the children's."""
    if fleet.over or fleet.cancelled is not None or fleet.completing or _too_many(fleet, statuses):
        return ()
    ended = sum(status in OVER for status in statuses)
    room = min(concurrency(fleet), max(1, 2 * ended)) - (len(statuses) - ended)
    return fleet.values[len(statuses) :][: max(0, room)]


def after(fleet: Fleet, statuses: Sequence[str], now: float) -> Fleet:
    """The fleet as its children make it."""
    if fleet.over:
        return fleet
    if any(status not in OVER for status in statuses) or due(fleet, statuses):
        return replace(fleet, status=CANCELLING if fleet.cancelled is not None else IN_PROGRESS)
    return replace(fleet, status=_end(fleet, statuses), ended=now)


def child(fleet: Fleet, value: str, id_: str, now: float) -> Launch:
    """The launch for one target. RefusedError when the value is not one that the parameter may have."""
    given = {**fleet.launch.given, fleet.parameter: [value]}
    typed = values(fleet.launch.runbook.parameters, given)
    parent = fleet.launch.id
    return replace(
        fleet.launch, id=id_, given=given, values=typed, at=now, parent=parent, target=value, tags=()
    )


def stopped(fleet: Fleet, kind: str, now: float) -> Fleet:
    """No further target is begun; `Cancel` is also what becomes of it in the end."""
    if kind == "Complete":
        return replace(fleet, completing=True)
    return replace(fleet, cancelled=now, status=CANCELLING)


def concurrency(fleet: Fleet) -> int:
    """How many targets run at once, at most."""
    return max(1, share(fleet.max_concurrency, len(fleet.values)))


def _end(fleet: Fleet, statuses: Sequence[str]) -> str:
    if fleet.cancelled is not None:
        return CANCELLED
    return FAILED if _too_many(fleet, statuses) else SUCCESS


def _too_many(fleet: Fleet, statuses: Sequence[str]) -> bool:
    broken = sum(status in OVER - {SUCCESS} for status in statuses)
    if fleet.max_errors.endswith("%"):
        return broken >= max(1, share(fleet.max_errors, len(fleet.values)))
    return broken > int(fleet.max_errors)


def share(written: str, total: int) -> int:
    """How many of the total `10` or `10%` are."""
    return total * int(written[:-1]) // 100 if written.endswith("%") else int(written)
