"""Which evaluations of a Prometheus query count in a fault's window, and what they show."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evaluators
from chaos_engine.model import Outcome, Purpose
from chaos_engine.ports import PrometheusQuery, SourceFailure
from tests.unit.prometheus_twin import Server, T, Value, question

# --- the fault's window ---------------------------------------------------------------------


def test_pass_with_its_numbers() -> None:
    judged = Server({"x": lambda t: (t - T) / 60}).judge(question())
    assert judged.outcome is Outcome.PASS
    assert judged.evidence.low == 0.0
    assert judged.evidence.high == pytest.approx(0.5)
    assert judged.evidence.samples >= 11
    assert judged.probe == "prometheus x"
    assert judged.evidence.measured == {"mean": pytest.approx(0.25)}


def test_evaluations_lie_wholly_inside_the_window_and_reach_its_end() -> None:
    server = Server()
    server.judge(question("rate(x[12s] offset 3s)"))
    main = next(ask for ask in server.asked if ask.expr.startswith("rate"))
    assert main.start >= T + 15
    assert main.end == T + 30
    assert 0.25 <= main.step <= 1.5


@given(st.floats(0, 1e5), st.floats(0.001, 1e5))
def test_the_step_is_at_most_a_tenth_of_the_span(start: float, span: float) -> None:
    from evaluators.grid import between

    grid = between(start, start + span)
    times = grid.times
    assert times[0] >= start * 1000 - 1e-6
    assert start + span - times[-1] / 1000 < 0.002
    assert len(times) <= 121
    assert span < 2.75 or grid.step <= span * 1000 / 10
    assert not grid.step or grid.step >= 250


def test_one_value_of_one_series_breaks() -> None:
    values: dict[str, Value] = {
        "x{a}": lambda _: 0.0,
        "x{b}": lambda t: 7.0 if T + 20 <= t < T + 22 else 0.0,
    }
    judged = Server(values).judge(question())
    assert judged.outcome is Outcome.BROKEN
    assert judged.evidence.broke_series == "x{b}"
    assert judged.evidence.broke_value == 7.0
    assert judged.evidence.broke_at == pytest.approx(T + 20, abs=1)
    assert judged.evidence.high == 7.0
    assert "7" in judged.reason
    assert "<= 1" in judged.reason


def test_the_first_broken_value_is_kept() -> None:
    judged = Server(
        {"x{a}": lambda t: 5 if t > T + 20 else 0, "x{b}": lambda t: 9 if t > T + 10 else 0}
    ).judge(question())
    assert judged.evidence.broke_series == "x{b}"


def test_nan_is_no_pass() -> None:
    judged = Server({"x": lambda t: math.nan if t > T + 28 else 0.0}).judge(question())
    assert judged.outcome is Outcome.NAN


def test_broken_wins_over_nan() -> None:
    judged = Server({"a": lambda _: math.nan, "b": lambda t: 9.0 if t > T + 28 else 0.0}).judge(question())
    assert judged.outcome is Outcome.BROKEN


def test_infinity_is_a_number() -> None:
    server = Server({"x": lambda _: math.inf})
    assert server.judge(question(expect="<= 1")).outcome is Outcome.BROKEN
    assert server.judge(question(expect="> 1")).outcome is Outcome.PASS


def test_an_empty_result_is_no_data() -> None:
    assert Server({}).judge(question()).outcome is Outcome.NO_DATA


def test_a_gap_is_no_data_but_broken_is_broken() -> None:
    gap = Server({"x": lambda t: None if T + 14 < t < T + 16 else 0.0})
    assert gap.judge(question()).outcome is Outcome.NO_DATA
    gap.values = {"x": lambda t: None if T + 14 < t < T + 16 else 5.0}
    assert gap.judge(question()).outcome is Outcome.BROKEN


def test_another_series_fills_no_gap_of_its_own() -> None:
    judged = Server({"a": lambda t: 0.0 if t < T + 15 else None, "b": lambda t: 0.0 if t >= T + 15 else None})
    assert judged.judge(question()).outcome is Outcome.PASS  # each evaluation has a value


def test_a_series_that_ends_without_another_in_its_place_is_no_data() -> None:
    judged = Server({"a": lambda _: 0.0, "b": lambda t: 0.0 if t < T + 15 else None}).judge(question())
    assert judged.outcome is Outcome.NO_DATA
    assert "1 of 2 series at" in judged.reason
    assert "b is missing" in judged.reason


def test_a_series_may_begin_late_and_counts_from_then_on() -> None:
    late = Server({"a": lambda _: 0.0, "b": lambda t: 0.0 if t > T + 15 else None})
    assert late.judge(question()).outcome is Outcome.PASS
    late.values = {"a": lambda _: 0.0, "b": lambda t: 5.0 if t > T + 15 else None}
    assert late.judge(question()).outcome is Outcome.BROKEN


def test_a_series_that_was_there_before_the_fault_must_be_there_in_it() -> None:
    one = Server({"a": lambda _: 0.0})
    assert one.judge(question(baseline={"a": 0.0, "b": 0.0})).outcome is Outcome.NO_DATA
    assert one.judge(question(baseline={"c": 0.0})).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("count", "outcome"), [(0, Outcome.TOO_FEW), (1, Outcome.TOO_FEW), (2, Outcome.PASS)]
)
def test_two_raw_scrapes_at_least(count: int, outcome: Outcome) -> None:
    judged = Server(counts=lambda *_: count).judge(question())
    assert judged.outcome is outcome


def test_a_default_value_is_not_measured() -> None:
    """`foo or vector(0)` is 0 where foo never existed."""
    server = Server({"": lambda _: 0.0}, counts=lambda selector, *_: 0 if selector.startswith("foo") else 10)
    judged = server.judge(question("foo or vector(0)"))
    assert judged.outcome is Outcome.TOO_FEW
    assert "foo" in judged.reason


def test_a_default_value_does_not_break_either() -> None:
    server = Server({"": lambda _: 0.0}, counts=lambda *_: 0)
    assert server.judge(question("foo or vector(0)", "> 0")).outcome is Outcome.TOO_FEW


def test_where_there_are_no_errors_yet_the_metric_itself_shows_the_scrapes() -> None:
    query = '(sum(rate(x{job="a",status=~"5.."}[5s])) or vector(0)) / sum(rate(x{job="a"}[5s]))'
    asked: list[str] = []

    def counts(selector: str, *_: float) -> int:
        asked.append(selector)
        return 0 if "status" in selector else 10

    assert Server({"": lambda _: 0.0}, counts=counts).judge(question(query)).outcome is Outcome.PASS
    assert 'x{job="a"}' in asked


def test_one_scrape_of_its_own_series_is_too_few_whatever_the_others_have() -> None:
    server = Server(counts=lambda selector, *_: 1 if "status" in selector else 10)
    assert server.judge(question('x{status="500"}')).outcome is Outcome.TOO_FEW


def test_every_selector_needs_its_scrapes() -> None:
    server = Server(counts=lambda selector, *_: 1 if selector == "y" else 10)
    judged = server.judge(question("x + on() group_left y"))
    assert judged.outcome is Outcome.TOO_FEW
    assert " y " in judged.reason


def test_a_target_that_dies_in_the_window_leaves_a_gap_behind_its_default() -> None:
    server = Server({"": lambda _: 0.0}, present=lambda t: t < T + 20)
    assert server.judge(question("foo or vector(0)")).outcome is Outcome.NO_DATA


def test_a_default_value_without_data_breaks_nothing() -> None:
    server = Server({"": lambda t: 5.0 if t < T + 20 else 0.0}, present=lambda t: t < T + 20)
    assert server.judge(question("foo or vector(0)", "> 1")).outcome is Outcome.NO_DATA


def test_raw_scrapes_are_counted_where_the_offset_looks() -> None:
    seen: list[tuple[float, float]] = []

    def counts(_: str, start: float, end: float) -> int:
        seen.append((round(start, 3), round(end, 3)))
        return 10

    Server(counts=counts).judge(question("rate(x[5s] offset 10s)"))
    assert seen == [(T, T + 20)]


def test_a_range_longer_than_the_window_reaches_back() -> None:
    server = Server()
    judged = server.judge(question("rate(x[2m])"))
    assert judged.outcome is Outcome.REACHES_BACK
    assert server.asked == []
    for word in ("120 s", "30 s", "hold"):
        assert word in judged.reason


def test_a_range_as_long_as_the_window_is_asked_once_at_its_end() -> None:
    server = Server()
    assert server.judge(question("rate(x[30s])")).outcome is Outcome.PASS
    assert server.asked[0] == PrometheusQuery("http://prometheus:9090", "rate(x[30s])", T + 30, T + 30, 0)


def test_instant_asks_once_at_the_end() -> None:
    server = Server({"x": lambda t: 0.0 if t == T + 30 else 9.0})
    assert server.judge(question(instant=True)).outcome is Outcome.PASS
    assert server.judge(question("rate(x[2m])", instant=True)).outcome is Outcome.REACHES_BACK


def test_relative_needs_the_baseline_of_that_series() -> None:
    server = Server({"a": lambda _: 15.0, "b": lambda _: 15.0})
    both = {"a": 10.0, "b": 10.0}
    assert server.judge(question(expect="<= 2x baseline", baseline=both)).outcome is Outcome.PASS
    assert server.judge(question(expect="<= 2x baseline", baseline={"a": 10})).outcome is Outcome.NO_DATA
    assert server.judge(question(expect="<= 1x baseline", baseline={"a": 10})).outcome is Outcome.BROKEN


def test_warnings_of_a_partial_result_are_no_pass() -> None:
    partial = Server(warnings=("remote read failed",))
    assert partial.judge(question()).outcome is Outcome.ERROR
    assert partial.judge(question(purpose=Purpose.ABORT)).outcome is Outcome.ERROR
    note = Server(warnings=('PromQL info: metric might not be a counter: "x"',))
    assert note.judge(question()).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("late", Outcome.LATE), ("unreachable", Outcome.UNREACHABLE), ("error", Outcome.ERROR),
        ("unheard of", Outcome.ERROR),
    ],
)  # fmt: skip
@pytest.mark.parametrize("purpose", [Purpose.GATE, Purpose.HYPOTHESIS, Purpose.ABORT, Purpose.RECOVERY])
def test_one_failed_answer_is_missing_data(kind: str, outcome: Outcome, purpose: Purpose) -> None:
    plan = evaluators.plan(question(purpose=purpose), T + 30)
    for failing in range(len(plan.asks)):
        answers = [Server().answer(ask) for ask in plan.asks]
        answers[failing] = SourceFailure(kind, "its own words")
        judged = plan.judge(answers)
        assert (judged.outcome, judged.reason) == (outcome, "its own words")


@given(
    st.lists(st.sampled_from([0.5, math.nan, None]), min_size=31, max_size=31),
    st.sampled_from([Purpose.GATE, Purpose.HYPOTHESIS]),
    st.integers(0, 3),
    st.booleans(),
)
def test_no_mixture_with_missing_or_nan_passes(
    points: list[float | None], purpose: Purpose, scrapes: int, end_present: bool
) -> None:
    def value(t: float) -> float | None:
        return points[min(30, max(0, round(t - T)))]

    server = Server({"x": value}, lambda *_: scrapes, lambda t: end_present or t < T + 29)
    judged = server.judge(question(purpose=purpose))
    flawless = all(p == 0.5 for p in points) and scrapes >= 2 and end_present
    late_start = (
        purpose is Purpose.GATE and all(p == 0.5 for p in points[1:]) and scrapes >= 2 and end_present
    )
    late_start = late_start and points[0] is None
    assert (judged.outcome is Outcome.PASS) == (flawless or late_start)
    assert judged.outcome is not Outcome.BROKEN


# --- abort ----------------------------------------------------------------------------------


def test_abort_asks_one_instant_value_with_any_range() -> None:
    server = Server()
    judged = server.judge(question("avg_over_time(x[2h])", purpose=Purpose.ABORT))
    assert judged.outcome is Outcome.PASS
    assert server.asked == [
        PrometheusQuery("http://prometheus:9090", "avg_over_time(x[2h])", T + 30, T + 30, 0)
    ]


@pytest.mark.parametrize(
    ("value", "outcome"), [(9.0, Outcome.BROKEN), (math.nan, Outcome.NAN), (None, Outcome.NO_DATA)]
)
def test_abort_outcomes(value: float | None, outcome: Outcome) -> None:
    assert Server({"x": lambda _: value}).judge(question(purpose=Purpose.ABORT)).outcome is outcome


# --- witness ----------------------------------------------------------------------


def test_a_prometheus_probe_is_no_witness() -> None:
    assert Server().judge(question(purpose=Purpose.WITNESS)).outcome is Outcome.NO_DATA
