"""What is really the case, drawn from the seed, and a fake `evaluate` that answers by it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from random import Random

from chaos_engine.model import (
    Evidence,
    Judgement,
    Observation,
    Outcome,
    Probe,
    Purpose,
    Question,
)
from tests.simulate.accidents import RAISES, Plan
from tests.simulate.clockwork import VirtualClock
from tests.simulate.twins import Job, Workers

MISSING = tuple(outcome for outcome in Outcome if outcome.missing)
ROOM = 0.5  # seconds between the sources' budget and the engine's own patience
SICK = 150.0  # seconds between the moments at which the abort condition turns false, on average


@dataclass(frozen=True, slots=True)
class Temper:
    """How the system that is hurt takes it. Shares are chances between 0 and 1."""

    unsteady: float = 0.1  # of the gates
    breaks: float = 0.3  # of the hypotheses
    unfelt: float = 0.2  # of the faults
    lag: float = 6.0  # seconds to recover, drawn up to this
    never: float = 0.05  # recovers only after hours
    bad_spell: float = 4.0  # seconds for which an abort condition is false


@dataclass(frozen=True, slots=True)
class Said:
    """One answer, as it left the source."""

    probe: Probe
    purpose: Purpose
    start: float  # of the question's window
    end: float
    outcome: Outcome
    job: Job

    @property
    def in_time(self) -> bool:
        """Whether it was heard while it was waited for, with some room."""
        return self.job.heard.mono <= self.job.due - ROOM


@dataclass(slots=True)
class Truth:
    """Answers questions; what it said is kept for the invariants."""

    rng: Random
    clock: VirtualClock
    workers: Workers
    temper: Temper
    plan: Plan
    said: list[Said] = field(default_factory=list)
    _recoveries: dict[float, float] = field(default_factory=dict)
    _spells: list[tuple[float, float]] = field(default_factory=list)

    def evaluate(self, questions: Sequence[Question], budget: float) -> tuple[Judgement, ...]:
        """Fulfils `performing.Evaluate`, or breaks its promise never to raise."""
        work = self.workers.current
        assert work is not None
        if self.plan.due(work.row, (RAISES,)) or self.rng.random() < self.workers.nature.raises:
            self.plan.hit(work.row, RAISES)
            raise RuntimeError("the evaluator has a bug")
        return tuple(self._judge(question) for question in questions)

    def false_since(self, moment: float) -> float | None:
        """Since when the abort condition is false at that (mono) moment; None: it holds."""
        while not self._spells or self._spells[-1][1] <= moment:
            last = self._spells[-1][1] if self._spells else self.clock.mono
            begins = last + self.rng.expovariate(1 / SICK)
            self._spells.append((begins, begins + self.temper.bad_spell))
        return next((start for start, end in self._spells[-3:] if start <= moment < end), None)

    def spells(self, start: float, end: float) -> list[tuple[float, float]]:
        """The times in between at which the condition was false."""
        self.false_since(end)
        return [spell for spell in self._spells if spell[0] < end and spell[1] > start]

    def forget(self, injected: Container[float]) -> None:
        """An engine died that was judging them: no line tells what it heard, and the next one asks again.

        The real source would say the same again. Here it may say something else, so that an engine is found
        out that asks again although it knows.
        """
        self.said = [said for said in self.said if said.job.row != "judge" or said.start not in injected]

    def felt(self) -> Observation:
        """What a scenario sees that can look at the world."""
        drawn = self.rng.random()
        if drawn < 0.5:
            return Observation.BLIND
        return Observation.NOT_FELT if self.rng.random() < self.temper.unfelt else Observation.FELT

    def _judge(self, question: Question) -> Judgement:
        outcome, at = self._outcome(question)
        work, window = self.workers.current, question.window
        assert work is not None
        self.said.append(Said(question.probe, question.purpose, window.start, window.end, outcome, work))
        evidence = Evidence("simulated", question.window)
        return Judgement(question.probe.label, outcome, f"is {outcome.value}", evidence, recovered_at=at)

    def _outcome(self, question: Question) -> tuple[Outcome, float | None]:
        draw, temper = self.rng.random, self.temper
        if draw() < self.workers.nature.missing:
            return self.rng.choice(MISSING), None
        match question.purpose:
            case Purpose.GATE:
                return (Outcome.BROKEN if draw() < temper.unsteady else Outcome.PASS), None
            case Purpose.HYPOTHESIS:
                return (Outcome.BROKEN if draw() < temper.breaks else Outcome.PASS), None
            case Purpose.WITNESS:
                return (Outcome.BROKEN if draw() < temper.unfelt else Outcome.PASS), None
            case Purpose.ABORT:
                false = self.false_since(self.clock.mono) is not None
                return (Outcome.BROKEN if false else Outcome.PASS), None
            case Purpose.RECOVERY:
                at = question.window.start + self._lag(question.window.start)
                well = self.clock.now().wall >= at
                return (Outcome.PASS, at) if well else (Outcome.BROKEN, None)

    def _lag(self, since: float) -> float:
        if since not in self._recoveries:
            never = self.rng.random() < self.temper.never
            self._recoveries[since] = 9000.0 if never else self.rng.random() * self.temper.lag
        return self._recoveries[since]
