"""An alert that must fire after an injection."""

from __future__ import annotations

from dataclasses import replace

import evaluators
from chaos_engine.model import AlertFires, Judgement, Outcome, Purpose, Question, Window
from chaos_engine.ports import AlertRule, PrometheusAnswer, PrometheusQuery, Series, SourceFailure
from evaluators.plans import Rules

T = 1_700_000_000.0
ALERT = AlertFires("HighErrors", 60.0, "http://prometheus:9090")
RULE = AlertRule("HighErrors", T + 55)


def _alert(
    points: tuple[float, ...],
    rules: tuple[AlertRule, ...] | SourceFailure = (RULE,),
    now: float = T + 61,
) -> Judgement:
    plan = evaluators.plan(Question(ALERT, Purpose.HYPOTHESIS, Window(T, T + 60)), now)
    series = (Series("ALERTS{}", tuple((t, 1.0) for t in points)),) if points else ()
    return plan.judge([PrometheusAnswer(series), rules if isinstance(rules, SourceFailure) else Rules(rules)])


def test_an_alert_that_fires_in_the_window() -> None:
    judged = _alert((T + 20, T + 21))
    assert judged.outcome is Outcome.PASS
    assert "20.0 s after" in judged.reason
    assert _alert((T + 20,), SourceFailure("error", "no rules API")).outcome is Outcome.PASS
    assert _alert((T + 20,), now=T + 25).outcome is Outcome.PASS


def test_an_alert_that_fired_before_shows_nothing() -> None:
    judged = _alert((T, T + 1))
    assert judged.outcome is Outcome.NO_DATA
    assert "before the injection" in judged.reason


def test_a_silent_alert_is_broken_only_where_its_rule_was_evaluated() -> None:
    assert _alert(()).outcome is Outcome.BROKEN
    assert _alert((), ()).outcome is Outcome.NO_DATA
    assert _alert((), (AlertRule("Other", T + 55),)).outcome is Outcome.NO_DATA
    assert _alert((), (AlertRule("HighErrors", T - 5),)).outcome is Outcome.NO_DATA
    assert _alert((), (AlertRule("HighErrors", T + 55, "bad query"),)).outcome is Outcome.ERROR
    assert _alert((), SourceFailure("late", "slow")).outcome is Outcome.LATE


def test_an_alert_is_asked_again_while_it_may_still_fire() -> None:
    judged = _alert((), now=T + 30)
    assert judged.outcome is Outcome.LATE
    assert "asked again at" in judged.reason


def test_the_alert_is_asked_for_up_to_now_and_quoted() -> None:
    odd = replace(ALERT, alert='a"b')
    plan = evaluators.plan(Question(odd, Purpose.HYPOTHESIS, Window(T, T + 60)), T + 30)
    query = plan.asks[0]
    assert isinstance(query, PrometheusQuery)
    assert query.expr == 'ALERTS{alertname="a\\"b",alertstate="firing"}'
    assert (query.start, query.end) == (T, T + 30)


def test_an_alert_is_no_gate() -> None:
    plan = evaluators.plan(Question(ALERT, Purpose.GATE, Window(T, T + 60)), T + 60)
    assert plan.judge([]).outcome is Outcome.ERROR
