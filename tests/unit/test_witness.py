"""A fault is felt, or it is not; noise is not a fault."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

import evaluators
from chaos_engine.model import HttpProbe, Outcome, Purpose, Question, Window
from chaos_engine.ports import HttpSample
from evaluators.plans import Samples

T = 1_700_000_000.0
PROBE = HttpProbe("http://shop/")


def sample(index: int, took: float = 0.02, status: int | None = 200, *, done: bool = True) -> HttpSample:
    return HttpSample(T + index * 0.5, took, done, status if done else None)


CALM = [sample(i, 0.02 + i % 3 * 0.005) for i in range(40)]


def felt(before: Sequence[HttpSample], during: Sequence[HttpSample]) -> Outcome:
    question = Question(PROBE, Purpose.WITNESS, Window(T, T + 20), before=Window(T - 20, T))
    plan = evaluators.plan(question, T + 20)
    assert [getattr(ask, "window", None) for ask in plan.asks] == [Window(T - 20, T), Window(T, T + 20)]
    return plan.judge([Samples(tuple(before)), Samples(tuple(during))]).outcome


def test_the_same_is_not_felt() -> None:
    assert felt(CALM, CALM) is Outcome.BROKEN


@pytest.mark.parametrize("seed", range(20))
def test_the_noise_of_a_busy_machine_is_not_felt(seed: int) -> None:
    rng = random.Random(seed)

    def noisy() -> list[HttpSample]:
        return [sample(i, rng.lognormvariate(-4, 0.5) + (rng.random() < 0.05) * 0.1) for i in range(40)]

    assert felt(noisy(), noisy()) is Outcome.BROKEN


def test_two_slow_requests_in_a_row_are_noise() -> None:
    stall = [*CALM[:10], sample(10, 0.6), sample(11, 0.4), *CALM[12:]]
    assert felt(CALM, stall) is Outcome.BROKEN


def test_three_far_slower_ones_in_a_row_are_felt() -> None:
    assert felt(CALM, [*CALM[:10], *(sample(i, 1.0) for i in range(10, 13)), *CALM[13:]]) is Outcome.PASS
    apart = [
        *CALM[:10],
        sample(10, 1.0),
        sample(11),
        sample(12, 1.0),
        sample(13),
        sample(14, 1.0),
        *CALM[15:],
    ]
    assert felt(CALM, apart) is Outcome.BROKEN


def test_a_slower_majority_is_felt() -> None:
    assert felt(CALM, [sample(i, 0.09) for i in range(40)]) is Outcome.PASS
    assert felt(CALM, [sample(i, 0.09 if i % 2 else 0.02) for i in range(40)]) is Outcome.BROKEN
    assert felt(CALM, [sample(i, 0.04) for i in range(40)]) is Outcome.BROKEN  # within 1.5 x median + 20 ms


def test_one_stall_before_does_not_hide_a_slower_majority() -> None:
    stalled = [*CALM[:8], sample(8, 0.15), *CALM[9:17]]
    assert felt(stalled, [sample(i, 0.11) for i in range(17)]) is Outcome.PASS
    assert felt(stalled, stalled) is Outcome.BROKEN


def test_one_failure_is_felt_where_none_was_before() -> None:
    assert felt(CALM, [*CALM[:10], sample(10, 0.001, None), *CALM[11:]]) is Outcome.PASS
    assert felt(CALM, [*CALM[:10], sample(10, 0.01, 500), *CALM[11:]]) is Outcome.PASS
    assert felt(CALM, [*CALM[:10], sample(10, 5.1, done=False), *CALM[11:]]) is Outcome.PASS


def test_failures_must_grow_where_some_were_before() -> None:
    flaky = [sample(i, status=500 if i % 10 == 0 else 200) for i in range(40)]
    assert felt(flaky, flaky) is Outcome.BROKEN
    assert felt(flaky, [sample(i, status=500 if i % 10 < 2 else 200) for i in range(40)]) is Outcome.BROKEN
    assert felt(flaky, [sample(i, status=500 if i % 2 else 200) for i in range(40)]) is Outcome.PASS


def test_open_requests_count_with_the_time_they_have_taken() -> None:
    hanging = [sample(i, 2.0 - i * 0.5, done=False) for i in range(4)]
    assert felt(CALM, hanging) is Outcome.PASS
    young = [sample(i, 0.01, done=False) for i in range(4)]
    assert felt(CALM, young) is Outcome.NO_DATA
    assert felt(CALM, [*CALM[:3], *young]) is Outcome.BROKEN


def test_too_few_requests_show_nothing() -> None:
    assert felt(CALM[:2], CALM) is Outcome.NO_DATA
    assert felt(CALM, [sample(0, status=500), sample(1, 9.0)]) is Outcome.NO_DATA
    assert felt([sample(i, status=500) for i in range(40)], CALM) is Outcome.NO_DATA


def test_without_a_window_before_there_is_no_witness() -> None:
    plan = evaluators.plan(Question(PROBE, Purpose.WITNESS, Window(T, T + 20)), T + 20)
    assert plan.judge([]).outcome is Outcome.NO_DATA
