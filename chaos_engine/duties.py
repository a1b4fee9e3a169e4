"""Pure: clearings that no experiment waits for: left by a run that died, or that could not be cleared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from chaos_engine.model import Fault, Now

TIMEOUT = 5.0  # seconds until a clearing that hangs is tried again
BACKOFF = 0.5
BACKOFF_MOST = 10.0


@dataclass(frozen=True, slots=True)
class Duty:
    """One fault to clear."""

    fault: Fault
    due: Now  # when it is tried (again)
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Duties:
    """All of them, by owner and fault: what another engine left may have the number of one of ours."""

    open: Mapping[str, Duty] = field(default_factory=dict)

    @property
    def targets(self) -> frozenset[str]:
        """Names of the targets that wait to be cleared."""
        return frozenset(duty.fault.target.name for duty in self.open.values())


def add(duties: Duties, fault: Fault, now: Now) -> Duties:
    """Take a clearing on; at once, even if it is one already."""
    return Duties({**duties.open, _key(fault): Duty(fault, now)})


def decide(duties: Duties, now: Now) -> tuple[Duties, tuple[Fault, ...]]:
    """Which to clear now. Each is tried again when no outcome has come in time."""
    due = {id_: duty for id_, duty in duties.open.items() if now.mono >= duty.due.mono}
    tried = {id_: replace(duty, due=now.plus(TIMEOUT)) for id_, duty in due.items()}
    return Duties({**duties.open, **tried}), tuple(duty.fault for duty in due.values())


def done(duties: Duties, fault: Fault) -> Duties:
    """It is out."""
    return Duties({id_: duty for id_, duty in duties.open.items() if id_ != _key(fault)})


def failed(duties: Duties, fault: Fault, now: Now) -> Duties:
    """It is tried again, ever more slowly."""
    duty = duties.open.get(_key(fault))
    if duty is None:
        return duties
    pause = min(BACKOFF * 2 ** min(duty.failures, 10), BACKOFF_MOST)
    again = replace(duty, due=now.plus(pause), failures=duty.failures + 1)
    return Duties({**duties.open, _key(fault): again})


def wake_at(duties: Duties) -> Now | None:
    """When the next one is tried."""
    return min((duty.due for duty in duties.open.values()), default=None, key=lambda due: due.mono)


def _key(fault: Fault) -> str:
    return f"{fault.owner}/{fault.id}"
