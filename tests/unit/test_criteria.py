"""A share of a hypothesis' criteria that is enough: which outcome it has, what it says, what is refused."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_engine.conclusion import conclude
from chaos_engine.config import load_settings
from chaos_engine.criteria import Criteria, decisive, missed, needed, outcome, show, told
from chaos_engine.documents import HypothesisDocument
from chaos_engine.experiment_file import load_experiment
from chaos_engine.model import (
    Hypothesis,
    Judged,
    Judgement,
    Outcome,
    Probe,
    Ran,
    Result,
    Verdict,
    Witness,
)
from chaos_engine.written import ConfigError
from tests.unit.life_story import ERRORS, SHOP, judged, plan
from tests.unit.test_conclusion import ALERT, recovery, seen

HELD, BROKEN, SILENT = Outcome.PASS, Outcome.BROKEN, Outcome.NO_DATA
PROBES = tuple(SHOP.__class__(f"http://shop/{number}", name=f"p{number}") for number in range(10))
SHARES = st.integers(1, 1000).map(lambda tenths: tenths / 1000)


def answered(*outcomes: Outcome) -> tuple[Judgement, ...]:
    return tuple(judged(probe, outcome) for probe, outcome in zip(PROBES, outcomes, strict=False))


def result(share: float, *outcomes: Outcome, **changes: object) -> Result:
    """Of a completed run with one probe for each outcome, and a share of them wanted."""
    probes = PROBES[: len(outcomes)]
    found: dict[Probe, Outcome] = dict(zip(probes, outcomes, strict=True))
    spec = Hypothesis(probes, success_threshold=share)
    return conclude(seen(plan(hypothesis=spec), found, **changes))


# --- how many are enough ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "total", "least"),
    [
        (0.8, 10, 8), (0.8, 5, 4), (0.8, 4, 4), (0.8, 1, 1), (0.81, 10, 9), (0.5, 3, 2), (0.01, 10, 1),
        (1.0, 10, 10), (0.07, 100, 7), (0.29, 100, 29), (0.143, 1000, 143), (0.6667, 3, 3), (0.6666, 3, 2),
    ],
)  # fmt: skip
def test_so_many_are_needed(share: float, total: int, least: int) -> None:
    assert needed(share, total) == least


@given(st.integers(1, 1000), st.integers(1, 200))
def test_needed_is_the_smallest_number_that_is_such_a_share(tenths: int, total: int) -> None:
    least = needed(tenths / 1000, total)
    assert Fraction(least, total) >= Fraction(tenths, 1000) > Fraction(least - 1, total)


# --- what follows ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([HELD] * 8 + [BROKEN] * 2, HELD),
        ([HELD] * 7 + [BROKEN] * 3, BROKEN),
        ([HELD] * 8 + [SILENT] * 2, HELD),  # they could not decide any more
        ([HELD] * 8 + [BROKEN, SILENT], HELD),
        ([HELD] * 7 + [BROKEN] * 2 + [SILENT], SILENT),  # it could
        ([HELD] * 6 + [BROKEN] * 2 + [Outcome.LATE, SILENT], Outcome.LATE),
        ([HELD] * 6 + [BROKEN] * 3 + [SILENT], BROKEN),  # nor here
        ([SILENT] * 10, SILENT),
        ([HELD] * 10, HELD),
    ],
)
def test_of_ten_criteria_eight_are_wanted(outcomes: list[Outcome], expected: Outcome) -> None:
    assert outcome(Criteria(answered(*outcomes), 0.8)) is expected


@given(SHARES, st.lists(st.sampled_from(list(Outcome)), min_size=1, max_size=7))
def test_the_outcome_is_what_no_answer_could_change(share: float, outcomes: list[Outcome]) -> None:
    """Every way in which the unanswered ones might have been answered is tried."""
    ways = set()
    for guesses in product((True, False), repeat=sum(o.missing for o in outcomes)):
        held = outcomes.count(HELD) + sum(guesses)
        ways.add(Fraction(held, len(outcomes)) >= Fraction(str(share)))
    found = outcome(Criteria(answered(*outcomes), share))
    if ways == {True}:
        assert found is HELD
    elif ways == {False}:
        assert found is BROKEN
    else:
        assert found.missing


@given(SHARES, st.lists(st.sampled_from(list(Outcome)), min_size=1, max_size=7), st.data())
def test_a_missing_answer_is_never_better_than_a_pass(
    share: float, outcomes: list[Outcome], data: st.DataObject
) -> None:
    rank = {Judged.NOT_SUPPORTED: 0, Judged.INCONCLUSIVE: 1, Judged.SUPPORTED: 2}
    index = data.draw(st.integers(0, len(outcomes) - 1))
    ways = [[*outcomes[:index], changed, *outcomes[index + 1 :]] for changed in (BROKEN, SILENT, HELD)]
    ranks = [rank[result(share, *way).hypothesis] for way in ways]
    assert ranks == sorted(ranks)


@given(st.lists(st.sampled_from(list(Outcome)), min_size=1, max_size=7))
def test_without_a_threshold_every_one_must_hold(outcomes: list[Outcome]) -> None:
    expected = Judged.SUPPORTED if set(outcomes) == {HELD} else Judged.INCONCLUSIVE
    assert result(1.0, *outcomes).hypothesis is (Judged.NOT_SUPPORTED if BROKEN in outcomes else expected)


# --- what is said ------------------------------------------------------------------------------


def test_the_verdict_says_how_many_held_and_which_did_not() -> None:
    found = result(0.8, *[HELD] * 8, BROKEN, SILENT)
    assert found.verdict is Verdict.SUPPORTED
    assert found.reason == (
        "8 of 10 criteria held, 1 without an answer (80% wanted); "
        "not held: p8: is broken; not held: p9: is no_data"
    )
    assert len(found.judgements) == 10
    assert result(0.8, *[HELD] * 10).reason == "10 of 10 criteria held (80% wanted)"


def test_too_few_name_the_first_that_broke() -> None:
    found = result(0.8, *[HELD] * 7, SILENT, BROKEN, BROKEN)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reason == "7 of 10 criteria held, 1 without an answer (80% wanted): p7: no_data: is no_data"
    found = result(0.8, *[HELD] * 7, BROKEN, BROKEN, BROKEN)
    assert found.verdict is Verdict.NOT_SUPPORTED
    assert found.reason == "7 of 10 criteria held (80% wanted): p7: is broken"


def test_where_all_are_wanted_nothing_is_counted() -> None:
    assert result(1.0, HELD, BROKEN).reason == "p1: is broken"
    assert result(1.0, HELD, SILENT).reason == "p1: no_data: is no_data"
    assert result(1.0, HELD, HELD).reason == "p0: is pass; p1: is pass"
    assert told(Criteria(answered(HELD))) == ""
    assert told(Criteria((), 0.5)) == ""


def test_only_those_are_named_that_decided() -> None:
    mixed = answered(HELD, BROKEN, SILENT)
    assert decisive(Criteria(mixed, 0.3)) == ()
    assert decisive(Criteria(mixed, 0.6)) == mixed[2:]
    assert decisive(Criteria(mixed, 0.9)) == mixed[1:2]
    assert missed(Criteria(mixed, 0.3)) == mixed[1:]


# --- what it does not touch --------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [BROKEN, SILENT])
def test_an_alert_is_no_criterion_that_may_be_missed(outcome: Outcome) -> None:
    spec = Hypothesis((SHOP, ERRORS), alert_fires=ALERT, success_threshold=0.5)
    asked: dict[Probe, Outcome] = {SHOP: HELD, ERRORS: BROKEN, ALERT: outcome}
    found = conclude(seen(plan(hypothesis=spec), asked))
    assert found.hypothesis is (Judged.NOT_SUPPORTED if outcome is BROKEN else Judged.INCONCLUSIVE)
    assert found.reason.startswith("alert Down: ")
    found = conclude(seen(plan(hypothesis=spec), {**asked, ALERT: HELD}))
    assert (
        found.reason == "1 of 2 criteria held (50% wanted); not held: errors: is broken; alert Down: is pass"
    )


def test_nor_is_a_recovery_in_time() -> None:
    spec = Hypothesis((SHOP, ERRORS), recovers_within=8.0, success_threshold=0.5)
    state = plan(steady=(SHOP,), hypothesis=spec)
    late = conclude(seen(state, {SHOP: HELD, ERRORS: HELD}, recovery=recovery(HELD, at=9.0)))
    assert late.verdict is Verdict.NOT_SUPPORTED
    assert late.reason.startswith("recovers_within: ")


def test_the_recovery_and_the_witness_count_as_ever() -> None:
    spec = plan(steady=(SHOP,), hypothesis=Hypothesis((SHOP, ERRORS), success_threshold=0.5))
    held: dict[Probe, Outcome] = {SHOP: HELD, ERRORS: BROKEN}
    assert conclude(seen(spec, held, recovery=recovery(BROKEN))).verdict is Verdict.NOT_SUPPORTED
    assert conclude(seen(spec, held, recovery=recovery(SILENT))).verdict is Verdict.INCONCLUSIVE
    assert conclude(seen(spec, held)).verdict is Verdict.INCONCLUSIVE
    unfelt = seen(spec, held, recovery=recovery(HELD), witness=Witness.NOT_FELT)
    assert conclude(unfelt).verdict is Verdict.NO_EFFECT


def test_an_aborted_run_stays_aborted() -> None:
    assert result(0.1, *[HELD] * 10, run=Ran.ABORTED, reason="by hand").verdict is Verdict.ABORTED


# --- what users write --------------------------------------------------------------------------

FILE = """
title: most of it works
scenario: crash
target: {{name: shop, state_file: /tmp/shop.json}}
hypothesis:
  success_threshold: {share}
  probes:
    - {{http: "http://shop/a"}}
    - {{http: "http://shop/b"}}
    - {{http: "http://shop/c"}}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "one.chaos.yml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "share"), [("60%", 0.6), ("0.6", 0.6), ("14.3 %", 0.143), ("100%", 1.0), ("1", 1.0)]
)
def test_a_share_may_be_written_so(tmp_path: Path, text: str, share: float) -> None:
    (found,) = load_experiment(written(tmp_path, FILE.format(share=text)), {}).experiments.values()
    assert found.hypothesis.success_threshold == share
    assert found.steady == ()


