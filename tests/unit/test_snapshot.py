"""What is kept of an experiment for the next engine."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from chaos_engine import snapshot
from chaos_engine.experiment import decide
from chaos_engine.life import Phase, Stage, State
from chaos_engine.model import (
    AlarmProbe,
    AlertFires,
    AwsAccess,
    CloudWatchProbe,
    Expectation,
    HttpProbe,
    Hypothesis,
    Observation,
    Outcome,
    Probe,
    Purpose,
    Step,
    Verdict,
)
from tests.unit.life_story import ERRORS, SHOP, START, UP, Life, plan, target

FAST = HttpProbe(
    "http://shop/", headers=(("a", "b"),), status=(200,),
    latency={"p95": Expectation("< 2x", high=2.0, relative=True)},
)  # fmt: skip
COUNTED = CloudWatchProbe("[]", ("m1",), Expectation("!= 0", but=0.0), access=AwsAccess("eu-west-1"))
WATCHED = AlarmProbe(("ShopOk",), wait=30.0)
RICH = plan(
    steps=(Step("crash", target("a")), Step("slowdown", target("b"), {"delay": "1-3s"}, after=5.0)),
    steady=(SHOP, FAST, ERRORS, COUNTED, WATCHED), lookback=10.0, abort_when=(UP,),
    hypothesis=Hypothesis((SHOP, ERRORS), recovers_within=20.0, alert_fires=AlertFires("Down", 60.0, "http://p")),
)  # fmt: skip


def holding() -> Life:
    """The first of two steps is in, the second still to come."""
    life = Life(RICH).go(0)
    life.answer(Purpose.GATE, Outcome.PASS, baseline={"p95": 0.2, '{job="x"}': math.inf})
    return life.step_in()


def again(state: State) -> State:
    """Kept, and read by another engine."""
    kept = snapshot.load(snapshot.dump(snapshot.take(state, START.wall, START)))
    assert kept is not None
    faults = {step.fault.id: replace(step.fault, epoch=7) for step in kept.state.steps if step.fault}
    return snapshot.revived(kept, faults, START.plus(20))


def test_a_hold_is_the_same_but_for_its_epoch_and_for_what_its_engine_waited_for() -> None:
    state = holding().state
    found = again(state)
    assert (found.phase, found.experiment, found.baseline) == (Phase.HOLD, RICH, state.baseline)
    assert [type(probe) for probe in found.experiment.steady] == [type(probe) for probe in RICH.steady]
    assert (found.gate_window, found.injected_at) == (state.gate_window, state.injected_at)
    assert (found.pending, found.next_ask) == ({}, {})
    assert found.epoch == 7
    assert found.steps[0].fault == replace(state.steps[0].fault, epoch=7)  # type: ignore[type-var]


def test_a_step_that_was_about_to_go_in_begins_anew() -> None:
    life = holding().go(5).prepared()
    assert life.state.steps[1].stage is Stage.ARMING
    found = again(life.state)
    assert found.steps[1].stage is Stage.WAITING
    assert found.steps[1].fault is None


def test_judging_begins_anew_with_the_frozen_window() -> None:
    life = holding().go(5).step_in().observed(Observation.BLIND).go(30)
    assert life.phase is Phase.JUDGE
    found = again(life.state)
    assert (found.phase, found.hold_ended) == (Phase.JUDGE, life.state.hold_ended)
    _, actions = decide(found, life.now.plus(2), life.context)
    windows = {
        q.window.end
        for action in actions
        for q in getattr(action, "questions", ())
        if q.purpose is Purpose.HYPOTHESIS
    }
    assert windows == {life.state.hold_ended.wall}  # type: ignore[union-attr]


def test_what_the_hold_has_seen_is_not_forgotten() -> None:
    life = holding()
    seen = replace(life.state, seen_broken=True)
    assert again(seen).seen_broken is True


def test_a_new_snapshot_is_taken_when_something_has_changed_and_only_then() -> None:
    life = holding()
    before = snapshot.essence(life.state)
    assert snapshot.essence(life.go(1).state) == before
    life.go(4).step_in()
    assert snapshot.essence(life.state) != before


def test_what_another_version_wrote_is_not_understood_and_not_guessed() -> None:
    text = snapshot.dump(snapshot.take(holding().state, START.wall, START))
    data = json.loads(text)
    data["state"]["phase"] = "meditate"
    assert snapshot.load(json.dumps(data)) is None
    assert snapshot.load(text[:-9]) is None
    assert snapshot.load("{}") is None


@pytest.mark.parametrize(
    ("probe", "outcome", "kept"),
    [
        (SHOP, Outcome.PASS, Outcome.TOO_FEW),  # what the dead engine's requests showed is not known
        (SHOP, Outcome.BROKEN, Outcome.BROKEN),
        (ERRORS, Outcome.PASS, Outcome.PASS),  # Prometheus has seen all of it
    ],
)
def test_the_rest_of_the_requests_does_not_support(probe: Probe, outcome: Outcome, kept: Outcome) -> None:
    life = holding().go(5).step_in().observed(Observation.BLIND).go(30)
    life.state = again(life.state)
    life.decide()
    asked = life.ask(Purpose.HYPOTHESIS)
    life.answers(asked, [outcome if q.probe == probe else Outcome.PASS for q in asked.questions])
    judgement = life.state.judgements[probe]
    assert judgement.outcome is kept
    lost = "the requests of an engine that died are lost; of those after it: is pass"
    assert judgement.reason == (f"is {outcome.value}" if kept is outcome else lost)


def test_no_request_is_lost_of_a_window_that_begins_when_the_new_engine_does() -> None:
    after = Hypothesis((SHOP,), delay=0.0, duration=5.0)
    life = Life(plan(hypothesis=after)).step_in().observed(Observation.BLIND).go(30.0)
    life.state = replace(life.state, resumed_at=life.now)
    life.answer(Purpose.WITNESS, Outcome.PASS).cleared()
    life.go(5.0).answer(Purpose.HYPOTHESIS, Outcome.PASS)
    assert life.result.verdict is Verdict.SUPPORTED
