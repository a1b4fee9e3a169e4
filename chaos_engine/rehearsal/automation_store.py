"""All automations of one account and region: starts, stops, and moves them. Kept in memory alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from chaos_engine.rehearsal import automation_fleet as fleets
from chaos_engine.rehearsal import automation_machine as machine
from chaos_engine.rehearsal.automation_document import RefusedError
from chaos_engine.rehearsal.automation_fleet import Fleet
from chaos_engine.rehearsal.automation_model import CANCELLING, Answer, Call, Execution, Launch
from chaos_engine.rehearsal.automation_view import Automation

NewId = Callable[[], str]


class Automations:
    """Not for several threads at once. Ids are looked up with KeyError."""

    def __init__(self) -> None:
        self._all: dict[str, Automation] = {}
        self.tokens: dict[str, tuple[object, str]] = {}

    def __getitem__(self, id_: str) -> Automation:
        return self._all[id_]

    def newest_first(self) -> list[Automation]:
        """Every automation, parents and children."""
        return list(reversed(self._all.values()))

    def children(self, automation: Automation) -> list[Execution]:
        """A fleet's executions, as they were begun; none for an execution."""
        ids = automation.children if isinstance(automation, Fleet) else ()
        return [child for id_ in ids if isinstance(child := self._all[id_], Execution)]

    def begin(self, launch: Launch, new_id: NewId) -> None:
        """One execution; it moves at the next tick."""
        ids = [new_id() for _ in launch.runbook.main_steps]
        self._all[launch.id] = machine.begun(launch, ids)

    def begin_fleet(self, fleet: Fleet) -> None:
        """One parent; its children are begun by ticks."""
        self._all[fleet.launch.id] = fleet

    def stop(self, id_: str, kind: str, now: float) -> None:
        """`Cancel` or `Complete`. RefusedError when it is over, or already being cancelled."""
        stopped = machine.cancel if kind == "Cancel" else machine.complete
        automation = self._all[id_]
        if isinstance(automation, Execution):
            self._all[id_] = stopped(automation, now)
            return
        if automation.over or automation.status == CANCELLING:
            raise RefusedError(f"the automation {id_} is {automation.status}")
        self._all[id_] = fleets.stopped(automation, kind, now)
        for child in self.children(automation):
            if not child.over and child.status != CANCELLING:
                self._all[child.launch.id] = stopped(child, now)

    def tick(
        self, now: float, answers: Mapping[str, Sequence[Answer]], new_id: NewId
    ) -> list[tuple[Call, Launch]]:
        """Moves everything as far as it gets; the calls that are returned are to be made."""
        calls: list[tuple[Call, Launch]] = []
        for id_, automation in list(self._all.items()):
            if isinstance(automation, Fleet):
                self._all[id_] = self._moved(automation, now, new_id)
        for id_, automation in list(self._all.items()):
            if isinstance(automation, Execution):
                self._all[id_], made = machine.advance(automation, now, answers.get(id_, ()))
                calls += [(call, automation.launch) for call in made]
        return calls

    def _moved(self, fleet: Fleet, now: float, new_id: NewId) -> Fleet:
        statuses = [child.status for child in self.children(fleet)]
        for value in fleets.due(fleet, statuses):
            launch = fleets.child(fleet, value, new_id(), now)
            self.begin(launch, new_id)
            fleet = replace(fleet, children=(*fleet.children, launch.id))
        statuses = [child.status for child in self.children(fleet)]
        return fleets.after(fleet, statuses, now)
