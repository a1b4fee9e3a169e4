"""From what was seen to the result: which judgements decide, when it recovered, and the sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_engine.conclusion import conclude, recovered
from chaos_engine.experiment import begin
from chaos_engine.life import State
from chaos_engine.model import (
    AlertFires,
    Experiment,
    Hypothesis,
    Judged,
    Judgement,
    Outcome,
    Probe,
    Ran,
    Recovered,
    Verdict,
    Witness,
)
from tests.unit.life_story import ERRORS, SHOP, START, judged, plan

ALERT = AlertFires("Down", 60.0, "http://prometheus")
CLEARED = START.plus(31.0)
MISSING = tuple(outcome for outcome in Outcome if outcome.missing)


def seen(experiment: Experiment, answers: dict[Probe, Outcome], **changes: Any) -> State:
    """Injected at START, held 30 s, cleared a second later."""
    state = begin("e1", experiment, "me", 0, START)
    judgements = {probe: judged(probe, outcome) for probe, outcome in answers.items()}
    found = replace(
        state, judgements=judgements, injected_at=START, hold_ended=START.plus(30.0), cleared_at=CLEARED
    )
    return replace(found, **changes)


def recovery(*outcomes: Outcome, at: float = 5.0) -> tuple[Judgement, ...]:
    return tuple(judged(SHOP, outcome, recovered_at=CLEARED.wall + at) for outcome in outcomes)


# --- the hypothesis -------------------------------------------------------------------------


@given(st.lists(st.sampled_from(list(Outcome)), min_size=1, max_size=3))
def test_broken_outweighs_missing_and_missing_outweighs_held(outcomes: list[Outcome]) -> None:
    probes = (SHOP, ERRORS, replace(ERRORS, name="other"))[: len(outcomes)]
    state = seen(plan(hypothesis=Hypothesis(probes)), dict(zip(probes, outcomes, strict=True)))
    expected = Judged.SUPPORTED
    if Outcome.BROKEN in outcomes:
        expected = Judged.NOT_SUPPORTED
    elif set(outcomes) != {Outcome.PASS}:
        expected = Judged.INCONCLUSIVE
    assert conclude(state).hypothesis is expected


def test_without_a_hypothesis_nothing_is_judged() -> None:
    assert conclude(seen(plan(), {})).verdict is Verdict.UNJUDGED


@pytest.mark.parametrize("answers", [{}, {SHOP: Outcome.PASS}, {ERRORS: Outcome.PASS}])
def test_a_probe_without_an_answer_is_missing_not_forgotten(answers: dict[Probe, Outcome]) -> None:
    result = conclude(seen(plan(hypothesis=Hypothesis((SHOP, ERRORS))), answers))
    assert result.hypothesis is Judged.INCONCLUSIVE
    assert [judgement.probe for judgement in result.judgements] == ["shop", "errors"]
    assert "not answered" in result.reason


def test_an_alert_that_nobody_asked_for_is_missing_too() -> None:
    spec = Hypothesis((ERRORS,), alert_fires=ALERT)
    assert conclude(seen(plan(hypothesis=spec), {ERRORS: Outcome.PASS})).hypothesis is Judged.INCONCLUSIVE


def test_an_aborted_run_is_not_held_to_what_it_never_asked() -> None:
    aborted = seen(plan(hypothesis=Hypothesis((ERRORS,))), {}, run=Ran.ABORTED, reason="by hand")
    assert (conclude(aborted).hypothesis, conclude(aborted).reason) == (Judged.UNJUDGED, "by hand")


# --- recovery -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ((), Recovered.UNKNOWN),
        ((Outcome.PASS,), Recovered.RECOVERED),
        ((Outcome.PASS, Outcome.BROKEN), Recovered.NOT_RECOVERED),
        ((Outcome.NO_DATA, Outcome.BROKEN), Recovered.NOT_RECOVERED),
        *(((Outcome.PASS, missing), Recovered.UNKNOWN) for missing in MISSING),
    ],
)
def test_recovered_means_that_every_probe_held_again(
    outcomes: tuple[Outcome, ...], expected: Recovered
) -> None:
    assert recovered(seen(plan(), {}, recovery=recovery(*outcomes)))[0] is expected


def test_the_slowest_probe_says_how_long_it_took() -> None:
    both = (*recovery(Outcome.PASS, at=3.0), *recovery(Outcome.PASS, at=7.5))
    assert recovered(seen(plan(), {}, recovery=both)) == (Recovered.RECOVERED, 7.5)
    assert recovered(seen(plan(), {}, recovery=recovery(Outcome.PASS, at=-2.0)))[1] == 0.0


@pytest.mark.parametrize(
    ("after", "hypothesis"),
    [(8.0, Judged.SUPPORTED), (8.1, Judged.NOT_SUPPORTED)],
)
def test_recovers_within_is_part_of_the_hypothesis(after: float, hypothesis: Judged) -> None:
    limited = plan(steady=(SHOP,), hypothesis=Hypothesis(recovers_within=8.0))
    result = conclude(seen(limited, {}, recovery=recovery(Outcome.PASS, at=after)))
    assert result.hypothesis is hypothesis


@pytest.mark.parametrize(
    ("outcome", "verdict"), [(Outcome.BROKEN, Verdict.NOT_SUPPORTED), (Outcome.NO_DATA, Verdict.INCONCLUSIVE)]
)
def test_recovers_within_is_broken_or_missing_as_the_recovery_is(outcome: Outcome, verdict: Verdict) -> None:
    limited = plan(steady=(SHOP,), hypothesis=Hypothesis(recovers_within=8.0))
    assert conclude(seen(limited, {}, recovery=recovery(outcome))).verdict is verdict
    assert conclude(seen(limited, {})).verdict is Verdict.INCONCLUSIVE


def test_a_recovery_is_asked_for_where_there_is_something_to_ask() -> None:
    assert conclude(seen(plan(steady=(SHOP,)), {})).recovery_asked
    assert not conclude(seen(plan(), {})).recovery_asked
    assert not conclude(seen(plan(steady=(SHOP,)), {}, injected_at=None)).recovery_asked
    assert not conclude(seen(plan(steady=(SHOP,)), {}, hurry=True)).recovery_asked


# --- the sentence ---------------------------------------------------------------------------


def test_the_reason_names_the_worst() -> None:
    spec = plan(steady=(SHOP,), hypothesis=Hypothesis((SHOP, ERRORS)))
    broken = seen(spec, {SHOP: Outcome.NAN, ERRORS: Outcome.BROKEN}, recovery=recovery(Outcome.BROKEN))
    assert conclude(broken).reason == "errors: is broken"
    held: dict[Probe, Outcome] = {SHOP: Outcome.PASS, ERRORS: Outcome.PASS}
    assert "not recovered" in conclude(seen(spec, held, recovery=recovery(Outcome.BROKEN))).reason
    assert "nan" in conclude(seen(spec, {**held, SHOP: Outcome.NAN})).reason
    unfelt = seen(spec, held, recovery=recovery(Outcome.PASS), witness=Witness.NOT_FELT)
    assert "no client felt it" in conclude(unfelt).reason
