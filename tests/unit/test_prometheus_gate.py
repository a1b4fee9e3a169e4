"""A Prometheus probe before the fault and after it: what our own faults leave behind is not looked at."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from chaos_engine.model import Outcome, Purpose, Window
from tests.unit.prometheus_twin import Server, T, Value, question

# --- the gate -------------------------------------------------------------------------------


def test_the_gate_measures_the_baseline() -> None:
    server = Server({"a": lambda t: 2.0 if t < T + 15 else 4.0, "b": lambda _: 1.0})
    judged = server.judge(question(expect="<= 5", purpose=Purpose.GATE))
    assert judged.outcome is Outcome.PASS
    assert judged.baseline["b"] == 1.0
    assert judged.baseline["a"] == pytest.approx(3.0, abs=0.1)


def test_at_the_gate_a_relative_expectation_is_only_measured() -> None:
    judged = Server().judge(question(expect="<= 2x baseline", purpose=Purpose.GATE))
    assert judged.outcome is Outcome.PASS
    assert judged.baseline == {"x": 1.0}
    nan = Server({"x": lambda _: math.nan}).judge(question(expect="<= 2x baseline", purpose=Purpose.GATE))
    assert nan.outcome is Outcome.NAN


def test_our_own_residue_is_not_looked_at() -> None:
    """The fault ended before the window, but a range of 10 s still takes it in for a while."""
    residue: Value = lambda t: 9.0 if t < T + 8 else 0.0  # noqa: E731
    fault = Window(T - 60, T - 2)
    short = question("rate(x[10s])", purpose=Purpose.GATE, blackouts=(fault,))
    assert Server({"x": residue}).judge(short).outcome is Outcome.PASS
    inside = replace(short, blackouts=(Window(T - 60, T + 3),))
    judged = Server({"x": residue}).judge(inside)
    assert judged.outcome is Outcome.TOO_FEW
    assert "faults" in judged.reason
    assert "since" in judged.reason
    assert Server({"x": lambda _: 9.0}).judge(inside).outcome is Outcome.TOO_FEW


def test_a_plain_selector_is_as_old_as_its_last_scrape() -> None:
    """10 scrapes in 20 s: for some 2 s after the fault the last one taken is still of the fault."""
    fault = Window(T - 60, T + 0.01)
    asked = question(purpose=Purpose.GATE, blackouts=(fault,))
    server = Server({"x": lambda t: 9.0 if t < T + 3 else 0.0})
    assert server.judge(asked).outcome is Outcome.TOO_FEW
    assert server.judge(replace(asked, blackouts=())).outcome is Outcome.BROKEN


def test_raw_scrapes_in_a_blackout_do_not_count() -> None:
    seen: list[tuple[float, float]] = []

    def counts(_: str, start: float, end: float) -> int:
        seen.append((round(start - T, 3), round(end - T, 3)))
        return 1

    blackouts = (Window(T + 10, T + 12), Window(T - 5, T + 1), Window(T + 11, T + 13))
    judged = Server(counts=counts).judge(question(purpose=Purpose.GATE, blackouts=blackouts))
    assert seen == [(1, 10), (13, 30)]
    assert judged.outcome is Outcome.TOO_FEW


def test_a_window_that_is_all_blackout_is_too_few() -> None:
    blackouts = (Window(T - 5, math.inf),)
    judged = Server().judge(question(purpose=Purpose.GATE, blackouts=blackouts))
    assert judged.outcome is Outcome.TOO_FEW


def test_a_fault_in_the_middle_leaves_no_full_window() -> None:
    blackouts = (Window(T + 10, T + 12),)
    judged = Server().judge(question(purpose=Purpose.GATE, blackouts=blackouts))
    assert judged.outcome is Outcome.TOO_FEW


def test_a_window_that_begins_before_the_data_is_not_full() -> None:
    server = Server({"x": lambda t: 0.0 if t >= T + 20 else None})
    judged = server.judge(question(purpose=Purpose.GATE))
    assert judged.outcome is Outcome.TOO_FEW
    assert "not full" in judged.reason
    gap = Server({"x": lambda t: None if T + 14 < t < T + 16 else 0.0})
    assert gap.judge(question(purpose=Purpose.GATE)).outcome is Outcome.NO_DATA
    gap.values = {"x": lambda _: 0.0, "y": lambda t: None if t > T + 16 else 0.0}
    assert gap.judge(question(purpose=Purpose.GATE)).outcome is Outcome.NO_DATA


def test_the_baseline_is_of_the_series_that_are_there_at_the_end() -> None:
    replaced = Server(
        {"a": lambda t: 3.0 if t < T + 15 else None, "b": lambda t: 5.0 if t >= T + 15 else None}
    )
    found = replaced.judge(question(purpose=Purpose.GATE, expect="< 9"))
    assert (found.outcome, found.baseline) == (Outcome.PASS, {"b": 5.0})


def test_a_lookback_shorter_than_the_range_reaches_back() -> None:
    judged = Server().judge(question("rate(x[1m])", purpose=Purpose.GATE))
    assert judged.outcome is Outcome.REACHES_BACK
    assert "lookback" in judged.reason


# --- recovery -------------------------------------------------------------------------------


def test_recovered_since_the_unbroken_run_began() -> None:
    server = Server({"x": lambda t: 0.0 if T + 5 < t < T + 8 or t > T + 12 else 9.0})
    judged = server.judge(question(purpose=Purpose.RECOVERY))
    assert judged.outcome is Outcome.PASS
    assert judged.recovered_at == pytest.approx(T + 13, abs=1.01)


def test_the_range_is_taken_off_the_time_of_recovery() -> None:
    server = Server({"x": lambda t: 0.0 if t > T + 17 else 9.0})
    judged = server.judge(question("rate(x[5s])", purpose=Purpose.RECOVERY))
    assert judged.recovered_at == pytest.approx(T + 12, abs=1.01)


def test_recovered_at_once_is_recovered_at_the_clearing() -> None:
    judged = Server().judge(question("rate(x[5s])", purpose=Purpose.RECOVERY))
    assert judged.recovered_at == T


@pytest.mark.parametrize(
    ("value", "outcome"), [(9.0, Outcome.BROKEN), (math.nan, Outcome.NAN), (None, Outcome.NO_DATA)]
)
def test_the_last_evaluation_decides(value: float | None, outcome: Outcome) -> None:
    judged = Server({"x": lambda t: value if t > T + 29.5 else 0.0}).judge(question(purpose=Purpose.RECOVERY))
    assert judged.outcome is outcome
    assert judged.recovered_at is None


def test_a_gap_or_a_nan_breaks_the_run() -> None:
    for hole in (None, math.nan):
        values: dict[str, Value] = {"x": lambda t, hole=hole: hole if T + 14 < t < T + 16 else 0.0}  # type: ignore[misc]
        judged = Server(values).judge(question(purpose=Purpose.RECOVERY))
        assert judged.recovered_at == pytest.approx(T + 16, abs=1)


def test_recovery_needs_two_scrapes_and_a_whole_range() -> None:
    few = Server(counts=lambda *_: 1).judge(question(purpose=Purpose.RECOVERY))
    assert few.outcome is Outcome.TOO_FEW
    short = Server().judge(question("rate(x[1m])", purpose=Purpose.RECOVERY))
    assert short.outcome is Outcome.REACHES_BACK
    assert "wait until" in short.reason


def test_recovery_under_another_fault_is_not_seen() -> None:
    judged = Server().judge(question(purpose=Purpose.RECOVERY, blackouts=(Window(T + 20, math.inf),)))
    assert judged.outcome is Outcome.TOO_FEW
    own = Server().judge(question(purpose=Purpose.RECOVERY, blackouts=(Window(T - 20, T),)))
    assert own.outcome is Outcome.PASS
