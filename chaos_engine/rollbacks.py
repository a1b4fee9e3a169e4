"""Rollbacks that are owed: what is run after an experiment whose faults nothing else undoes.

They are kept in the journal from before the injection until they have run: a later engine owes them too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from chaos_engine.course import Course, Finished
from chaos_engine.model import Experiment, Now, Ran

FACT = "rollbacks"
AGAIN = 60.0  # seconds after one that failed


@dataclass(frozen=True, slots=True)
class Owed:
    """Whose experiment it undoes, and what is run: a label of the scenarios, on a target."""

    experiment: str
    label: str
    target: str


@dataclass(slots=True)
class Rollbacks:
    """What is owed, and what is being done about it."""

    course: Course
    owed: dict[str, Owed] = field(default_factory=dict)
    _running: dict[str, str] = field(default_factory=dict)  # id of the run to id of what it undoes
    _not_before: dict[str, Now] = field(default_factory=dict)

    def remember(self) -> None:
        """What an earlier engine owed."""
        kept = self.course.journal.get(FACT) or []
        self.owed = {one["experiment"]: Owed(**one) for one in kept}

    def began(self, id_: str, experiment: Experiment) -> None:
        """Before anything of it is injected."""
        if experiment.rollback:
            self.owed[id_] = Owed(id_, experiment.rollback, experiment.targets[0])
            self._keep()

    def runs(self, owed: Owed, id_: str) -> None:
        """It is being done, under that id."""
        self._running[id_] = owed.experiment

    def ended(self, finished: Finished, now: Now) -> None:
        """Nothing is owed for what was never injected, nor for what has been undone."""
        undone = self._running.pop(finished.id, None)
        if undone is None:
            if finished.result.injected_at is None:
                self._pay(finished.id)
        elif finished.result.run is Ran.COMPLETED:
            self._pay(undone)
        else:
            self._fails(undone, finished.result.reason, now)

    def due(self, now: Now) -> Iterator[Owed]:
        """Those of experiments that are over, and that nobody does yet."""
        for owed in tuple(self.owed.values()):
            waits = self._not_before.get(owed.experiment)
            busy = owed.experiment in self._running.values() or owed.experiment in self.course.runs
            if not busy and (waits is None or now.mono >= waits.mono):
                yield owed

    def cannot(self, owed: Owed, now: Now) -> None:
        """The settings have it no more: it stays owed, and is looked for again."""
        self._fails(owed.experiment, f"the settings have no {owed.label} on {owed.target}", now)

    def _fails(self, id_: str, why: str, now: Now) -> None:
        self._not_before[id_] = now.plus(AGAIN)
        self.course.narrator.log.error(
            f"The rollback of {id_} failed: {why}; tried again in {AGAIN:g} s",
            kind="rollback",
            experiment=id_,
        )

    def _pay(self, id_: str) -> None:
        self._not_before.pop(id_, None)
        if self.owed.pop(id_, None) is not None:
            self._keep()

    def _keep(self) -> None:
        kept = [
            {"experiment": one.experiment, "label": one.label, "target": one.target}
            for one in self.owed.values()
        ]
        self.course.record(lambda: self.course.journal.put(FACT, kept))
