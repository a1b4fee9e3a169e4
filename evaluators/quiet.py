"""Whether alerts of a Prometheus server fire at this moment. What the server cannot tell is not quiet."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from chaos_engine.model import Judgement, Outcome, Question, QuietAlerts
from chaos_engine.ports import AlertRule, PrometheusAnswer, PrometheusQuery, Series
from evaluators.plans import Answers, Plan, Rules, RulesQuery, conclude, whole

FIRING = 'ALERTS{alertstate="firing"}'
_NAME = re.compile(r'[{,]alertname=("(?:[^"\\]|\\.)*")')


def plan(question: Question, probe: QuietAlerts, now: float) -> Plan:
    """The series of what fires, and which rules there are."""
    asks = (PrometheusQuery(probe.url, FIRING, now, now, 0.0), RulesQuery(probe.url))
    return whole(question, asks, lambda answers: _judge(question, probe, answers))


def _judge(question: Question, probe: QuietAlerts, answers: Answers) -> Judgement:
    series, rules = answers
    if not isinstance(series, PrometheusAnswer) or not isinstance(rules, Rules) or series.warnings:
        return conclude(question, Outcome.ERROR, "the answer may be partial")
    known = [rule for rule in rules.alerts if probe.any or rule.alert in probe.alerts]
    missing = [name for name in probe.alerts if name not in {rule.alert for rule in known}]
    firing = sorted({_alert(one) for one in series.series if probe.any or _alert(one) in probe.alerts})
    if firing:
        return conclude(question, Outcome.BROKEN, f"{', '.join(firing)} fires")
    unknown = _unknown([] if probe.any else missing, known)
    if unknown:
        return conclude(question, Outcome.NO_DATA, unknown)
    return conclude(question, Outcome.PASS, f"none of {len(known)} rules fires")


def _unknown(missing: Sequence[str], known: Sequence[AlertRule]) -> str:
    """Why silence means nothing; empty: it means that all is quiet."""
    if missing:
        return f"no rule of the name {', '.join(missing)}"
    if not known:
        return "the server has no alerting rules"
    for rule in known:
        if rule.error:
            return f"the rule {rule.alert} fails: {rule.error}"
        if not rule.evaluated_at:
            return f"the rule {rule.alert} was not evaluated yet"
    return ""


def _alert(one: Series) -> str:
    """The alert's name, out of the text of the series."""
    found = _NAME.search(one.labels)
    return str(json.loads(found[1])) if found else one.labels
