"""What must hold of janitors, and of what they may count on: the numbers are the design's, not the code's.

With a janitor that is neither dead nor stopped, no fault is in for longer than a POLL after the last of: its
deadline and GRACE, the engine's last sign of life and LEASE, the last taking over and LEASE, and the end of
the janitor's own last mishap.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chaos_engine.ledger import Entry
from chaos_engine.model import Fault
from tests.simulate.clockwork import Violated, VirtualClock
from tests.simulate.memory_journal import MemoryJournal

LEASE, GRACE, POLL = 10.0, 1.0, 1.0
HAIR = 1e-5  # of floating point: wall times are large
ENGINE = "engine"
NEVER = float("-inf")


def must(holds: bool, number: int, text: str) -> None:
    """Say which invariant is broken, and how."""
    if not holds:
        raise Violated(f"invariant {number}: {text}")


@dataclass(slots=True)
class _Round:
    """What a janitor may do by what it saw when it began to look."""

    began: float  # wall
    free: set[str]  # faults that it may take over
    unwritten: set[str] = field(default_factory=set)  # whose taking over failed, as it was told


@dataclass(slots=True)
class Removers:
    """Sees who takes a duty over, and who clears."""

    clock: VirtualClock
    journal: MemoryJournal
    beat_wall: float | None = None
    silent_from: float | None = None  # wall: the sign of life before the last silence
    alive_since: float = 0.0  # wall: no longer than a lease without a sign from then on
    jumped: float = NEVER  # mono
    since: dict[str, float] = field(default_factory=dict)  # janitors -> undisturbed since (mono)
    refused: dict[str, str] = field(default_factory=dict)  # faults that came too late -> their experiments
    seen_in: set[str] = field(default_factory=set)  # faults that went in while nobody else had the duty
    _holders: dict[tuple[str, int], str] = field(default_factory=dict)
    _undone: set[tuple[str, int]] = field(default_factory=set)
    _in: set[str] = field(default_factory=set)  # faults that were in while their engine had the duty
    _rounds: dict[str, _Round] = field(default_factory=dict)

    def beats(self, doing: str = "") -> None:
        """The engine gives a sign of life."""
        now = self.clock.now().wall
        if self.beat_wall is None or abs(now - self.beat_wall) > LEASE - HAIR:
            self.silent_from, self.alive_since = self.beat_wall, now
        self.beat_wall = now

    def age(self, now: float) -> float | None:
        """Seconds of wall time since then."""
        return None if self.beat_wall is None else now - self.beat_wall

    def looks(self, janitor: str) -> None:
        """A round begins: what it sees now it may act on, even if it stands still in between."""
        now = self.clock.now().wall
        age = self.age(now)
        gone = age is None or abs(age) > LEASE - HAIR
        entries = self.journal.open_entries()
        self._rounds[janitor] = _Round(now, {e.fault.id for e in entries if _is_free(e, now, gone)})

    def armed(self, fault: Fault) -> None:
        """Its engine holds the duty."""
        self._holders[fault.id, fault.epoch] = ENGINE

    def takes_over(self, who: str, fault: Fault) -> None:
        """Somebody is about to."""
        may = who == ENGINE or fault.id in self._rounds[who].free
        must(may, 2, f"{who} takes {fault.id} over, which is not overdue or not free")

    def took_over(self, who: str, fault: Fault, taken: Fault | None) -> None:
        """The statement has taken hold."""
        if taken is None:
            return
        holder = self._holders.get((taken.id, taken.epoch))
        must(holder is None, 2, f"{who} and {holder} both hold {taken.id} in epoch {taken.epoch}")
        self._holders[taken.id, taken.epoch] = who

    def not_written(self, who: str, fault: Fault) -> None:
        """It was told that the taking over failed: it clears all the same, and says nothing of it."""
        if who != ENGINE:
            self._rounds[who].unwritten.add(fault.id)

    def clears(self, janitor: str, fault: Fault) -> None:
        """A janitor undoes a fault that it holds, once an epoch; or one that came back within the lease."""
        if fault.id in self._rounds[janitor].unwritten:
            return
        held = (fault.id, fault.epoch)
        if self._holders.get(held) == janitor and held not in self._undone:
            self._undone.add(held)
            return
        entry = self.journal.ledger[fault.id]
        since = self._rounds[janitor].began - LEASE - HAIR
        watched = entry.taken_at is not None and entry.cleared_at is not None and entry.cleared_at >= since
        must(watched, 2, f"{janitor} clears {fault.id} in epoch {fault.epoch}, which is not its duty")

    def applied(self, fault: Fault, ours: bool) -> None:
        """The ledger was told that it is in.

        One that is injected again when its hold is over was in by then; whoever has it now clears it.
        """
        if ours:
            self._in.add(fault.id)
        elif fault.id not in self._in:
            self.refused[fault.id] = fault.experiment

    def not_told(self, fault: Fault) -> None:
        """It is in, and the ledger was not told, or its answer was lost: it was its engine's all the same.

        Also where somebody has cleared it by then: nobody has told the engine.
        """
        if fault.id in self.seen_in:
            self.refused.pop(fault.id, None)
        entry = self.journal.ledger[fault.id]
        if entry.fault.epoch == fault.epoch and entry.status in ("intent", "applied"):
            self._in.add(fault.id)

    def mishap(self, janitor: str, until: float | None) -> None:
        """It fails or stands still `until` then; None: it is dead."""
        if until is None:
            self.since.pop(janitor, None)
        else:
            self.since[janitor] = until

    def overstays(self, fault: Fault) -> float:
        """Seconds for which a janitor should have had it out; negative: it has still time."""
        if not self.since:
            return NEVER
        entry, offset = self.journal.ledger[fault.id], self.clock.offset
        due = max(fault.deadline.wall - offset + GRACE, self.jumped, min(self.since.values()))
        if entry.status == "taken over":
            due = max(due, (entry.taken_at or 0.0) - offset + LEASE)
        # A sign of life from the near future, of before the clock was set back, is one too.
        elif self.beat_wall is not None and due >= self.alive_since - offset - LEASE - POLL:
            due = max(due, self.beat_wall - offset + LEASE)
        # So is the last one before a silence: it held until its lease was over, which may be just now.
        elif self.silent_from is not None and due >= self.silent_from - offset - LEASE - POLL:
            due = max(due, self.silent_from - offset + LEASE)
        return self.clock.mono - due - POLL - HAIR

    def back_for(self, since: float) -> float:
        """Seconds for which a janitor has been able to see what came back then."""
        return self.clock.mono - max(since, min(self.since.values())) if self.since else NEVER


def _is_free(entry: Entry, now: float, gone: bool) -> bool:
    if now < entry.fault.deadline.wall + GRACE - HAIR:
        return False
    if entry.status == "taken over":
        return entry.taken_at is None or abs(now - entry.taken_at) > LEASE - HAIR
    return gone
