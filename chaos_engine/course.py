"""The experiments under way: lets each decide, performs and journals what it decides, ends it."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from chaos_engine import experiment as life_of
from chaos_engine import snapshot
from chaos_engine.experiment import Context
from chaos_engine.life import (
    Action,
    Cleared,
    Event,
    Failed,
    Inject,
    Injected,
    Observed,
    Phase,
    Prepared,
    Stage,
    State,
    Stop,
    Taken,
)
from chaos_engine.model import Activity, Experiment, Fault, Now, Result, Window
from chaos_engine.moves import injected_by_looks, is_out, with_facts
from chaos_engine.narration import Narrator
from chaos_engine.performing import Performer, Report
from chaos_engine.ports import Journal

T = TypeVar("T")
TAKEN_OVER = "another remover took it over while this engine stood still"
BLACKOUT_MEMORY = 3600.0  # seconds for which the times of our own faults are kept


@dataclass(frozen=True, slots=True)
class Finished:
    """An experiment that ended. `left`: faults that could not be cleared."""

    id: str
    experiment: Experiment
    began: float
    result: Result
    left: tuple[Fault, ...]


@dataclass(slots=True)
class Course:
    """All experiments that are open. `min_interval` in seconds between injections."""

    journal: Journal
    narrator: Narrator
    performer: Performer
    seed: int
    epoch: int = 0
    min_interval: float = 0.0
    keeps: bool = False  # snapshots, for the next engine to go on with
    runs: dict[str, State] = field(default_factory=dict)
    blackouts: list[Window] = field(default_factory=list)
    last_injection: Now | None = None
    _began: dict[str, float] = field(default_factory=dict)
    _randomness: dict[str, random.Random] = field(default_factory=dict)
    _noted: dict[str, Phase] = field(default_factory=dict)
    _kept: dict[str, Hashable] = field(default_factory=dict)
    _told: dict[str, int] = field(default_factory=dict)  # fault -> how many of its activities
    _clearing: bool = False

    def begin(self, id_: str, experiment: Experiment, now: Now) -> None:
        """Put an experiment at its gate."""
        state = life_of.begin(id_, experiment, self.journal.owner, self.epoch, now)
        self.record(lambda: self.journal.begin(id_, experiment, now.wall))
        self._take_on(state, now.wall)
        self.narrator.phase(state)

    def resume(self, state: State, began: float) -> None:
        """Go on with an experiment that an earlier engine began, at that wall time."""
        self._take_on(state, began)
        self.narrator.resumed(state)

    def advance(self, now: Now, *, clearing: bool) -> Iterator[Finished]:
        """Do everything that is due; yields the experiments that ended by it.

        `clearing`: what was left in is still being cleared.
        """
        self._clearing = clearing
        for id_ in tuple(self.runs):
            self._advance(id_, now)
            if self.runs[id_].phase is Phase.DONE:
                yield self._finish(id_, now)

    def report(self, report: Report, now: Now) -> Fault | None:
        """Take in an outcome. Returns a fault to be cleared (again) after its experiment has ended."""
        fault = with_facts(report.fault, report.event)
        report = report if fault is report.fault else replace(report, fault=fault)
        state = self.runs.get(report.experiment)
        if state is not None and isinstance(report.event, (Observed, Cleared)) and fault is not None:
            self._tell(fault, report.event.activities)
        event = self._taken(report) or self._journal_outcome(report, now)
        if state is not None:
            self.runs[report.experiment] = life_of.evolve(state, event, now)
            return None
        return report.fault if _may_be_left(report) else None

    def stop(self, stop: Stop, now: Now, only: str | None = None) -> list[str]:
        """End every experiment, or one of them; returns their ids."""
        ending = [id_ for id_ in self.runs if only in (None, id_)]
        for id_ in ending:
            self.runs[id_] = life_of.evolve(self.runs[id_], stop, now)
        return ending

    @property
    def open_faults(self) -> list[Fault]:
        """What may be in, of every experiment that is open."""
        steps = (step for state in self.runs.values() for step in state.steps)
        return [step.fault for step in steps if step.must_clear and step.fault is not None]

    def doing(self, now: Now) -> str:
        """What is under way, for a live line."""
        return "; ".join(_doing(state, now) for state in self.runs.values())

    def wake_at(self, now: Now) -> Now | None:
        """When one of them may have something to decide."""
        moments = (
            life_of.wake_at(state, now, Context(inject_after=self._inject_after(self._others(state), now)))
            for state in self.runs.values()
        )
        return min((m for m in moments if m is not None), default=None, key=lambda m: m.mono)

    def record(self, write: Callable[[], T]) -> T | None:
        """Write to the journal; a disk that is full must not stop a clearing. None where it failed."""
        try:
            return write()
        except Exception as error:  # noqa: BLE001
            self.narrator.log.error(f"The journal could not be written: {error}", kind="journal")
            return None

    # --- within ---

    def _take_on(self, state: State, began: float) -> None:
        self.runs[state.id] = state
        self._began[state.id] = began
        self._noted[state.id] = state.phase
        # Drawn from seed and number alone, so that a history can be had again.
        self._randomness[state.id] = random.Random(f"{self.seed}/{state.id}")  # noqa: S311

    def _advance(self, id_: str, now: Now) -> None:
        while True:
            before = self.runs[id_]
            state, actions = life_of.decide(before, now, self._context(before, now))
            self.runs[id_] = state
            self._note_phase(state, now)
            self._keep(state, now)
            events = [event for action in actions if (event := self._perform(state, action)) is not None]
            if not events:
                return
            for event in events:
                self.runs[id_] = life_of.evolve(self.runs[id_], event, now)

    def _perform(self, state: State, action: Action) -> Event | None:
        if isinstance(action, Inject):
            self.narrator.injecting(action.fault, state.experiment)
        return self.performer.perform(state, action, self._randomness[state.id])

    def _note_phase(self, state: State, now: Now) -> None:
        """Reports change the phase too: what counts is which one was noted last."""
        if state.phase is self._noted[state.id] or state.phase is Phase.DONE:
            return
        if self._noted[state.id] is Phase.INJECT:
            self.last_injection = now  # also where it failed: it may have taken hold
        self._noted[state.id] = state.phase
        self.record(lambda: self.journal.phase(state.id, state.phase.value, now.wall))
        self.narrator.phase(state)

    def _keep(self, state: State, now: Now) -> None:
        """A snapshot, where something has changed that the next engine must know."""
        if not self.keeps or state.phase not in snapshot.RESUMABLE:
            return
        essence = snapshot.essence(state)
        if self._kept.get(state.id) == essence:
            return
        self._kept[state.id] = essence
        text = snapshot.dump(snapshot.take(state, self._began[state.id], now))
        self.record(lambda: self.journal.keep(state.id, text))

    def _journal_outcome(self, report: Report, now: Now) -> Event:
        """Write down what happened; returns it, or what it really was."""
        fault = report.fault
        if fault is None:
            return report.event
        if isinstance(report.event, Injected):
            self.last_injection = now
            if self.record(lambda: self.journal.applied(fault, now.wall)) is False:
                return Failed(report.event.id, TAKEN_OVER)
            self.narrator.marked(fault)
        elif isinstance(report.event, Observed) and report.event.seen.again:
            if self.record(lambda: self.journal.applied(fault, now.wall)) is False:
                return Taken(report.event.id, TAKEN_OVER)
        elif self._is_out(report):
            gone = self._was_gone(report)
            self.record(lambda: self.journal.cleared(fault, now.wall, gone=gone))
            self.narrator.cleared(fault, now.mono - fault.armed_at.mono)
        elif isinstance(report.event, Failed) and self._kind(report) == "clear":
            self.narrator.not_cleared(fault, report.event.error)
        return report.event

    def _tell(self, fault: Fault, activities: tuple[Activity, ...]) -> None:
        """What is new of it."""
        for new in activities[self._told.get(fault.id, 0) :]:
            data = {
                "experiment": fault.experiment,
                "fault": fault.id,
                "text": new.text,
                "what": dict(new.data),
            }
            self.record(partial(self.journal.note, new.at, "activity", **data))
            self.narrator.activity(fault, new)
        self._told[fault.id] = max(len(activities), self._told.get(fault.id, 0))

    def _taken(self, report: Report) -> Taken | None:
        """Never two faults on one resource: whoever asks second finds it taken."""
        if not isinstance(report.event, Prepared):
            return None
        wanted = set(report.event.resources)
        for fault in self._holders():
            if common := wanted & set(fault.resources):
                return Taken(report.event.id, f"{min(common)} is being hurt by {fault.id}")
        return None

    def _holders(self) -> Iterator[Fault]:
        """Every fault that is in, or about to be."""
        for state in self.runs.values():
            for step in state.steps:
                if step.fault is not None and (step.must_clear or step.stage is Stage.ARMING):
                    yield step.fault

    def _is_out(self, report: Report) -> bool:
        """Else the ledger keeps the duty."""
        state = self.runs.get(report.experiment)
        return state is not None and is_out(state, report.event)

    def _was_gone(self, report: Report) -> bool:
        """Whether somebody else had taken the fault away before it was cleared."""
        state = self.runs.get(report.experiment)
        return any(step.gone for step in state.steps if step.fault == report.fault) if state else False

    def _kind(self, report: Report) -> str:
        state = self.runs.get(report.experiment)
        pending = state.pending.get(report.event.id) if state and not isinstance(report.event, Stop) else None
        return pending.kind if pending else ""

    def _finish(self, id_: str, now: Now) -> Finished:
        state = self.runs.pop(id_)
        result = state.result
        assert result is not None  # noqa: S101
        self.record(lambda: self.journal.end(id_, result, now.wall))
        self.narrator.verdict(state, result)
        self._remember_blackout(state, now)
        self._randomness.pop(id_)
        self._noted.pop(id_)
        self._kept.pop(id_, None)
        for fault in (step.fault for step in state.steps if step.fault is not None):
            self._told.pop(fault.id, None)
        left = tuple(s.fault for s in state.steps if s.must_clear and s.fault is not None)
        return Finished(id_, state.experiment, self._began.pop(id_), result, left)

    def _remember_blackout(self, state: State, now: Now) -> None:
        self.blackouts += _exposure(state, now)
        self.blackouts = [window for window in self.blackouts if window.end > now.wall - BLACKOUT_MEMORY]

    def _context(self, state: State, now: Now) -> Context:
        others = self._others(state)
        current = [window for other in others for window in _exposure(other, now)]
        overlapping = state.experiment.overlapping_gate
        return Context(
            blackouts=() if overlapping else (*self.blackouts, *current),
            others_in=any(other.fault_in for other in others),
            clearing=self._clearing,
            inject_after=None if state.experiment.urgent else self._inject_after(others, now),
        )

    def _others(self, state: State) -> list[State]:
        return [other for id_, other in self.runs.items() if id_ != state.id]

    def _inject_after(self, others: list[State], now: Now) -> Now | None:
        """While another is being injected, its moment is still to come."""
        injecting = any(other.phase is Phase.INJECT for other in others)
        last = now if injecting else self.last_injection
        return last.plus(self.min_interval) if last else None


def _may_be_left(report: Report) -> bool:
    """In the world, or in the ledger: it was not told while a look was under way that may inject."""
    if isinstance(report.event, Observed):
        return report.event.seen.again or injected_by_looks(report.fault)
    return isinstance(report.event, (Injected, Failed))


def _doing(state: State, now: Now) -> str:
    ends = state.hold_ends
    left = f", {max(0.0, ends.mono - now.mono):.0f} s left" if state.phase is Phase.HOLD and ends else ""
    return f"{state.experiment.label} on {', '.join(state.experiment.targets)}: {state.phase.value}{left}"


def _exposure(state: State, now: Now) -> list[Window]:
    """When faults of this experiment were in, or may have been: also where injecting failed."""
    armed = [step.fault.armed_at.wall for step in state.steps if step.fault is not None]
    out = state.cleared_at if state.nothing_in else None
    return [Window(min(armed), max(min(armed), (out or now).wall))] if armed else []
