"""The verdict of the Chaos Machine beside ours: judged by its rules, and counted nowhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

import evaluators
from chaos_engine.cloud import AlarmChange, Alarms, AlarmState, MetricData, MetricResult
from chaos_engine.model import (
    AlarmProbe,
    CloudWatchProbe,
    Expectation,
    Experiment,
    Hypothesis,
    OriginalProbe,
    Outcome,
    PrometheusProbe,
    Purpose,
    Question,
    Verdict,
    Window,
)
from chaos_engine.ports import PrometheusAnswer, PrometheusQuery, Series
from evaluators.plans import Answer
from tests.unit.life_story import Life, plan

NOT_0 = Expectation("!= 0", but=0.0)
METRICS = CloudWatchProbe("[]", ("e1",), NOT_0)
PROMETHEUS = PrometheusProbe("x > bool 1", NOT_0, "http://p", "e2")
ALARM = AlarmProbe(("Ok",))
WINDOW = Window(600.0, 900.0)


def judged(probe: OriginalProbe, *answers: Answer, now: float = 960.0) -> Outcome:
    purpose = Purpose.GATE if probe.gate else Purpose.HYPOTHESIS
    return evaluators.plan(Question(probe, purpose, WINDOW), now).judge(answers).outcome


def metrics(*values: float, id_: str = "e1") -> MetricData:
    points = tuple((600.0 + 60 * i, value) for i, value in enumerate(values))
    return MetricData((MetricResult(id_, "x", points),))


def series(*values: float) -> Series:
    return Series("{}", tuple((600.0 + i, value) for i, value in enumerate(values)))


@pytest.mark.parametrize(
    ("gate", "data", "outcome"),
    [
        (False, metrics(1, 1), Outcome.PASS),
        (False, metrics(1, 0), Outcome.BROKEN),
        (False, metrics(), Outcome.PASS),  # nothing measured is support there
        (True, metrics(), Outcome.BROKEN),
        (True, metrics(1), Outcome.PASS),
        (False, metrics(1, id_="m1"), Outcome.BROKEN),  # no expression was found
    ],
)
def test_metrics(gate: bool, data: MetricData, outcome: Outcome) -> None:
    assert judged(OriginalProbe(METRICS, gate), data) is outcome


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        ((series(1, 1),), Outcome.PASS),
        ((series(1, 0),), Outcome.BROKEN),
        ((series(1), series(0)), Outcome.PASS),  # the second one is not looked at
        ((), Outcome.ERROR),
    ],
)
def test_prometheus(found: tuple[Series, ...], outcome: Outcome) -> None:
    assert judged(OriginalProbe(PROMETHEUS), PrometheusAnswer(found)) is outcome


@pytest.mark.parametrize(("step", "times"), [(60.0, [600, 660, 720, 780, 840, 900]), (200.0, [600, 800])])
def test_prometheus_is_asked_a_step_apart(step: float, times: list[float]) -> None:
    found = evaluators.plan(
        Question(OriginalProbe(replace(PROMETHEUS, step=step)), Purpose.HYPOTHESIS, WINDOW), 960.0
    )
    (ask,) = found.asks
    assert isinstance(ask, PrometheusQuery)
    assert [ask.start + i * ask.step for i in range(int((ask.end - ask.start) / ask.step) + 1)] == times


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (AlarmChange("Ok", 700.0, "OK", "ALARM"), Outcome.BROKEN),
        (AlarmChange("Ok", 700.0, "INSUFFICIENT_DATA", "ALARM"), Outcome.PASS),
        (AlarmChange("Ok", 901.0, "OK", "ALARM"), Outcome.PASS),
    ],
)
def test_alarms_over_a_window(change: AlarmChange, outcome: Outcome) -> None:
    assert judged(OriginalProbe(ALARM), Alarms((AlarmState("Ok", "ALARM", 0.0),), (change,))) is outcome


@pytest.mark.parametrize(("state", "outcome"), [("OK", Outcome.PASS), ("ALARM", Outcome.BROKEN)])
def test_alarms_before_the_run(state: str, outcome: Outcome) -> None:
    assert judged(OriginalProbe(ALARM, gate=True), Alarms((AlarmState("Ok", state, 0.0),))) is outcome


def test_it_asks_a_minute_later() -> None:
    assert judged(OriginalProbe(METRICS), now=959.0) is Outcome.LATE


# --- its verdict ----------------------------------------------------------------------------

STRICT: Experiment = plan(
    steady=(METRICS,), lookback=10.0, hypothesis=Hypothesis((METRICS,)), recovers=False, as_original=True
)


def told(life: Life) -> str:
    (details,) = (found for found in life.result.details if "chaos_machine" in found)
    return str(details["chaos_machine"])


def over(original: Outcome, ours: Outcome = Outcome.PASS) -> Life:
    """A whole life; the gate passes for both."""
    life = Life(STRICT).go(0)
    life.answer(Purpose.GATE, Outcome.PASS).step_in().go(30)
    life.answer(Purpose.HYPOTHESIS, ours).cleared()
    life.answers(life.ask(Purpose.HYPOTHESIS), [Outcome.LATE]).go(61)
    ask = life.ask(Purpose.HYPOTHESIS)
    assert [type(question.probe) for question in ask.questions] == [OriginalProbe]
    return life.answers(ask, [original])


@pytest.mark.parametrize(
    ("outcome", "word"),
    [(Outcome.PASS, "Supported"), (Outcome.BROKEN, "NotSupported"), (Outcome.ERROR, "unknown")],
)
def test_the_hypothesis(outcome: Outcome, word: str) -> None:
    life = over(outcome)
    if outcome is Outcome.ERROR:  # it is asked again until it is given up
        assert life.state.result is None
        life.go(30)
        life.answers(life.ask(Purpose.HYPOTHESIS), [outcome])
        word = "Failed"
    assert told(life) == word


def test_it_changes_nothing_about_ours() -> None:
    life = over(Outcome.BROKEN)
    assert life.result.verdict is Verdict.SUPPORTED
    assert [judgement.probe for judgement in life.result.judgements] == [METRICS.label]
    assert over(Outcome.PASS, ours=Outcome.BROKEN).result.verdict is Verdict.NOT_SUPPORTED


def test_the_gate() -> None:
    life = Life(STRICT).go(0)
    ask = life.ask(Purpose.GATE)
    life.answers(ask, [Outcome.BROKEN, Outcome.PASS])
    assert told(life) == "would have begun the experiment"
    life = Life(STRICT).go(0)
    life.answers(life.ask(Purpose.GATE), [Outcome.BROKEN, Outcome.BROKEN])
    assert told(life) == "SteadyStateError"


def test_a_run_that_failed() -> None:
    life = Life(STRICT).go(0)
    life.answer(Purpose.GATE, Outcome.PASS).prepared().armed()
    from chaos_engine.life import Inject

    life.fails(Inject).cleared()
    assert told(life) == "ExperimentStoppedOrFailed"
