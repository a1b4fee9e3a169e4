"""Pure: what becomes of that which an earlier engine left, before anything new is scheduled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chaos_engine.life import Stage
from chaos_engine.model import Fault, Now
from chaos_engine.snapshot import RESUMABLE, Snapshot

SAME_CLOCKS = 1.0  # seconds by which the two clocks may have drifted apart


@dataclass(frozen=True, slots=True)
class Plan:
    """`resume`: experiments that go on; `clear`: every other open fault; `interrupted`: experiment ids."""

    resume: tuple[Snapshot, ...]
    clear: tuple[Fault, ...]
    interrupted: tuple[str, ...]


def plan(
    left: Iterable[Fault], unfinished: Iterable[str], kept: Mapping[str, Snapshot | None], now: Now
) -> Plan:
    """`left`: the ledger's open faults; `kept`: snapshots by experiment, empty where nothing is resumed."""
    open_ = tuple(left)
    going_on = {
        id_: snapshot
        for id_, snapshot in kept.items()
        if snapshot is not None and resumable(snapshot, [f for f in open_ if f.experiment == id_], now)
    }
    return Plan(
        tuple(going_on.values()),
        tuple(fault for fault in open_ if fault.experiment not in going_on),
        tuple(id_ for id_ in unfinished if id_ not in going_on),
    )


def resumable(snapshot: Snapshot, left: Iterable[Fault], now: Now) -> bool:
    """Whether the experiment may go on: its faults are known to be in, and its deadline is ahead.

    The monotonic clock says so only while it is the same one: not after a reboot, a suspend, a jump.
    """
    state, open_ = snapshot.state, {fault.id: fault for fault in left}
    known = {step.fault.id: step.fault for step in state.steps if step.stage is Stage.IN and step.fault}
    if state.phase not in RESUMABLE or not known or known != open_:
        return False
    drift = (now.wall - now.mono) - (snapshot.taken.wall - snapshot.taken.mono)
    if abs(drift) > SAME_CLOCKS or now.mono < snapshot.taken.mono:
        return False
    return not any(now.reached(fault.deadline) for fault in known.values())
