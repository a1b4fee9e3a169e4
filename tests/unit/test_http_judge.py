"""What the requests of an HTTP probe say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evaluators
from chaos_engine.model import HttpProbe, Judgement, Outcome, Purpose, Question, Window
from chaos_engine.ports import HttpSample
from evaluators.client_view import statistic
from evaluators.expectation import parse
from evaluators.plans import Samples, SamplesQuery

T = 1_700_000_000.0
LENGTH = 30.0
PROBE = HttpProbe("http://shop/products")
FAST = replace(PROBE, latency={"p95": parse("< 500ms")})


def sent(index: int, took: float = 0.05, status: int | None = 200, error: str = "") -> HttpSample:
    return HttpSample(T + 0.1 + index * 0.5, took, status=status, error=error)


def open_for(index: int, took: float) -> HttpSample:
    return HttpSample(T + 0.1 + index * 0.5, took, done=False)


GOOD = tuple(sent(i) for i in range(60))


def judge(
    samples: Sequence[HttpSample],
    probe: HttpProbe = PROBE,
    purpose: Purpose = Purpose.HYPOTHESIS,
    *,
    blackouts: tuple[Window, ...] = (),
    baseline: Mapping[str, float] | None = None,
    length: float = LENGTH,
) -> Judgement:
    question = Question(probe, purpose, Window(T, T + length), blackouts, baseline or {})
    plan = evaluators.plan(question, T + length)
    (ask,) = plan.asks
    assert isinstance(ask, SamplesQuery)
    inside = tuple(s for s in samples if ask.window.start <= s.at <= ask.window.end)
    return plan.judge([Samples(inside)])


def put(*samples: HttpSample) -> tuple[HttpSample, ...]:
    """Good samples, but these in place of those sent at the same time."""
    return tuple({sample.at: sample for sample in (*GOOD, *samples)}.values())


# --- which answers are good -----------------------------------------------------------------


def test_all_good_is_a_pass() -> None:
    judged = judge(GOOD, FAST)
    assert judged.outcome is Outcome.PASS
    assert judged.evidence.samples == 60
    assert judged.reason == "success 100%, p95 0.050 s of 60 requests"


@pytest.mark.parametrize("status", [200, 204, 301, 399])
def test_2xx_and_3xx_are_good(status: int) -> None:
    assert judge(put(sent(5, status=status))).outcome is Outcome.PASS


@pytest.mark.parametrize("status", [100, 400, 404, 500, 503])
def test_one_bad_status_breaks_where_every_request_must_be_good(status: int) -> None:
    judged = judge(put(sent(10, status=status)))
    assert judged.outcome is Outcome.BROKEN
    assert judged.evidence.broke_at == sent(10).at
    assert f"HTTP {status}" in judged.reason


def test_the_reason_is_a_sentence() -> None:
    judged = judge(
        put(*(sent(i, status=500) for i in range(10, 20))), replace(PROBE, success=parse(">= 99%"))
    )
    expected = "success 83% of 60 requests, expected >= 99%; first failure at 22:13:25: HTTP 500"
    assert judged.reason == expected
    assert judged.evidence.broke_value == pytest.approx(50 / 60)


def test_only_the_named_status_is_good() -> None:
    only = replace(PROBE, status=(404,))
    assert judge([sent(i, status=404) for i in range(60)], only).outcome is Outcome.PASS
    assert judge(GOOD, only).outcome is Outcome.BROKEN


def test_the_body_counts() -> None:
    judged = judge(put(replace(sent(3), body_matches=False)))
    assert judged.outcome is Outcome.BROKEN
    assert "body" in judged.reason


def test_errors_are_bad_and_share_is_what_counts() -> None:
    some = put(*(sent(i, 5.0, None, "no answer within 5 s") for i in range(3)))
    assert judge(some, replace(PROBE, success=parse(">= 95%"))).outcome is Outcome.PASS
    assert judge(some, replace(PROBE, success=parse(">= 96%"))).outcome is Outcome.BROKEN


# --- latency --------------------------------------------------------------------------------


def test_latency_breaks() -> None:
    judged = judge(put(*(sent(i, 2.0) for i in range(20, 30))), FAST)
    assert judged.outcome is Outcome.BROKEN
    assert judged.evidence.broke_series == "p95"
    assert judged.evidence.broke_at == sent(20).at
    assert "p95 2.000 s" in judged.reason


def test_fast_failures_do_not_flatter_the_latency() -> None:
    refused = [sent(i, 0.001, None, "connection refused") for i in range(40)]
    slow = [sent(i, 2.0) for i in range(40, 60)]
    probe = replace(PROBE, latency={"p50": parse("< 500ms")}, success=parse(">= 10%"))
    assert judge([*refused, *slow], probe).outcome is Outcome.BROKEN


def test_without_a_good_answer_there_is_no_latency() -> None:
    refused = [sent(i, 0.001, None, "connection refused") for i in range(60)]
    tolerant = replace(FAST, success=parse(">= 0%"))
    assert judge(refused, tolerant).outcome is Outcome.NO_DATA
    assert judge(refused, FAST).outcome is Outcome.BROKEN


@pytest.mark.parametrize(
    ("name", "value"), [("p50", 50), ("p90", 90), ("p99", 99), ("max", 100), ("p99.5", 100)]
)
def test_percentiles_are_measured_values(name: str, value: float) -> None:
    assert statistic(name, [float(i) for i in range(1, 101)]) == value


@given(st.lists(st.floats(0, 100), min_size=1, max_size=50))
def test_percentiles_rise(times: list[float]) -> None:
    ordered = sorted(times)
    found = [statistic(name, ordered) for name in ("p0", "p50", "p90", "p95", "p99", "max")]
    assert found == sorted(found)
    assert set(found) <= set(times)


def test_an_unknown_percentile_is_refused() -> None:
    with pytest.raises(ValueError, match="allowed are p50"):
        statistic("median", [1.0])


# --- requests without an answer yet ---------------------------------------------------------


def test_young_open_requests_are_left_out() -> None:
    judged = judge(put(open_for(59, 0.3)), FAST)
    assert judged.outcome is Outcome.PASS
    assert judged.evidence.samples == 59


def test_open_beyond_the_timeout_is_bad() -> None:
    assert judge(put(open_for(40, 5.1))).outcome is Outcome.BROKEN
    assert judge(put(open_for(58, 0.9))).outcome is Outcome.PASS


def test_open_beyond_the_latency_bound_is_slow() -> None:
    hanging = put(*(open_for(i, (60 - i) * 0.5) for i in range(52, 60)))
    judged = judge(hanging, FAST)
    assert judged.outcome is Outcome.BROKEN
    assert judged.evidence.broke_series == "p95"


def test_open_ones_that_may_still_fail_are_waited_for() -> None:
    judged = judge(put(open_for(58, 0.9)), FAST)
    assert judged.outcome is Outcome.LATE
    assert "unanswered" in judged.reason
    tolerant = replace(FAST, success=parse(">= 90%"))
    assert judge(put(open_for(58, 0.9)), tolerant).outcome is Outcome.PASS


# --- enough samples -------------------------------------------------------------------------


def test_three_requests_at_least() -> None:
    two = [sent(0), sent(1)]
    assert judge(two, length=1.0).outcome is Outcome.TOO_FEW
    assert judge([*two, sent(2)], length=1.5).outcome is Outcome.PASS
    assert judge([]).outcome is Outcome.TOO_FEW
    assert judge([open_for(i, 0.1) for i in range(60)]).outcome is Outcome.TOO_FEW


def test_a_window_that_was_hardly_looked_at_is_too_few() -> None:
    assert judge(GOOD[:29]).outcome is Outcome.TOO_FEW
    assert judge(GOOD[:30]).outcome is Outcome.PASS


def test_a_gate_wants_a_full_window() -> None:
    gate = Purpose.GATE
    assert judge(GOOD, purpose=gate).outcome is Outcome.PASS
    late = judge(GOOD[2:], purpose=gate)
    assert late.outcome is Outcome.TOO_FEW
    assert "since 22:13:21 only, needed since 22:13:20" in late.reason
    assert judge((*GOOD[:20], *GOOD[33:]), purpose=gate).outcome is Outcome.TOO_FEW
    assert judge((*GOOD[:20], *GOOD[32:]), purpose=gate).outcome is Outcome.PASS


def test_a_gate_does_not_see_our_own_faults() -> None:
    fault = Window(T - 10, T + 5)
    samples = put(*(sent(i, 2.0) for i in range(10)))
    judged = judge(samples, FAST, Purpose.GATE, blackouts=(fault,))
    assert judged.outcome is Outcome.TOO_FEW
    assert "clean samples since 22:13:25" in judged.reason
    hung = put(sent(0, 3.0))  # sent before the fault, answered in it
    assert judge(hung, replace(PROBE, latency={"max": parse("< 1s")}), Purpose.GATE).outcome is Outcome.BROKEN
    short = (Window(T + 2, T + 2.1),)
    lenient = replace(PROBE, latency={"max": parse("< 1s")})
    assert judge(hung, lenient, Purpose.GATE, blackouts=short).outcome is Outcome.PASS


# --- baseline -------------------------------------------------------------------------------


def test_the_gate_measures_the_baseline() -> None:
    judged = judge(GOOD, FAST, Purpose.GATE)
    expected = {"p50": 0.05, "p90": 0.05, "p95": 0.05, "p99": 0.05, "max": 0.05, "success": 1.0}
    assert dict(judged.baseline) == expected


def test_relative_latency() -> None:
    probe = replace(PROBE, latency={"p95": parse("<= 2x baseline")})
    assert judge(GOOD, probe, Purpose.GATE).outcome is Outcome.PASS
    assert judge(GOOD, probe).outcome is Outcome.NO_DATA
    assert judge(GOOD, probe, baseline={"p95": 0.03}).outcome is Outcome.PASS
    assert judge(GOOD, probe, baseline={"p95": 0.02}).outcome is Outcome.BROKEN


# --- abort ----------------------------------------------------------------------------------


def test_abort_looks_at_the_last_requests_only() -> None:
    assert judge(put(sent(50, status=500)), purpose=Purpose.ABORT).outcome is Outcome.PASS
    assert judge(put(sent(57, status=500)), purpose=Purpose.ABORT).outcome is Outcome.BROKEN
    assert judge(GOOD[:50], purpose=Purpose.ABORT).outcome is Outcome.TOO_FEW


# --- recovery -------------------------------------------------------------------------------


def test_recovered_since_the_first_of_the_good_run() -> None:
    samples = [sent(i, status=500 if i < 20 else 200) for i in range(60)]
    judged = judge(samples, FAST, Purpose.RECOVERY)
    assert judged.outcome is Outcome.PASS
    assert judged.recovered_at == sent(20).at


def test_a_slow_answer_is_not_recovered() -> None:
    samples = put(*(sent(i, 0.7) for i in range(20)))
    assert judge(samples, PROBE, Purpose.RECOVERY).recovered_at == sent(0).at
    assert judge(samples, FAST, Purpose.RECOVERY).recovered_at == sent(20).at


def test_an_old_open_request_breaks_the_run_a_young_one_does_not() -> None:
    assert judge(put(open_for(59, 0.4)), FAST, Purpose.RECOVERY).recovered_at == sent(0).at
    assert judge(put(open_for(30, 9.0)), FAST, Purpose.RECOVERY).recovered_at == sent(31).at
    assert judge(put(open_for(59, 0.6)), FAST, Purpose.RECOVERY).outcome is Outcome.BROKEN


def test_not_recovered_yet() -> None:
    last_bad = judge(put(sent(59, status=500)), purpose=Purpose.RECOVERY)
    assert last_bad.outcome is Outcome.BROKEN
    assert last_bad.recovered_at is None
    assert judge(put(sent(57, status=500)), purpose=Purpose.RECOVERY).outcome is Outcome.TOO_FEW
    assert judge(put(sent(56, status=500)), purpose=Purpose.RECOVERY).outcome is Outcome.PASS
    assert judge([], purpose=Purpose.RECOVERY).outcome is Outcome.TOO_FEW


@given(st.floats(0, 25), st.floats(0.1, 3), st.floats(0, 1))
def test_recovery_is_read_at_most_one_period_late(moment: float, every: float, phase: float) -> None:
    """A crash that ends at `moment`: requests fail at once before it, and are good after it."""
    times = [T + (phase + i) * every for i in range(int(40 / every))]
    samples = [HttpSample(at, 0.01, status=200 if at >= T + moment else 500) for at in times]
    judged = judge(samples, replace(PROBE, every=every), Purpose.RECOVERY, length=40.0)
    assert judged.recovered_at is not None
    assert 0 <= judged.recovered_at - (T + moment) <= every + 1e-6


MADE: dict[str, Callable[[int], list[HttpSample]]] = {
    "bad": lambda i: [sent(i, status=500)],
    "open": lambda i: [open_for(i, 0.1)],
    "late": lambda i: [open_for(i, 9.0)],
    "none": lambda _: [],
}
JUDGED = [purpose for purpose in Purpose if purpose is not Purpose.WITNESS]


@given(st.lists(st.sampled_from(sorted(MADE)), min_size=60, max_size=60), st.sampled_from(JUDGED))
def test_nothing_good_never_passes(kinds: list[str], purpose: Purpose) -> None:
    samples = [sample for i, kind in enumerate(kinds) for sample in MADE[kind](i)]
    assert judge(samples, FAST, purpose).outcome is not Outcome.PASS


# --- what was measured ------------------------------------------------------------------------------


def test_what_was_measured_is_kept() -> None:
    half = tuple(sent(i, took=0.1 + i / 1000, status=200 if i % 2 else 500) for i in range(60))
    measured = judge(half).evidence.measured
    assert measured == {"success": 0.5, "p50": pytest.approx(0.129), "p95": pytest.approx(0.157)}
    assert judge(()).evidence.measured == {}


def test_after_the_clearing_the_good_run_is_measured() -> None:
    healed = (*(sent(i, status=500) for i in range(20)), *(sent(i) for i in range(20, 60)))
    assert judge(healed, purpose=Purpose.RECOVERY).evidence.measured["success"] == 1.0
    broken = (*GOOD[:40], *(sent(i, status=500) for i in range(40, 60)))
    assert judge(broken, purpose=Purpose.RECOVERY).evidence.measured["success"] == pytest.approx(2 / 3)
