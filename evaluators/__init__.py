"""Pure judges, and the questions they ask.

`plan(question, now)` says what to ask the sources; the plan's `judge` turns their answers into a judgement.
Nothing in here reads a clock or touches the world. A new kind of probe is one more file with a `plan`, and
one more line below; where it needs a new kind of ask, `plans.Ask` and `chaos_engine.evaluation` learn it.
"""

from __future__ import annotations

from chaos_engine.model import (
    AlertFires,
    CloudWatchProbe,
    HttpProbe,
    OriginalProbe,
    PrometheusProbe,
    Question,
    QuietAlerts,
)
from evaluators import alarms, alerts, cloudwatch, http, original, prometheus, quiet
from evaluators.plans import Plan


def plan(question: Question, now: float) -> Plan:
    """What to ask for the question at this wall time. ValueError: it cannot be judged, and why."""
    probe = question.probe
    if isinstance(probe, HttpProbe):
        return http.plan(question, probe)
    if isinstance(probe, AlertFires | QuietAlerts):
        return _of_alerts(question, probe, now)
    if isinstance(probe, PrometheusProbe):
        return prometheus.plan(question, probe)
    if isinstance(probe, CloudWatchProbe):
        return cloudwatch.plan(question, probe, now)
    if isinstance(probe, OriginalProbe):
        return original.plan(question, probe, now)
    return alarms.plan(question, probe, now)


def _of_alerts(question: Question, probe: AlertFires | QuietAlerts, now: float) -> Plan:
    """One that must fire, or those that must not."""
    if isinstance(probe, QuietAlerts):
        return quiet.plan(question, probe, now)
    return alerts.plan(question, probe, now)
