"""What a report recommends and what it draws from each experiment: each rule, at its bound and beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chaos_engine.report.advice import RULES, Advice, Matter, advice
from chaos_engine.report.lessons import lessons
from chaos_engine.report.trials import Trial
from tests.unit.report_story import span, trial, with_spans

UTC = ZoneInfo("UTC")


def found(
    trials: Sequence[Trial], before: Sequence[Trial] = (), weights: dict[str, float] | None = None
) -> dict[str, Advice]:
    return {one.rule: one for one in advice(Matter(trials, before, weights or {}, UTC))}


def many(good: int, bad: int, verdict: str = "not_supported", **changes: object) -> list[Trial]:
    return [trial(n, "supported" if n < good else verdict, **changes) for n in range(good + bad)]


def test_nothing_to_say_of_what_went_well() -> None:
    assert found([trial(n) for n in range(60)]) == {}


def test_of_nothing_only_that_it_is_too_few() -> None:
    assert list(found([])) == ["too_few"]
    assert found(many(4, 0))["too_few"].because == "4 were judged, 5 are needed for a score"


@pytest.mark.parametrize(
    ("rule", "trials", "beside"),
    [
        ("left_in", [*many(5, 0)[:-1], trial(9, cleanup="left")], many(5, 0)),
        ("too_many_failed", many(8, 1, "failed"), many(9, 1, "failed")),
        ("too_many_unsupported", many(7, 2), many(8, 2)),
        ("no_alert_asked", many(40, 5), many(40, 4)),
        ("often_refused", many(7, 2, "steady_state_not_met"), many(8, 2, "steady_state_not_met")),
        ("often_missing", many(7, 2, "no_effect"), many(8, 2, "inconclusive")),
        ("unwitnessed", many(6, 0, witness="unwitnessed"), many(4, 0, witness="unwitnessed") + many(4, 0)),
    ],
)
def test_a_rule_at_its_bound_and_beside_it(rule: str, trials: list[Trial], beside: list[Trial]) -> None:
    one = found(trials)[rule]
    assert one.text
    assert any(letter.isdigit() for letter in one.because)  # the data behind it
    assert rule not in found(beside)


def test_the_share_names_its_count_and_its_experiments() -> None:
    one = found(many(2, 6))["too_many_unsupported"]
    assert (one.text, one.because) == (
        "Make shop stand crash",
        "6 of 8 (75%) judged did not hold; at most 20% should",
    )
    assert one.experiments == ("e3", "e4", "e5", "e6", "e7")


def test_where_it_is_slower_than_before() -> None:
    now, before = many(5, 0, time_to_recover=5.0), many(6, 0, time_to_recover=4.0)
    assert found(now, before)["slower"].because == (
        "the median of 5 recoveries is 5.0 s, of 6 before it was 4.0 s"
    )
    assert "slower" not in found(now, many(6, 0, time_to_recover=4.5))
    assert "slower" not in found(now, [trial(n, scenario="slow") for n in range(6)])


def test_an_alert_that_never_fired() -> None:
    silent = [with_spans(t, span("during", "alert Down", "broken", 0, 1)) for t in many(6, 0)]
    one = found(silent)["silent_alert"]
    assert (one.text, one.because) == (
        "Mend alert Down: it never fired", "it fired in 0 of 6 experiments that asked for it",
    )  # fmt: skip
    once = with_spans(trial(9), span("during", "alert Down", "pass", 0, 1))
    assert "silent_alert" not in found([*silent, once])
    unanswered = [with_spans(t, span("during", "alert Down", "no_data", 0, 1)) for t in many(6, 0)]
    assert "silent_alert" not in found(unanswered)


def test_a_scenario_and_an_hour_that_never_came() -> None:
    day = [trial(n) for n in range(48)]
    assert found(day, weights={"crash": 1.0, "kill": 1.0, "off": 0.0})["never_tried"].because == (
        "0 of 48 injections, asked for is 50%"
    )
    assert "never_at_this_hour" not in found(day)
    nights = [trial(n % 6 + (22 if n % 2 else 0)) for n in range(60)]
    assert found(nights)["never_at_this_hour"].text.endswith(": 05:00 to 23:00")
    assert found(nights)["never_at_this_hour"].because == "of 60 injections none began in 18 of the 24 hours"
    assert "never_at_this_hour" not in found(nights[:47])


def test_every_rule_is_told_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "report.md").read_text()
    names = ("left_in", "too_few", "too_many_failed", "too_many_unsupported", "slower", "silent_alert",
             "no_alert_asked", "never_tried", "never_at_this_hour", "often_refused", "often_missing",
             "unwitnessed")  # fmt: skip
    assert len(names) == len(RULES)
    assert [name for name in names if f"`{name}`" not in page] == []


# --- of one experiment ------------------------------------------------------------------------------


def test_what_one_experiment_showed() -> None:
    one = with_spans(
        trial(3, "not_supported"),
        span("before", "http a", "pass", 0, 1, success=1.0),
        span("during", "http a", "broken", 1, 2, success=0.4),
        span("during", "alert Down", "broken", 1, 2),
        span("after", "http a", "pass", 2, 3, success=1.0),
    )
    told = lessons(one, 4.0, [{"kind": "issue", "text": "no second instance", "who": "mo"}])
    assert told == {
        "observations": [
            "the fault was in for 30.0 s, ended by time",
            "http a: good requests before 100%, in the fault 40%, after it 100%",
            "recovered 4.0 s after the clearing",
        ],
        "issues": ["http a: http a broke", "alert Down: alert Down broke", "no second instance (mo)"],
        "improvements": [
            "let shop answer while crash is in: a retry, a second instance, a fallback",
            "mend the alert: its rule did not see crash on shop",
        ],
    }


@pytest.mark.parametrize(
    "verdict", ["failed", "aborted", "interrupted", "inconclusive", "no_effect", "steady_state_not_met"]
)
def test_what_went_wrong_is_an_issue(verdict: str) -> None:
    assert lessons(trial(1, verdict), None, ())["issues"][0].endswith(f": {verdict} at 1")


def test_a_slow_recovery_is_worth_a_look() -> None:
    def improvements(seconds: float) -> list[str]:
        return list(lessons(trial(1, time_to_recover=seconds), 4.0, ())["improvements"])

    assert improvements(8.0) == []
    assert improvements(8.1) == ["look at why it recovered in 8.1 s, where 4.0 s is usual"]


def test_slow_answers_ask_for_a_bound() -> None:
    one = with_spans(
        trial(1, "not_supported"), span("during", "http a", "broken", 1, 2, success=1.0, p95=9.0)
    )
    assert lessons(one, None, ())["improvements"] == [
        "bound how long callers of shop wait: a timeout, a cache or a circuit breaker"
    ]
