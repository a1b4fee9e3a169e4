"""Ways to break what a second remover, a process that stood still, and a full disk rely on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from chaos_engine import course, janitor, leftovers, rounds, transitions
from chaos_engine.ledger import Entry
from chaos_engine.life import Failed, Stage, State
from chaos_engine.model import Fault
from chaos_engine.moves import with_step
from chaos_engine.performing import Performer
from scenarios import state_file
from tests.simulate import memory_journal
from tests.simulate.memory_journal import MemoryJournal

Patch = pytest.MonkeyPatch
DEAD = (("hold", "dies"), ("inject", "dies"), ("judge", "dies"), ("hold", "freezes"))
LATE = (("inject", "freezes"),)
STUCK = (*DEAD, ("janitor", "freezes"), ("janitor", "freezes"))
FULL = (("hold", "disk full"), ("hold", "dies"), ("inject", "disk full"), ("clear", "disk full"))


def janitor_takes_over_while_the_engine_lives(patch: Patch) -> None:
    patch.setattr(janitor, "engine_is_gone", lambda age: True)


def janitor_does_not_wait_for_the_deadline(patch: Patch) -> None:
    patch.setattr(janitor, "_is_overdue", lambda entry, now: True)


def janitor_gives_nobody_a_lease(patch: Patch) -> None:
    patch.setattr(janitor, "_is_free", lambda entry, now, gone: gone or entry.status == "taken over")


def janitor_leaves_what_another_took_over(patch: Patch) -> None:
    patch.setattr(janitor, "_is_free", lambda entry, now, gone: gone and entry.status != "taken over")


def janitor_ignores_the_epoch(patch: Patch) -> None:
    def take_over(self: rounds.Round, entry: Entry, now: float) -> None:
        taken = self.ledger.take_over(entry.fault, now) or entry.fault
        if self._clear(taken, "whoever was faster"):
            self._write_down(taken)

    patch.setattr(rounds.Round, "_take_over", take_over)


def janitor_does_not_watch(patch: Patch) -> None:
    patch.setattr(rounds, "to_watch", lambda entries, now: [])


def janitor_says_cleared_without_clearing(patch: Patch) -> None:
    patch.setattr(rounds.Round, "_clear", lambda self, fault, why: True)


def janitor_needs_room_on_the_disk(patch: Patch) -> None:
    real = rounds.Round._clear
    patch.setattr(rounds.Round, "_clear", lambda self, f, why: "cannot" not in why and real(self, f, why))


def janitor_is_slow(patch: Patch) -> None:
    patch.setattr(janitor, "LEASE", 15.0)


def two_janitors_clear_in_one_epoch(patch: Patch) -> None:
    """The ledger hands the duty to whoever asks."""
    real = MemoryJournal.take_over

    def take_over(self: MemoryJournal, fault: Fault, at: float) -> Fault | None:
        taken = real(self, fault, at)
        return self.ledger[fault.id].fault if taken is None else taken

    patch.setattr(MemoryJournal, "take_over", take_over)


def a_taking_over_does_not_raise_the_epoch(patch: Patch) -> None:
    def same_epoch(what: Any, **changes: Any) -> Any:
        return replace(what, **{name: value for name, value in changes.items() if name != "epoch"})

    patch.setattr(memory_journal, "replace", same_epoch)


def what_a_stale_holder_says_counts(patch: Patch) -> None:
    patch.setattr(MemoryJournal, "_held", lambda self, fault: self.ledger.get(fault.id))


def engine_does_not_hear_that_another_took_over(patch: Patch) -> None:
    real = course.Course.record
    patch.setattr(course.Course, "record", lambda self, write: real(self, write) or None)


def engine_does_not_undo_a_late_injection(patch: Patch) -> None:
    real = transitions._inject_failed

    def failed(state: State, pending: Any, event: Failed, now: Any) -> State:
        if event.error == course.TAKEN_OVER:
            state = with_step(state, pending.step, stage=Stage.OUT)
        return real(state, pending, event, now)

    patch.setitem(transitions._ON_FAILED, "inject", failed)
    patch.setattr(
        transitions, "_took_hold_late", lambda s, i, n: s if s.phase == "done" else _forgotten(s, i)
    )


def _forgotten(state: State, id_: int) -> State:
    return replace(state, overdue={i: step for i, step in state.overdue.items() if i != id_})


def injects_after_the_deadline(patch: Patch) -> None:
    def inject(self: Performer, fault: Fault) -> Any:
        return self._scenario(fault).inject(fault, self.world) or {}

    patch.setattr(Performer, "_inject", inject)


def a_full_disk_stops_a_clearing(patch: Patch) -> None:
    real = state_file.clear_state

    def clear_state(fault: Fault, world: Any) -> None:
        path = fault.target.state_file
        current = world.states.read(path)
        if current and current.get("id") == fault.id:
            world.states.write(path, state_file.healthy(world.clock.now().wall))
        else:
            real(fault, world)

    patch.setattr(state_file, "clear_state", clear_state)


def a_full_disk_ends_the_engine(patch: Patch) -> None:
    patch.setattr(course.Course, "record", lambda self, write: write())


def strays_are_not_looked_for(patch: Patch) -> None:
    patch.setattr(leftovers.Leftovers, "_strays", lambda self, targets, known: iter(()))


def an_aborted_hold_is_gone_on_with(patch: Patch) -> None:
    real = MemoryJournal.phase

    def phase(self: MemoryJournal, id_: str, phase: str, at: float) -> None:
        kept = self.kept(id_)
        real(self, id_, phase, at)
        if id_ in self.stories:
            self.stories[id_].snapshot = kept

    patch.setattr(MemoryJournal, "phase", phase)


Breakage = Callable[[Patch], None]
Focus = tuple[tuple[tuple[str, str], ...], int]
# Each with what strikes while it is looked for, and how many janitors there are.
REMOVERS: Mapping[Breakage, Focus] = {
    janitor_takes_over_while_the_engine_lives: (LATE, 1),
    janitor_does_not_wait_for_the_deadline: (DEAD, 1),
    janitor_gives_nobody_a_lease: (STUCK, 2),
    janitor_leaves_what_another_took_over: (STUCK, 2),
    janitor_ignores_the_epoch: (STUCK, 2),
    janitor_does_not_watch: (LATE, 1),
    janitor_says_cleared_without_clearing: (DEAD, 1),
    janitor_needs_room_on_the_disk: (FULL, 1),
    janitor_is_slow: (DEAD, 1),
    two_janitors_clear_in_one_epoch: (STUCK, 2),
    a_taking_over_does_not_raise_the_epoch: (STUCK, 2),
    what_a_stale_holder_says_counts: (STUCK, 2),
    engine_does_not_hear_that_another_took_over: (LATE, 1),
    engine_does_not_undo_a_late_injection: (LATE, 1),
    injects_after_the_deadline: ((("inject", "hangs"),), 0),
    a_full_disk_stops_a_clearing: (FULL, 0),
    a_full_disk_ends_the_engine: (FULL, 0),
    strays_are_not_looked_for: (LATE, 1),
    an_aborted_hold_is_gone_on_with: ((("clear", "dies"),), 0),
}
