"""Whether an alert fires: what the server does not know is not quiet."""

from __future__ import annotations

from typing import Any

import pytest

import evaluators
from chaos_engine.model import Outcome, Purpose, Question, QuietAlerts, Window
from chaos_engine.ports import AlertRule, PrometheusAnswer, Series, SourceFailure
from evaluators.plans import Rules

DOWN, SLOW = AlertRule("Down", 5.0), AlertRule("Slow", 5.0)


def firing(*names: str) -> PrometheusAnswer:
    labels = (f'ALERTS{{alertname="{name}",alertstate="firing",job="shop"}}' for name in names)
    return PrometheusAnswer(tuple(Series(each, ((9.0, 1.0),)) for each in labels))


def judged(alerts: tuple[str, ...], series: Any, rules: Any) -> tuple[Outcome, str]:
    question = Question(QuietAlerts(alerts, "http://p"), Purpose.ABORT, Window(9.0, 9.0))
    plan = evaluators.plan(question, 9.0)
    assert [type(ask).__name__ for ask in plan.asks] == ["PrometheusQuery", "RulesQuery"]
    found = plan.judge((series, rules))
    return found.outcome, found.reason


@pytest.mark.parametrize(
    ("alerts", "series", "rules", "outcome", "words"),
    [
        (("any",), firing(), (DOWN, SLOW), Outcome.PASS, "none of 2 rules"),
        (("Down",), firing("Slow"), (DOWN, SLOW), Outcome.PASS, ""),
        (("any",), firing("Slow"), (DOWN, SLOW), Outcome.BROKEN, "Slow fires"),
        (("Down",), firing("Down", "Slow"), (DOWN, SLOW), Outcome.BROKEN, "Down fires"),
        (("Dwn",), firing(), (DOWN,), Outcome.NO_DATA, "no rule of the name Dwn"),
        (("any",), firing(), (), Outcome.NO_DATA, "no alerting rules"),
        (("any",), firing("Gone"), (), Outcome.BROKEN, "Gone fires"),  # its rule was just removed
        (("any",), firing(), (AlertRule("Down", 5.0, "bad query"),), Outcome.NO_DATA, "bad query"),
        (("Down",), firing(), (AlertRule("Down", 0.0),), Outcome.NO_DATA, "was not evaluated yet"),
        (("any",), PrometheusAnswer((), ("partial",)), (DOWN,), Outcome.ERROR, "partial"),
    ],
)
def test_only_a_known_rule_that_was_evaluated_can_be_quiet(
    alerts: tuple[str, ...], series: Any, rules: Any, outcome: Outcome, words: str
) -> None:
    found, reason = judged(alerts, series, Rules(rules))
    assert found is outcome
    assert words in reason


@pytest.mark.parametrize("kind", ["unreachable", "late", "error"])
def test_a_source_that_fails_is_not_quiet(kind: str) -> None:
    assert judged(("any",), SourceFailure(kind, "gone"), Rules((DOWN,)))[0].missing
    assert judged(("any",), firing(), SourceFailure(kind, "gone"))[0].missing


def test_a_name_with_quotes_and_commas_is_read_whole() -> None:
    name = r"a \"b\", {c}"
    assert judged(("any",), firing(name), Rules((DOWN,))) == (Outcome.BROKEN, 'a "b", {c} fires')
