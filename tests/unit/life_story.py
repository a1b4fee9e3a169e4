"""Leads one experiment through its life by hand: what it asks for is answered as the test wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from chaos_engine.experiment import Context, begin, decide, evolve
from chaos_engine.life import (
    Action,
    Answered,
    Arm,
    Armed,
    Ask,
    Clear,
    Cleared,
    Event,
    Failed,
    Inject,
    Injected,
    Observe,
    Observed,
    Phase,
    Prepare,
    Prepared,
    Stage,
    State,
    Stop,
)
from chaos_engine.model import (
    Evidence,
    Expectation,
    Experiment,
    HttpProbe,
    Judgement,
    Now,
    Observation,
    Outcome,
    Probe,
    PrometheusProbe,
    Purpose,
    Question,
    Result,
    Seen,
    Step,
    Target,
    Window,
)

A = TypeVar("A", bound=Action)
START = Now(1_700_000_000.0, 100.0)
SHOP = HttpProbe("http://shop/products", name="shop")
ERRORS = PrometheusProbe("errors", Expectation("< 0.01", high=0.01), "http://prometheus", name="errors")
UP = PrometheusProbe("up", Expectation("> 0.2", low=0.2), "http://prometheus", name="up", instant=True)


def target(name: str) -> Target:
    return Target(name, Path(f"/chaos/{name}.json"))


def plan(*, steps: tuple[Step, ...] = (), **changes: Any) -> Experiment:
    """30 s of crash on one target, without any probe."""
    found = Experiment("crash on a", "crash", steps or (Step("crash", target("a")),), hold=30.0)
    return replace(found, **changes)


def judged(probe: Probe, outcome: Outcome, question: Question | None = None, **more: Any) -> Judgement:
    window = question.window if question else None
    return Judgement(
        probe.label, outcome, f"is {outcome.value}", Evidence("q", window or Window(0.0, 1.0)), **more
    )


def is_sound(state: State, now: Now) -> None:
    """What holds of an experiment whatever happens to it."""
    assert state.since.mono <= now.mono, "a phase begins when it is entered"
    assert all(pending.due.mono >= state.since.mono for pending in state.pending.values())
    assert all(step.stage in Stage for step in state.steps)
    if state.phase in (Phase.CLEAR, Phase.RECOVER):
        assert all(step.must_clear or step.stage is Stage.OUT for step in state.steps), "nothing is to come"
    if state.phase is Phase.CLEAR:
        assert {pending.kind for pending in state.pending.values()} <= {"clear"}, "nothing else matters now"
    assert not (state.phase is Phase.DONE and state.pending)


class Life:
    """An experiment under way; `asked` are its actions that nobody has answered yet."""

    def __init__(self, experiment: Experiment, **context: Any) -> None:
        self.now = START
        self.context = Context(**context)
        self.state = begin("e1", experiment, "me", 0, START)
        self.asked: list[Action] = []
        self.decide()

    @property
    def phase(self) -> Phase:
        return self.state.phase

    @property
    def result(self) -> Result:
        assert self.state.result is not None, f"still in {self.phase}"
        return self.state.result

    def decide(self) -> None:
        self.state, actions = decide(self.state, self.now, self.context)
        self.asked += actions
        is_sound(self.state, self.now)
        assert all(a.fault.id == f"e1-{a.step}" for a in actions if not isinstance(a, Ask | Prepare))

    def go(self, seconds: float) -> Life:
        self.now = self.now.plus(seconds)
        self.decide()
        return self

    def tell(self, event: Event) -> Life:
        self.asked = [a for a in self.asked if isinstance(event, Stop) or a.id != event.id]
        self.state = evolve(self.state, event, self.now)
        self.decide()
        return self

    def open(self, kind: type[A]) -> A:
        """The newest action of that kind that waits for its outcome."""
        found = [action for action in self.asked if isinstance(action, kind)]
        assert found, f"no {kind.__name__} is asked for in {self.phase}; there are {self.asked}"
        return found[-1]

    def wants(self, kind: type[Action]) -> bool:
        return any(isinstance(action, kind) for action in self.asked)

    def ask(self, purpose: Purpose) -> Ask:
        found = [a for a in self.asked if isinstance(a, Ask) and a.questions[0].purpose is purpose]
        assert found, f"nothing is asked for {purpose} in {self.phase}"
        return found[-1]

    def asks(self, purpose: Purpose) -> bool:
        return any(isinstance(a, Ask) and a.questions[0].purpose is purpose for a in self.asked)

    # --- outcomes ---

    def answer(self, purpose: Purpose, outcome: Outcome, **more: Any) -> Life:
        """One outcome for all its questions; a witness among them sees the fault."""
        ask = self.ask(purpose)
        outcomes = [Outcome.PASS if q.purpose is not purpose else outcome for q in ask.questions]
        return self.answers(ask, outcomes, **more)

    def answers(self, ask: Ask, outcomes: Sequence[Outcome], **more: Any) -> Life:
        answers = zip(ask.questions, outcomes, strict=True)
        return self.tell(Answered(ask.id, tuple(judged(q.probe, o, q, **more) for q, o in answers)))

    def prepared(self) -> Life:
        action = self.open(Prepare)
        return self.tell(Prepared(action.id, {"delay": 0}, {"mode": "healthy"}, (f"file-{action.step}",)))

    def armed(self) -> Life:
        return self.tell(Armed(self.open(Arm).id))

    def injected(self, **facts: Any) -> Life:
        return self.tell(Injected(self.open(Inject).id, facts))

    def observed(self, seen: Observation) -> Life:
        return self.observe(self.open(Observe).id, seen)

    def observe(self, id_: int, seen: Observation) -> Life:
        return self.tell(Observed(id_, Seen(seen)))

    def cleared(self) -> Life:
        return self.tell(Cleared(self.open(Clear).id))

    def fails(self, kind: type[Action], error: str = "broken") -> Life:
        return self.tell(Failed(self.open(kind).id, error))

    def step_in(self) -> Life:
        """Prepare, arm, inject."""
        return self.prepared().armed().injected()
