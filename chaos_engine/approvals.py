"""Pure: approvals that were asked for, given, used up, or left to expire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from chaos_engine.spelling import nearest

FACT = "approvals"
MOST = 100  # that are kept


@dataclass(frozen=True, slots=True)
class Approval:
    """One of them. Times are wall times; `expires_at` is when it is too late, to approve and to begin."""

    id: str
    scenario: str
    target: str
    why: str  # why it is needed
    asked_at: float
    expires_at: float
    state: Literal["asked", "approved", "used", "expired"] = "asked"
    origin: str = "hand"  # schedule: what was asked for begins when it is approved
    who: str = ""  # who approved it, and the reason
    because: str = ""

    @property
    def open(self) -> bool:
        """Whether it may still lead to something."""
        return self.state in ("asked", "approved")


Approvals = tuple[Approval, ...]


def of_fact(fact: Iterable[Mapping[str, Any]] | None) -> Approvals:
    """As the journal keeps them."""
    return tuple(Approval(**kept) for kept in fact or ())


def as_fact(approvals: Approvals) -> list[dict[str, Any]]:
    """For the journal; the newest are last."""
    return [asdict(each) for each in approvals[-MOST:]]


def ask(approvals: Approvals, wanted: Approval) -> tuple[Approvals, Approval]:
    """Ask for it, unless it is asked for already; `wanted.id` is given here."""
    for each in approvals:
        if _same(each, wanted.scenario, wanted.target) and each.state == "asked":
            return approvals, each
    number = max((int(each.id[1:]) for each in approvals), default=0) + 1
    new = replace(wanted, id=f"a{number}")
    return (*approvals, new)[-MOST:], new


def approve(approvals: Approvals, id_: str, who: str, because: str, at: float) -> tuple[Approvals, Approval]:
    """ValueError: there is none of that id, or it is too late."""
    known = {each.id: each for each in expired(approvals, at)}
    found = known.get(id_)
    if found is None:
        allowed = (
            ", ".join(each.id for each in known.values() if each.state == "asked") or "none is asked for"
        )
        raise ValueError(f"no approval {id_!r} is asked for{nearest(id_, known)}; allowed: {allowed}")
    if found.state != "asked":
        raise ValueError(f"{id_} is {found.state} already")
    given = replace(found, state="approved", who=who, because=because)
    return _with(expired(approvals, at), given), given


def given(approvals: Approvals, scenario: str, target: str, at: float) -> Approval | None:
    """One that allows just this, now."""
    fits = (
        e for e in approvals if _same(e, scenario, target) and e.state == "approved" and at < e.expires_at
    )
    return next(fits, None)


def used(approvals: Approvals, one: Approval) -> Approvals:
    """What it allowed has begun."""
    return _with(approvals, replace(one, state="used"))


def expired(approvals: Approvals, at: float) -> Approvals:
    """With those marked whose time is over."""
    return tuple(
        replace(each, state="expired") if each.open and at >= each.expires_at else each for each in approvals
    )


def _same(one: Approval, scenario: str, target: str) -> bool:
    return (one.scenario, one.target) == (scenario, target)


def _with(approvals: Approvals, new: Approval) -> Approvals:
    return tuple(new if each.id == new.id else each for each in approvals)
