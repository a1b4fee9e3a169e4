"""Which datapoints of CloudWatch count in a window, and what they show."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evaluators
from chaos_engine.cloud import MetricDataQuery
from chaos_engine.model import Outcome, Purpose, Window
from chaos_engine.ports import SourceFailure
from tests.unit.cloudwatch_twin import Metrics, T, Value, question, stat

END = T + 300


def missing_at(*times: float, value: float = 1.0) -> Value:
    return lambda t: None if t in times else value


# --- the fault's window ---------------------------------------------------------------------


def test_pass_with_its_numbers() -> None:
    judged = Metrics({"m1": lambda t: (t - T) / 100}).judge(question())
    assert judged.outcome is Outcome.PASS
    assert (judged.evidence.samples, judged.evidence.low, judged.evidence.high) == (5, 0.0, 2.4)


def test_only_periods_wholly_inside_are_asked_for() -> None:
    server = Metrics()
    server.judge(question(window=Window(T + 20, T + 200)))
    assert [(ask.start, ask.end) for ask in server.asked] == [(T + 60, T + 180)]


@pytest.mark.parametrize(
    ("start", "end", "outcome"),
    [
        (T, T + 60, Outcome.PASS),
        (T + 1, T + 60, Outcome.REACHES_BACK),
        (T, T + 59.999, Outcome.REACHES_BACK),
        (T + 1, T + 119, Outcome.REACHES_BACK),
        (T + 1, T + 120, Outcome.PASS),
        (T + 20, T + 20, Outcome.REACHES_BACK),
    ],
)
def test_at_least_one_whole_period(start: float, end: float, outcome: Outcome) -> None:
    server = Metrics()
    assert server.judge(question(window=Window(start, end))).outcome is outcome
    assert bool(server.asked) is (outcome is Outcome.PASS)


def test_too_short_a_window_is_said_with_its_period() -> None:
    judged = Metrics().judge(question(window=Window(T + 1, T + 61)))
    assert "no whole period of 60 s" in judged.reason
    assert "60 s long" in judged.reason


@pytest.mark.parametrize("wait", [0.0, 60.0, 240.0])
def test_nothing_is_asked_before_the_last_datapoint_is_final(wait: float) -> None:
    """A sum over a minute that is not over yet, or has samples on their way, would be too small."""
    server, asked = Metrics(), question(window=Window(T, END + 20), wait=wait)
    early = server.judge(asked, END + wait - 0.1)
    assert early.outcome is Outcome.LATE
    assert server.asked == []
    assert server.judge(asked, END + wait).outcome is Outcome.PASS


CASES: list[tuple[Value, Outcome]] = [
    (lambda _: 5.0, Outcome.BROKEN),
    (lambda t: 9.0 if t == T + 120 else 0.0, Outcome.BROKEN),
    (lambda _: None, Outcome.NO_DATA),
    (missing_at(T), Outcome.TOO_FEW),
    (missing_at(T + 120), Outcome.TOO_FEW),
    (missing_at(T + 240), Outcome.TOO_FEW),
    (missing_at(T, T + 60, T + 120, T + 180), Outcome.TOO_FEW),
    (lambda t: math.nan if t == T + 60 else 0.0, Outcome.NAN),
    (lambda _: math.inf, Outcome.BROKEN),
    (missing_at(T + 120, value=7.0), Outcome.BROKEN),  # what is broken is broken, gap or not
]


@pytest.mark.parametrize(("value", "outcome"), CASES)
def test_outcomes(value: Value, outcome: Outcome) -> None:
    assert Metrics({"m1": value}).judge(question()).outcome is outcome


def test_what_is_missing_is_named() -> None:
    judged = Metrics({"m1": missing_at(T + 120)}).judge(question())
    assert "4 of 5 datapoints of m1 are there" in judged.reason
    assert "22:16:00" in judged.reason


def test_the_first_breach_is_kept() -> None:
    judged = Metrics({"m1": lambda t: 8.0 if t >= T + 120 else 0.0}).judge(question())
    evidence = judged.evidence
    assert (evidence.broke_at, evidence.broke_value, evidence.broke_series) == (T + 120, 8.0, "m1")


@pytest.mark.parametrize(
    "server",
    [
        Metrics(statuses={"m1": "PartialData"}),
        Metrics(statuses={"m1": "InternalError"}),
        Metrics(statuses={"m1": "Forbidden"}),
        Metrics(notes={"m1": "ArithmeticError: one or more values were divided by zero"}),
        Metrics(messages=("MaxMetricsExceeded: the maximum number was exceeded",)),
    ],
)
@pytest.mark.parametrize("purpose", [Purpose.HYPOTHESIS, Purpose.GATE, Purpose.ABORT, Purpose.RECOVERY])
@pytest.mark.parametrize("expect", ["< 5", "> 5"])
def test_an_answer_that_may_be_partial_shows_nothing(server: Metrics, purpose: Purpose, expect: str) -> None:
    judged = server.judge(question(purpose, expect=expect))
    assert judged.outcome is Outcome.ERROR
    assert "partial" in judged.reason


def test_partial_data_of_a_query_that_is_not_judged_show_nothing_either() -> None:
    """An expression over it may be wrong."""
    queries: list[Mapping[str, object]] = [stat("m1"), {"Id": "e1", "Expression": "m1 < 5"}]
    server = Metrics({"m1": lambda _: 1.0, "e1": lambda _: 1.0}, statuses={"m1": "PartialData"})
    assert server.judge(question(queries=queries, judged=("e1",), expect="!= 0")).outcome is Outcome.ERROR


# --- expressions ----------------------------------------------------------------------------

EXPRESSIONS: list[Mapping[str, object]] = [
    stat("m1"),
    {"Id": "e1", "Expression": "m1 < 5"},
    {"Id": "e2", "Expression": "m1 > 0"},
]


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        (1.0, 1.0, Outcome.PASS),
        (1.0, 0, Outcome.BROKEN),
        (0.0, 1.0, Outcome.BROKEN),
        (-0.0, 1.0, Outcome.BROKEN),
        (math.nan, 1.0, Outcome.NAN),
        (None, 1.0, Outcome.NO_DATA),
        (1.0, None, Outcome.NO_DATA),
        (2.5, -1.0, Outcome.PASS),
    ],
)
def test_no_0_among_the_values_of_expressions(
    first: float | None, second: float | None, outcome: Outcome
) -> None:
    server = Metrics({"m1": lambda _: 0.0, "e1": lambda _: first, "e2": lambda _: second})
    asked = question(queries=EXPRESSIONS, judged=("e1", "e2"), expect="!= 0")
    assert server.judge(asked).outcome is outcome


def test_an_expression_that_is_not_in_the_answer_is_no_data() -> None:
    judged = Metrics({"e1": lambda _: 1.0}).judge(
        question(queries=EXPRESSIONS, judged=("e1", "e2"), expect="!= 0")
    )
    assert judged.outcome is Outcome.NO_DATA
    assert "e2" in judged.reason


def test_every_series_of_an_expression_counts() -> None:
    queries = [{"Id": "e1", "Expression": "SEARCH('{Shop,Zone} Errors', 'Sum')", "Period": 60}]

    def judged(second: Value, expect: str = "< 5") -> Outcome:
        server = Metrics({"e1 a": lambda _: 0.0, "e1 b": second})
        return server.judge(question(queries=queries, judged=("e1",), expect=expect)).outcome

    assert judged(lambda _: 1.0) is Outcome.PASS
    assert judged(lambda _: 9.0) is Outcome.BROKEN
    assert judged(missing_at(T + 60)) is Outcome.TOO_FEW


def test_periods_that_differ_are_asked_for_where_they_begin_together() -> None:
    queries: list[Mapping[str, object]] = [stat("m1"), stat("m2", 300)]
    server = Metrics({"m1": lambda _: 1.0, "m2": lambda _: 1.0})
    asked = question(queries=queries, judged=("m1", "m2"), window=Window(T, T + 700))
    judged = server.judge(asked)
    (ask,) = server.asked
    assert (ask.start % 300, ask.end % 300, ask.end - ask.start) == (0, 0, 600)
    assert (judged.outcome, judged.evidence.samples) == (Outcome.PASS, 12)


def test_each_datapoint_of_the_shorter_period_is_needed() -> None:
    first = T + 60  # on five minutes
    queries: list[Mapping[str, object]] = [stat("m1"), stat("m2", 300)]
    server = Metrics({"m1": missing_at(first + 60), "m2": lambda _: 1.0})
    asked = question(queries=queries, judged=("m1", "m2"), window=Window(T, T + 700))
    assert server.judge(asked).outcome is Outcome.TOO_FEW


# --- baseline -------------------------------------------------------------------------------


def test_the_gate_measures_the_baseline_that_later_values_are_compared_with() -> None:
    gate = Metrics({"m1": lambda t: 10.0 if t % 120 else 20.0}).judge(
        question(Purpose.GATE, Window(T, T + 240), "<= 2x baseline")
    )
    assert (gate.outcome, gate.baseline) == (Outcome.PASS, {"m1": 15.0})
    for value, outcome in ((30.0, Outcome.PASS), (31.0, Outcome.BROKEN)):
        later = question(expect="<= 2x baseline", baseline=gate.baseline)
        assert Metrics({"m1": lambda _, v=value: v}).judge(later).outcome is outcome  # type: ignore[misc]
    assert Metrics().judge(question(expect="<= 2x baseline")).outcome is Outcome.NO_DATA


# --- gate -----------------------------------------------------------------------------------


def gate(value: Value, now: float, length: float = 300.0, *blackouts: Window, wait: float = 60.0) -> Outcome:
    asked = question(Purpose.GATE, Window(now - length, now), blackouts=blackouts, wait=wait)
    return Metrics({"m1": value}).judge(asked, now).outcome


def test_the_gate_demands_what_is_final_only() -> None:
    now = END + 30  # the last whole period ends at END, and is final at END + 60
    assert gate(missing_at(T + 240), now) is Outcome.PASS
    assert gate(lambda t: 9.0 if t == T + 240 else 0.0, now) is Outcome.PASS
    assert gate(missing_at(T + 180), now) is Outcome.TOO_FEW
    assert gate(lambda t: 9.0 if t == T + 180 else 0.0, now) is Outcome.BROKEN


def test_the_gate_demands_at_least_one_period() -> None:
    """Over a short lookback none may be final yet: then the oldest."""
    now = END + 30
    assert gate(lambda _: 1.0, now, 120) is Outcome.PASS
    assert gate(lambda _: None, now, 120) is Outcome.NO_DATA
    assert gate(missing_at(T + 240), now, 120) is Outcome.NO_DATA
    assert gate(lambda _: 9.0, now, 120) is Outcome.BROKEN
    assert gate(lambda _: 1.0, now, 80) is Outcome.REACHES_BACK


@pytest.mark.parametrize(
    ("blackout", "outcome"),
    [
        (Window(T - 100, T - 10), Outcome.PASS),
        (Window(T - 100, T), Outcome.PASS),
        (Window(T - 100, T + 1), Outcome.TOO_FEW),
        (Window(T + 100, T + 110), Outcome.TOO_FEW),
        (Window(END + 5, END + 15), Outcome.TOO_FEW),  # after the last whole period, and before now
    ],
)
def test_a_fault_of_ours_in_the_window_closes_the_gate(blackout: Window, outcome: Outcome) -> None:
    asked = question(Purpose.GATE, Window(T, END + 20), blackouts=(blackout,), wait=0)
    assert Metrics().judge(asked, END + 20).outcome is outcome


# --- recovery -------------------------------------------------------------------------------


def recovery(value: Value, now: float, *blackouts: Window) -> tuple[Outcome, float | None, float]:
    asked = question(Purpose.RECOVERY, Window(T + 20, now), blackouts=blackouts)
    judged = Metrics({"m1": value}).judge(asked, now)
    return judged.outcome, judged.recovered_at, judged.resolution


def test_a_recovery_is_read_from_final_datapoints_that_begin_after_the_clearing() -> None:
    assert recovery(lambda _: 0.0, T + 179)[0] is Outcome.TOO_FEW
    assert recovery(lambda _: 0.0, T + 180) == (Outcome.PASS, T + 60, 60.0)
    assert recovery(lambda t: 9.0 if t < T + 60 else 0.0, T + 180)[0] is Outcome.PASS


def test_it_is_well_since_the_first_of_the_unbroken_run() -> None:
    assert recovery(lambda t: 9.0 if t < T + 120 else 0.0, T + 400) == (Outcome.PASS, T + 120, 60.0)
    assert recovery(lambda t: 9.0 if t == T + 180 else 0.0, T + 400)[1] == T + 240
    assert recovery(missing_at(T + 180), T + 400)[1] == T + 240  # a gap breaks the run


def test_it_is_not_well_while_the_last_one_is_not() -> None:
    assert recovery(lambda t: 9.0 if t == T + 240 else 0.0, T + 360)[0] is Outcome.BROKEN
    assert recovery(missing_at(T + 240), T + 360)[0] is Outcome.NO_DATA
    assert recovery(lambda t: math.nan if t == T + 240 else 0.0, T + 360)[0] is Outcome.NAN


def test_datapoints_of_another_fault_of_ours_do_not_count() -> None:
    assert recovery(lambda _: 0.0, T + 180, Window(T + 100, T + 110))[0] is Outcome.TOO_FEW
    assert recovery(lambda _: 0.0, T + 240, Window(T + 100, T + 110))[1] == T + 120


# --- abort ----------------------------------------------------------------------------------


def abort(value: Value, now: float = END + 10) -> Outcome:
    return Metrics({"m1": value}).judge(question(Purpose.ABORT, Window(T, now)), now).outcome


def test_an_abort_looks_at_the_newest_datapoint_final_or_not() -> None:
    assert abort(lambda _: 1.0) is Outcome.PASS
    assert abort(lambda t: 9.0 if t == T + 240 else 0.0) is Outcome.BROKEN
    assert abort(lambda t: 9.0 if t == T + 180 else 0.0) is Outcome.PASS
    assert abort(lambda t: None if t > T + 180 else 9.0) is Outcome.BROKEN
    assert abort(lambda t: math.nan if t == T + 240 else 0.0) is Outcome.NAN


def test_what_is_too_old_is_missing() -> None:
    assert abort(lambda t: 1.0 if t == T + 120 else None) is Outcome.PASS
    assert abort(lambda t: 1.0 if t < T + 120 else None) is Outcome.NO_DATA
    assert abort(lambda _: None) is Outcome.NO_DATA


# --- the rest -------------------------------------------------------------------------------


def test_a_cloudwatch_probe_is_no_witness() -> None:
    assert Metrics().judge(question(Purpose.WITNESS)).outcome is Outcome.NO_DATA


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("late", Outcome.LATE), ("unreachable", Outcome.UNREACHABLE), ("error", Outcome.ERROR)],
)
@pytest.mark.parametrize("purpose", [Purpose.GATE, Purpose.HYPOTHESIS, Purpose.ABORT, Purpose.RECOVERY])
def test_a_failed_answer_is_missing_data(kind: str, outcome: Outcome, purpose: Purpose) -> None:
    plan = evaluators.plan(question(purpose), T + 10_000)
    judged = plan.judge([SourceFailure(kind, "its own words")])
    assert (judged.outcome, judged.reason) == (outcome, "its own words")


# --- properties -----------------------------------------------------------------------------

PERIODS = st.sampled_from([1, 5, 10, 30, 60, 300])
MOMENTS = st.floats(T, T + 3600)


@given(MOMENTS, st.floats(0, 3600), PERIODS, st.floats(0, 600))
def test_what_is_asked_lies_inside_and_nothing_that_fits_is_left_out(
    start: float, length: float, period: int, wait: float
) -> None:
    asked = question(window=Window(start, start + length), queries=[stat("m1", period)], wait=wait)
    plan = evaluators.plan(asked, start + length + wait)
    if not plan.asks:
        assert plan.judge(()).outcome is Outcome.REACHES_BACK
        assert length < 2 * period
        return
    (ask,) = plan.asks
    assert isinstance(ask, MetricDataQuery)
    assert ask.start % period == ask.end % period == 0
    assert start <= ask.start < ask.end <= start + length
    assert ask.start - start < period
    assert start + length - ask.end < period


VALUES = st.sampled_from([1.0, 1.0, 1.0, None, math.nan, 9.0])


@given(st.lists(VALUES, min_size=8, max_size=8), MOMENTS, st.floats(0, 300))
def test_only_flawless_data_support_a_hypothesis(
    values: list[float | None], start: float, offset: float
) -> None:
    """Never a pass where one expected datapoint is missing, NaN or broken; whatever is outside."""
    server = Metrics({"m1": lambda t: values[t // 60 % 8]})
    window = Window(start, start + 130 + offset)
    judged = server.judge(question(window=window))
    (ask,) = server.asked
    due = [values[t // 60 % 8] for t in range(int(ask.start), int(ask.end), 60)]
    assert (judged.outcome is Outcome.PASS) == all(value == 1.0 for value in due)
    assert (judged.outcome is Outcome.BROKEN) == (9.0 in due)


@given(st.lists(VALUES, min_size=8, max_size=8), st.floats(0, 60), st.floats(0, 200))
def test_no_recovery_from_a_moment_that_was_not_well(
    values: list[float | None], start: float, wait: float
) -> None:
    value: Callable[[int], float | None] = lambda t: values[int(t - T) // 60 % 8]  # noqa: E731
    now = T + 470
    asked = question(Purpose.RECOVERY, Window(T + start, now), wait=wait)
    judged = Metrics({"m1": value}).judge(asked, now)
    if judged.outcome is not Outcome.PASS:
        assert judged.recovered_at is None
        return
    assert judged.recovered_at is not None
    times = range(int(judged.recovered_at), int(now - wait) - 59, 60)
    assert all(value(t) == 1.0 for t in times)
    assert all(later - earlier == 60 for earlier, later in pairwise(times))
    assert judged.recovered_at >= T + start
