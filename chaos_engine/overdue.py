"""Pure: which of our own faults are past their deadline, and not out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from chaos_engine.model import Fault, Now

GRACE = 1.0  # seconds past its deadline, or after it was found, in which a fault may still be in


@dataclass(frozen=True, slots=True)
class Watched:
    """A fault that is in: since when it is known here, and whether it was said to be overdue."""

    fault: Fault
    since: Now
    said: bool = False


Watch = tuple[Watched, ...]


def look(watch: Watch, open_faults: Iterable[Fault], now: Now) -> tuple[Watch, tuple[Fault, ...]]:
    """All that is in now, and which of them are to be said to be overdue: each once."""
    known = {_key(each.fault): each for each in watch}
    seen = tuple(known.get(_key(fault), Watched(fault, now)) for fault in open_faults)
    late = tuple(each.fault for each in seen if not each.said and _is_overdue(each, now))
    return tuple(replace(each, said=each.said or each.fault in late) for each in seen), late


def _is_overdue(each: Watched, now: Now) -> bool:
    """By the wall clock: what an earlier engine left knows of no other."""
    late = now.wall >= each.fault.deadline.wall + GRACE
    return late and now.mono >= each.since.mono + GRACE


def _key(fault: Fault) -> tuple[str, str]:
    return fault.owner, fault.id
