"""What an earlier engine left: goes on with it, or hands it over to be cleared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from chaos_engine import reconcile, snapshot
from chaos_engine.containers import ContainerError
from chaos_engine.course import Course
from chaos_engine.model import Fault, Now, Ran, Result, Target
from chaos_engine.ports import Journal, World
from chaos_engine.snapshot import Snapshot
from chaos_engine.timetable import Timetable
from scenarios.state_file import is_stray, stray_fault
from scenarios.strays import stray_helpers, stray_originals


@dataclass(frozen=True, slots=True)
class Leftovers:
    """The ledger's open faults, signs of ours without an entry, experiments without a result.

    `containers`: the Docker Engine is looked at too. `resume`: experiments whose faults are still in, before
    their deadline, go on.
    """

    journal: Journal
    course: Course
    timetable: Timetable
    world: World
    now: Now
    resume: bool
    containers: bool = False

    def settle(self, targets: Iterable[Target]) -> Iterator[Fault]:
        """Yields every fault that must be cleared; what can go on is with the course."""
        left, unfinished = self.journal.open_faults(), self.journal.unfinished()
        plan = reconcile.plan(left, unfinished, self._kept(unfinished), self.now)
        yield from (self._taken_over(fault) for fault in plan.clear)
        known = {fault.id for fault in left}
        yield from self._strays(targets, known)
        if self.containers:
            yield from self._stray_containers(known)
        for id_ in plan.interrupted:
            self._interrupt(id_)
        for kept in plan.resume:
            yield from self._go_on(kept)

    def _kept(self, unfinished: Iterable[str]) -> Mapping[str, Snapshot | None]:
        if not self.resume:
            return {}
        texts = {id_: self.journal.kept(id_) for id_ in unfinished}
        return {id_: snapshot.load(text) for id_, text in texts.items() if text}

    def _go_on(self, kept: Snapshot) -> Iterator[Fault]:
        """Where every fault of it is still in, and nobody else has taken it; else they are cleared."""
        faults = [step.fault for step in kept.state.steps if step.fault is not None]
        held = [self._held(fault) for fault in faults]
        if all(held):
            state = snapshot.revived(kept, {fault.id: fault for fault in held if fault}, self.now)
            self.timetable.resumed(state.id, state.experiment)
            self.course.resume(state, kept.began)
            return
        self._interrupt(kept.state.id)
        yield from (self._taken_over(mine or fault) for mine, fault in zip(held, faults, strict=True))

    def _held(self, fault: Fault) -> Fault | None:
        if not self.course.performer.is_in(fault):
            return None
        return self.course.record(lambda: self.journal.resume(fault))

    def _taken_over(self, fault: Fault) -> Fault:
        """Where the ledger cannot be written, it is cleared all the same."""
        return self.course.record(lambda: self.journal.take_over(fault, self.now.wall)) or fault

    def _interrupt(self, id_: str) -> None:
        result = Result(Ran.INTERRUPTED, reason="the engine ended in the middle of it")
        self.course.record(lambda: self.journal.end(id_, result, self.now.wall))

    def _strays(self, targets: Iterable[Target], known: set[str]) -> Iterator[Fault]:
        """Signs of ours in the state files that the ledger knows nothing of (it may have been lost)."""
        for target in targets:
            try:
                state = self.world.states.read(target.state_file) if target.state_file else None
            except OSError as error:
                text = f"Cannot look into {target.state_file}: {error}"
                self.course.narrator.log.warning(text, kind="reconcile")
                continue
            if state and is_stray(state, self.journal.owner, known, self.now.wall):
                yield stray_fault(state, target, self.now)

    def _stray_containers(self, known: set[str]) -> list[Fault]:
        containers, owner = self.world.containers, self.journal.owner
        try:
            return [
                *stray_helpers(containers, owner, known, self.now),
                *stray_originals(containers, owner, known, self.now),
            ]
        except ContainerError as error:
            self.course.narrator.log.warning(f"Cannot look for containers of ours: {error}", kind="reconcile")
            return []