@pytest.mark.parametrize("text", ["0%", "0", "100.1%", "80", "-5%", "many", ".nan", "true", "[]", "'%'"])
def test_what_is_no_share_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_experiment(written(tmp_path, FILE.format(share=text)), {})
    (problem,) = refused.value.problems
    assert "one.chaos.yml:6: hypothesis.success_threshold: " in problem
    assert "is no share; allowed: above 0% and up to 100%, such as 80%" in problem


def test_a_share_of_nothing_is_refused(tmp_path: Path) -> None:
    text = "title: t\nscenario: crash\nhypothesis: {recovers_within: 5s, success_threshold: 80%}\n"
    with pytest.raises(ConfigError, match="hypothesis: success_threshold is a share of its probes"):
        load_experiment(written(tmp_path, text), {})


def test_without_the_word_every_probe_must_hold() -> None:
    document = HypothesisDocument.model_validate({"probes": [{"http": "http://shop/a"}]})
    assert document.success_threshold is None
    assert Hypothesis().success_threshold == 1.0


@pytest.mark.parametrize(
    ("share", "warned"),
    [("60%", ""), ("70%", "70% is all 3 criteria"), ("100%", ""), ("66.7%", "66.7% is all 3")],
)
def test_a_share_that_lets_none_be_missed_is_warned_of(tmp_path: Path, share: str, warned: str) -> None:
    found = load_experiment(written(tmp_path, FILE.format(share=share)), {}).warnings
    assert any("success_threshold" in text for text in found) is bool(warned)
    assert warned in " ".join(found)


def test_a_share_of_one_criterion_is_warned_of(tmp_path: Path) -> None:
    lines = FILE.format(share="20%").splitlines()[:-2]
    found = load_experiment(written(tmp_path, "\n".join(lines)), {}).warnings
    assert found == ("crash: success_threshold: 20% is the only criterion: none may be missed",)


def test_chaos_yml_knows_it_too_and_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "chaos.yml"
    probes = "probes: [{http: 'http://shop/a'}, {http: 'http://shop/b'}]"
    file.write_text(f"hypothesis: {{success_threshold: 50%, {probes}}}\n")
    shares = {e.hypothesis.success_threshold for e in load_settings(file, {}).experiments.values()}
    assert shares == {0.5}
    changed = load_settings(file, {"CHAOS_HYPOTHESIS__SUCCESS_THRESHOLD": "90%"})
    assert {e.hypothesis.success_threshold for e in changed.experiments.values()} == {0.9}
    assert sum("90% is all 2 criteria" in text for text in changed.warnings) == 3  # one a scenario


def test_a_share_is_shown_as_it_was_written() -> None:
    assert [show(share) for share in (0.8, 0.07, 0.143, 1.0)] == ["80%", "7%", "14.3%", "100%"]
