"""One round of the janitor: it takes over what is overdue, clears it, and watches what it cleared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chaos_engine import durations
from chaos_engine.janitor import LEASE, to_take_over, to_watch
from chaos_engine.ledger import Entry
from chaos_engine.model import Fault
from chaos_engine.narration import Log, about
from chaos_engine.performing import look, undo
from chaos_engine.ports import World
from scenarios.base import OVER, Scenario


class Duties(Protocol):
    """The ledger, as far as a remover needs it."""

    def open_entries(self) -> Sequence[Entry]:
        """Every fault that may still be in the world."""
        ...

    def closed_since(self, at: float) -> Sequence[Entry]:
        """Faults that were cleared after then."""
        ...

    def take_over(self, fault: Fault, at: float) -> Fault | None:
        """Take the duty from whoever holds it; None: another was faster."""
        ...

    def cleared(self, fault: Fault, at: float) -> bool:
        """The fault is out. False: the duty was somebody else's."""
        ...


@dataclass(frozen=True, slots=True)
class Round:
    """It keeps nothing for the next one: the ledger has it all. What fails now is tried again then.

    `engine_age`: seconds since the engine's last sign of life; None: there was none. Nothing is raised but
    what reading the ledger raises.
    """

    ledger: Duties
    scenarios: Mapping[str, Scenario]
    world: World
    log: Log
    engine_age: float | None

    def go(self) -> None:
        """Once."""
        now = self._now()
        for entry in to_take_over(self.ledger.open_entries(), now, self.engine_age):
            self._take_over(entry, now)
        for entry in to_watch(self.ledger.closed_since(now - LEASE), now):
            if self._is_left(entry.fault):
                self._clear(entry.fault, "it came back after it was cleared")

    def _take_over(self, entry: Entry, now: float) -> None:
        try:
            taken = self.ledger.take_over(entry.fault, now)
        except Exception as error:  # noqa: BLE001 - a disk that is full must not stop a clearing
            self._not_written(error)
            if self._is_in(entry.fault):
                self._clear(entry.fault, "its engine is gone, and the ledger cannot be written")
            return
        if taken is None:
            return
        self._say_overdue(taken, now)
        if self._clear(taken, "its engine is gone"):
            self._write_down(taken)

    def _say_overdue(self, fault: Fault, now: float) -> None:
        """Its engine is gone, and can say it no more."""
        self.log.warning(
            f"Overdue: {fault.id} ({fault.scenario} on {fault.target.name}), and its engine is gone",
            kind="overdue", late=round(now - fault.deadline.wall, 3), **about(fault),
        )  # fmt: skip

    def _write_down(self, taken: Fault) -> None:
        try:
            self.ledger.cleared(taken, self._now())
        except Exception as error:  # noqa: BLE001 - it is taken over once more when the lease is over
            self._not_written(error)

    def _is_in(self, fault: Fault) -> bool:
        """Whether it is seen in the world; where nobody can look, it is cleared: that does no harm."""
        scenario = self.scenarios.get(fault.scenario)
        if scenario is None:
            return False
        try:
            return look(scenario, fault, self.world).observation not in OVER
        except Exception:  # noqa: BLE001
            return True

    def _is_left(self, fault: Fault) -> bool:
        """Whether anything of what was cleared is seen; where nobody can look, it is cleared once more."""
        scenario = self.scenarios.get(fault.scenario)
        try:
            return scenario is not None and scenario.is_left(fault, self.world)
        except Exception:  # noqa: BLE001
            return True

    def _clear(self, fault: Fault, why: str) -> bool:
        late = round(max(0.0, self._now() - fault.deadline.wall), 3)
        what = f"{fault.id} ({fault.scenario} on {fault.target.name})"
        try:
            undo(self.scenarios, fault, self.world)
        except Exception as error:  # noqa: BLE001 - the others are cleared all the same
            self.log.error(
                f"Could not clear {what}: {error}; trying again",
                kind="clear_failed", error=str(error), **about(fault),
            )  # fmt: skip
            return False
        self.log.warning(
            f"Cleared {what}, {durations.show(round(late, 1))} overdue: {why}",
            kind="cleared", late=late, seconds=round(self._now() - fault.armed_at.wall, 3), **about(fault),
        )  # fmt: skip
        return True

    def _not_written(self, error: Exception) -> None:
        self.log.error(f"The journal could not be written: {error}", kind="journal")

    def _now(self) -> float:
        return self.world.clock.now().wall
