"""The schedule as the engine keeps it: its state, its randomness, and what is said and journalled of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import scheduler
from chaos_engine.course import Course, Finished
from chaos_engine.model import Experiment, Now, Recovered
from chaos_engine.narration import Narrator
from chaos_engine.ports import Journal

QUIET = ("pause", "halt", "windows")


class Timetable:
    """Decides with `scheduler`, and remembers its switches over restarts."""

    def __init__(
        self, rules: scheduler.Rules, journal: Journal, narrator: Narrator, seed: int, now: Now
    ) -> None:
        self.rules = rules
        self.seed = seed
        self._journal = journal
        self._narrator = narrator
        self._announced: object = self
        self._waits: scheduler.Wait | None = None  # what was decided last, until something changes
        switches = journal.get("switches") or {}
        self._state = scheduler.State(
            origin=now,
            injections=journal.injections_since(now.wall - scheduler.DAY),
            paused=bool(switches.get("paused")),
            halted=bool(switches.get("halted")),
        )
        self._switches = switches

    def tell_switches(self) -> None:
        """Say that it is halted or paused, where it is so from before."""
        if self._state.paused or self._state.halted:
            self._narrator.switched(self._switches)

    def due(self, now: Now, course: Course) -> Iterator[scheduler.Start]:
        """The starts that are due; slots that a rule forbids are said and journalled."""
        while not self._is_waiting(now):
            rng = scheduler.stream(self.seed, scheduler.due_slot(self.rules, self._state, now))
            self._state, decision = scheduler.decide(self.rules, self._state, now, rng)
            match decision:
                case scheduler.Wait():
                    self._waits = decision
                case scheduler.Start():
                    yield decision
                case scheduler.Skip(_, rule, reason):
                    self._skipped(rule, reason, now, course)

    def _is_waiting(self, now: Now) -> bool:
        """Whether it is known that nothing is due: the engine asks at each of its turns."""
        waits = self._waits
        return waits is not None and (waits.until is None or now.mono < waits.until.mono)

    def _skipped(self, rule: str, reason: str, now: Now, course: Course) -> None:
        """A pause is said when it begins, not once a slot for as long as it lasts."""
        if rule not in QUIET:
            self._narrator.skipped(rule, reason)
        course.record(lambda: self._journal.note(now.wall, "skip", rule=rule, reason=reason))

    def next_start(self) -> Now | None:
        """When the next slot is due; None while nothing is scheduled."""
        return scheduler.next_start(self.rules, self._state)

    def announce(self, due: Now | None, course: Course) -> None:
        """Say once when the next start is due."""
        moment = due.mono if due else None
        if self._announced == moment:
            return
        self._announced = moment
        wall = due.wall if due else None
        self._narrator.next_start(wall, self.rules.every, self._why_none())
        course.record(lambda: self._journal.put("next", wall))

    def started(self, id_: str, experiment: Experiment, now: Now) -> None:
        """An experiment began, on the schedule or by hand."""
        self._evolve(scheduler.Started(id_, experiment.targets, now.wall))

    def resumed(self, id_: str, experiment: Experiment) -> None:
        """An experiment of an earlier engine goes on."""
        self._evolve(scheduler.Resumed(id_, experiment.targets))

    def ended(self, finished: Finished) -> None:
        """An experiment ended."""
        recovery = finished.result.recovery
        recovered = None if recovery is Recovered.UNKNOWN else recovery is Recovered.RECOVERED
        injected = finished.result.injected_at is not None
        self._evolve(scheduler.Ended(finished.id, finished.began, injected, recovered))

    def forbids_by_hand(self, experiment: Experiment, now: Now) -> str:
        """Why an operator may not inject this now; empty: they may."""
        forbidden = scheduler.hand_forbidden(self.rules, self._state, experiment.targets, now)
        return f"{forbidden[1]} ({forbidden[0]})" if forbidden else ""

    def switch(self, kind: str, reason: str) -> Mapping[str, Any]:
        """`pause` or `halt`; `resume` lifts both. Returns what is to be remembered of it."""
        paused = kind == "pause"
        halted = kind == "halt" or (self._state.halted and paused)
        switches = {"paused": paused, "halted": halted, "reason": reason}
        self._evolve(scheduler.Switched(paused, halted))
        self._narrator.switched(switches)
        return switches

    def take_rules(self, rules: scheduler.Rules, now: Now) -> None:
        """New settings. The grid begins anew only where its period changed."""
        regrid = (self.rules.every, self.rules.enabled) != (rules.every, rules.enabled)
        self.rules = rules
        self._announced, self._waits = self, None
        if regrid:
            self._evolve(scheduler.Regrid(now, rules.startup_wait, rules.every))

    def _evolve(self, event: scheduler.Event) -> None:
        self._state = scheduler.evolve(self._state, event)
        self._announced, self._waits = self, None

    def _why_none(self) -> str:
        if self._state.halted:
            return "halted"
        return "paused" if self._state.paused else "the schedule is switched off"
