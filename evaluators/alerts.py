"""An alert that must begin to fire within a time after the injection."""

from __future__ import annotations

from dataclasses import replace

from chaos_engine.model import AlertFires, Judgement, Outcome, Purpose, Question
from chaos_engine.ports import PrometheusAnswer, SourceFailure
from evaluators.grid import between
from evaluators.plans import Answers, Plan, Rules, RulesQuery, clock, conclude, missing, settled
from evaluators.selectors import quoted


def plan(question: Question, probe: AlertFires, now: float) -> Plan:
    """The alert's series over the window so far, and whether its rule is known at all."""
    if question.purpose is not Purpose.HYPOTHESIS:
        return settled(question, Outcome.ERROR, "an alert is asked for after an injection only")
    end = min(now, question.window.end)
    if end <= question.window.start:
        return settled(question, Outcome.LATE, f"the window begins at {clock(question.window.start)}")
    firing = f'ALERTS{{alertname={quoted(probe.alert)},alertstate="firing"}}'
    query = between(question.window.start, end).query(probe.url, firing)
    asks = (query, RulesQuery(probe.url))
    return Plan(asks, lambda answers: _judge(question, probe, query.start, now, answers))


def _judge(question: Question, probe: AlertFires, first: float, now: float, answers: Answers) -> Judgement:
    series, rules = answers
    if isinstance(series, SourceFailure):
        return missing(question, series)
    if not isinstance(series, PrometheusAnswer) or series.warnings:
        return conclude(question, Outcome.ERROR, "the answer may be partial")
    fired = min((moment for one in series.series for moment, _ in one.points), default=None)
    if fired is not None and fired <= first:
        return conclude(question, Outcome.NO_DATA, f"{probe.alert} was firing before the injection")
    if fired is not None:
        return _fired(question, fired, len(series.series))
    if now < question.window.end:
        reason = f"{probe.alert} does not fire yet; asked again at {clock(question.window.end)}"
        return conclude(question, Outcome.LATE, reason)
    return _silent(question, probe, rules)


def _fired(question: Question, fired: float, samples: int) -> Judgement:
    reason = f"firing {fired - question.window.start:.1f} s after the injection"
    judgement = conclude(question, Outcome.PASS, reason)
    return replace(judgement, evidence=replace(judgement.evidence, samples=samples))


def _silent(question: Question, probe: AlertFires, rules: object) -> Judgement:
    """It is broken only where the rule exists, and was evaluated in the window."""
    if isinstance(rules, SourceFailure):
        return missing(question, rules)
    known = [rule for rule in rules.alerts if rule.alert == probe.alert] if isinstance(rules, Rules) else []
    if not known:
        return conclude(question, Outcome.NO_DATA, f"no rule of the name {probe.alert}")
    failed = next((rule for rule in known if rule.error), None)
    if failed:
        return conclude(question, Outcome.ERROR, f"the rule fails: {failed.error}")
    if all(rule.evaluated_at <= question.window.start for rule in known):
        return conclude(question, Outcome.NO_DATA, f"the rule {probe.alert} was not evaluated in the window")
    return conclude(question, Outcome.BROKEN, f"did not fire within {probe.within:g} s")
