"""The schedule as the engine keeps it: its state, its randomness, and what is said and journalled of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import scheduler
from chaos_engine.course import Course, Finished
from chaos_engine.guardrails import Refusal
from chaos_engine.model import Experiment, Now, Recovered
from chaos_engine.narration import Narrator
from chaos_engine.ports import Journal
from chaos_engine.switches import FILE, Switches, of_fact

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
        self.switches = of_fact(journal.get("switches"))
        self._state = scheduler.State(
            origin=now,
            injections=journal.injections_since(now.wall - scheduler.DAY),
            paused=self.switches.paused,
            halted=self.switches.halted,
        )

    def tell_switches(self) -> None:
        """Say that it is halted or paused, where it is so from before."""
        if self._state.paused or self._state.halted:
            self._narrator.switched(self.switches.as_fact())

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
        self._narrator.skipped(rule, reason, quietly=rule in QUIET)
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

    def forbids(self, experiment: Experiment, origin: str, now: Now) -> Refusal | None:
        """The rule of the schedule that forbids to begin this now; `origin`: who asks for it."""
        if self.switches.halted:
            return Refusal("halt", self.why_halted)
        if origin == "file":  # it has no schedule
            return None
        if origin == "schedule" and self.switches.paused:
            return Refusal("pause", "the schedule is paused")
        forbidden = scheduler.hand_forbidden(self.rules, self._state, experiment.targets, now)
        return Refusal(*forbidden) if forbidden else None

    def refused(self, experiment: Experiment, rule: str, reason: str, now: Now, course: Course) -> None:
        """An experiment that was known already may not begin."""
        self._narrator.skipped(rule, reason, experiment)
        target = ", ".join(experiment.targets)
        course.record(
            lambda: self._journal.note(
                now.wall, "skip", rule=rule, reason=reason, scenario=experiment.label, target=target
            )
        )

    @property
    def why_halted(self) -> str:
        """What holds, and what would lift it; as a sentence."""
        why, lift = self.switches.why, "lift it with resume"
        if self.switches.file is not None:
            lift = f"remove the file {FILE}"
        return f"the engine is halted{why and ': ' + why}; {lift}"

    def switch(self, switches: Switches, who: str, course: Course) -> Mapping[str, Any]:
        """Pause, halt or resume, and remember it. Returns what is remembered."""
        self.switches = switches
        self._evolve(scheduler.Switched(switches.paused, switches.halted))
        fact = switches.as_fact()
        self._narrator.switched(fact, who)
        course.record(lambda: self._journal.put("switches", fact))
        return switches.shown()

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
