"""Judging values: every value of every series counts, and the first that breaks is kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from chaos_engine.model import Evidence, Expectation, Judgement, Outcome, Purpose, Question
from chaos_engine.ports import PrometheusAnswer
from evaluators import expectation
from evaluators.plans import asked, clock, conclude, number


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one series. `at` is in milliseconds of wall time."""

    at: int
    series: str
    value: float


def readings(answer: PrometheusAnswer) -> tuple[Reading, ...]:
    """Every value of the answer, oldest first."""
    found = [
        Reading(round(moment * 1000), series.labels, value)
        for series in answer.series
        for moment, value in series.points
    ]
    return tuple(sorted(found, key=lambda r: (r.at, r.series)))


def outcome_of(reading: Reading, bound: Expectation | None, baseline: Mapping[str, float]) -> Outcome:
    """What one value is. Without a bound it only has to be a number."""
    if math.isnan(reading.value):
        return Outcome.NAN
    if bound is None:
        return Outcome.PASS
    held = expectation.holds(bound, reading.value, baseline.get(reading.series))
    if held is None:
        return Outcome.NO_DATA
    return Outcome.PASS if held else Outcome.BROKEN


def bound_of(question: Question, expected: Expectation) -> Expectation | None:
    """The bound that counts. At the gate a relative one has nothing to hold to: the baseline is measured."""
    return None if expected.relative and question.purpose is Purpose.GATE else expected


def judge(question: Question, expected: Expectation, judged: Iterable[Reading]) -> Judgement:
    """One broken value breaks; else one NaN, or one series without its baseline, leaves it open."""
    values, bound = tuple(judged), bound_of(question, expected)
    outcomes = [(reading, outcome_of(reading, bound, question.baseline)) for reading in values]
    evidence = _evidence(question, values)
    for outcome in (Outcome.BROKEN, Outcome.NAN, Outcome.NO_DATA):
        first = next((reading for reading, found in outcomes if found is outcome), None)
        if first is not None:
            return conclude(
                question, outcome, _reason(outcome, first, expected), _broke(evidence, outcome, first)
            )
    if not values:
        return conclude(question, Outcome.NO_DATA, "the query has an empty result", evidence)
    return conclude(question, Outcome.PASS, _passed(evidence, expected, bound), evidence)


def means(judged: Iterable[Reading]) -> dict[str, float]:
    """The mean of each series."""
    values: dict[str, list[float]] = {}
    for reading in judged:
        values.setdefault(reading.series, []).append(reading.value)
    return {series: sum(found) / len(found) for series, found in values.items()}


def _evidence(question: Question, values: tuple[Reading, ...]) -> Evidence:
    numbers = [r.value for r in values if not math.isnan(r.value)]
    low, high = min(numbers, default=None), max(numbers, default=None)
    mean = {"mean": math.fsum(numbers) / len(numbers)} if numbers else {}
    return Evidence(asked(question), question.window, len(values), low, high, measured=mean)


def _broke(evidence: Evidence, outcome: Outcome, first: Reading) -> Evidence:
    if outcome is not Outcome.BROKEN:
        return evidence
    return replace(evidence, broke_at=first.at / 1000, broke_value=first.value, broke_series=first.series)


def _reason(outcome: Outcome, first: Reading, expected: Expectation) -> str:
    where = f"at {clock(first.at / 1000)}" + (f" for {first.series}" if first.series else "")
    if outcome is Outcome.NAN:
        return f"the value is NaN {where} (0/0: nothing to divide by)"
    if outcome is Outcome.NO_DATA:
        return f"there is no baseline to compare with {where}, expected {expected.text}"
    return f"value {number(first.value)} {where}, expected {expected.text}"


def _passed(evidence: Evidence, expected: Expectation, bound: Expectation | None) -> str:
    span = f"{number(evidence.low or 0.0)} to {number(evidence.high or 0.0)}"
    if bound is None:
        return f"measured as the baseline: {evidence.samples} values from {span}"
    return f"{evidence.samples} values from {span}, expected {expected.text}"
