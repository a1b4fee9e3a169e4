"""Performs the actions of experiments: each in a thread of its own, its outcome an event in the inbox."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos_engine import life
from chaos_engine.life import Action, Event, Failed, State
from chaos_engine.model import Activity, Fault, Judgement, Observation, Question, Seen
from chaos_engine.ports import Inbox, Journal, Workers, World
from scenarios.base import Scenario
from scenarios.helper_end import clear_helpers
from scenarios.state_file import clear_state

_STILL_IN = (Observation.FELT, Observation.NOT_FELT, Observation.BLIND, Observation.ENDED)
Evaluate = Callable[[Sequence[Question], float], tuple[Judgement, ...]]


@dataclass(frozen=True, slots=True)
class Report:
    """A message in the inbox: an action of an experiment has an outcome. `fault`: whom it was done to."""

    experiment: str
    event: Event
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class DutyDone:
    """A message in the inbox: a clearing that no experiment waits for was tried. `error` empty: it is out."""

    fault: Fault
    error: str


@dataclass(slots=True)
class Performer:
    """Knows the scenarios, the sources and the world."""

    scenarios: Mapping[str, Scenario]
    world: World
    evaluate: Evaluate
    journal: Journal
    workers: Workers
    inbox: Inbox

    def perform(self, state: State, action: Action, rng: random.Random) -> Event | None:
        """Begin the action. Arming is done when this returns, with its event; the others report later."""
        if isinstance(action, life.Arm):
            return self._arm(action)
        job = self._job(state, action, rng)
        fault = None if isinstance(action, (life.Ask, life.Prepare)) else action.fault
        try:
            self.workers.start(lambda: self.inbox.put(Report(state.id, _outcome(action.id, job), fault)))
        except RuntimeError as error:  # no thread can be started
            return Failed(action.id, _said(error))
        return None

    def clear(self, fault: Fault) -> None:
        """Clear a fault that no experiment waits for."""
        try:
            self.workers.start(lambda: self.inbox.put(DutyDone(fault, self.clear_now(fault))))
        except RuntimeError as error:
            self.inbox.put(DutyDone(fault, _said(error)))

    def _arm(self, action: life.Arm) -> Event:
        try:
            self.journal.arm(action.fault)
        except Exception as error:  # noqa: BLE001 - a full disk, say: nothing is injected then
            return Failed(action.id, f"the intent could not be written: {error}")
        return life.Armed(action.id)

    def _job(self, state: State, action: Action, rng: random.Random) -> Callable[[], Event]:
        match action:
            case life.Ask(id_, questions, budget):
                return lambda: life.Answered(id_, self.evaluate(questions, budget))
            case life.Prepare(id_, index):
                return lambda: self._prepare(id_, state, index, rng)
            case life.Inject(id_, _, fault):
                return lambda: life.Injected(id_, self._inject(fault))
            case life.Observe(id_, _, fault):
                return lambda: life.Observed(id_, self._observe(fault), self._activities(fault))
            case life.Clear(id_, _, fault):
                return lambda: self._clear(id_, fault)
            case _:
                raise TypeError(f"nobody performs {action!r}")

    def _prepare(self, id_: int, state: State, index: int, rng: random.Random) -> Event:
        step = state.experiment.steps[index]
        scenario = self.scenarios[step.scenario]
        parameters = scenario.parameters.model_validate(dict(step.parameters))
        prepared = scenario.prepare(step.target, parameters, rng, self.world)
        return life.Prepared(id_, prepared.parameters, prepared.undo, prepared.resources, prepared.patience)

    def _clear(self, id_: int, fault: Fault) -> Event:
        undo(self.scenarios, fault, self.world)
        return life.Cleared(id_, self._activities(fault), self._afterwards(fault))

    def clear_now(self, fault: Fault) -> str:
        """Clear it, in this thread; empty, or what went wrong."""
        try:
            undo(self.scenarios, fault, self.world)
        except Exception as error:  # noqa: BLE001 - it is tried again
            return _said(error)
        return ""

    def is_in(self, fault: Fault) -> bool:
        """Look, in this thread; False also where nobody can."""
        try:
            return look(self._scenario(fault), fault, self.world).observation in _STILL_IN
        except Exception:  # noqa: BLE001 - it is cleared then
            return False

    def _inject(self, fault: Fault) -> Mapping[str, Any]:
        """Not where the process stood still so long that the fault would be over before it began."""
        if self.world.clock.now().reached(fault.deadline):
            raise TimeoutError("its deadline has passed before it was injected")
        return self._scenario(fault).inject(fault, self.world) or {}

    def _observe(self, fault: Fault) -> Seen:
        """What is seen of it; where its target was restarted it is injected again, if that is wanted."""
        seen = look(self._scenario(fault), fault, self.world)
        if seen.again:
            self._inject(fault)
        return seen

    def _activities(self, fault: Fault) -> tuple[Activity, ...]:
        """What there is to tell of it; what cannot be told keeps nothing from being done."""
        scenario = self.scenarios.get(fault.scenario)
        try:
            return () if scenario is None else scenario.activities(fault, self.world)
        except Exception:  # noqa: BLE001
            return ()

    def _afterwards(self, fault: Fault) -> Mapping[str, Any]:
        """As above."""
        scenario = self.scenarios.get(fault.scenario)
        try:
            return {} if scenario is None else scenario.afterwards(fault, self.world)
        except Exception:  # noqa: BLE001
            return {}

    def _scenario(self, fault: Fault) -> Scenario:
        try:
            return self.scenarios[fault.scenario]
        except KeyError:
            raise LookupError(f"no scenario is named {fault.scenario!r} any more") from None


def look(scenario: Scenario, fault: Fault, world: World) -> Seen:
    """What the scenario sees of the fault, with or without details."""
    seen = scenario.observe(fault, world)
    return seen if isinstance(seen, Seen) else Seen(seen)


def undo(scenarios: Mapping[str, Scenario], fault: Fault, world: World) -> None:
    """Clear a fault, whoever made it: a failure state without its scenario (a plugin that is gone) too."""
    scenario = scenarios.get(fault.scenario)
    if scenario is not None:
        scenario.clear(fault, world)
    elif "state_file" in fault.undo:
        clear_state(fault, world)
    elif "helpers" in fault.undo:
        clear_helpers(fault, world)
    else:
        raise LookupError(f"no scenario is named {fault.scenario!r} any more")


def _outcome(id_: int, job: Callable[[], Event]) -> Event:
    try:
        return job()
    except Exception as error:  # noqa: BLE001 - whatever fails is an event, and leads to clearing
        return Failed(id_, _said(error))


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
