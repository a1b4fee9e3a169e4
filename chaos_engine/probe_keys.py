"""The keys of probes: what each is, in one place for those who read them and for those who tell of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `default`: as it would be written; None: nothing, or something that the text says."""

    type: str
    documentation: str
    default: Any = None
    required: bool = False


Keys = Mapping[str, Key]
_BOUND = 'bound, such as "< 0.01"'
PERCENTILES = ("p50", "p90", "p95", "p99", "max")
LATENCIES = {"latency": "p95", **{f"latency_{p}": p for p in PERCENTILES}}
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_NAME = Key("text", "How it is called in logs and results.")

HTTP: Keys = {
    "http": Key("address", "The URL, asked in the background from the daemon's start.", required=True),
    "name": _NAME,
    "method": Key(" or ".join(sorted(METHODS)), "How it is asked.", "GET"),
    "headers": Key("mapping", "Sent with each request; their values are never told."),
    "every": Key("duration, 50ms to 1h", "How often it is asked.", "500ms"),
    "timeout": Key("duration, 50ms to 60s", "An answer that takes longer is a failure.", "5s"),
    "expect": Key("mapping", "What its answers must be; without it: each one good."),
}
HTTP_EXPECT: Keys = {
    "status": Key("whole number, or a list", "A good answer's status; without it: any 2xx or 3xx."),
    "body": Key("regular expression", "What a good answer's body must match."),
    "success": Key('bound, such as ">= 99%"', "The share of good answers; without it: every one."),
    **{
        name: Key('bound, such as "< 500ms"', f"The {percentile} of the answers' times.")
        for name, percentile in LATENCIES.items()
    },
}
PROMETHEUS: Keys = {
    "prometheus": Key("PromQL", "The query; every series of its result counts.", required=True),
    "expect": Key(_BOUND, "What each value must be.", required=True),
    "name": _NAME,
    "query": Key("range or instant", "Over the whole window, or once at its end.", "range"),
    "url": Key("address", "Another server than `prometheus_url`."),
}
CLOUDWATCH: Keys = {
    "cloudwatch": Key("mapping", "One metric, an expression over several, or raw queries.", required=True),
    "expect": Key(
        _BOUND, "What each value must be; raw queries may have none: then none may be other than 0."
    ),
    "name": _NAME,
    "wait": Key("duration, up to 1h", "How long after its period a datapoint may still change.", "60s"),
}
CLOUDWATCH_FORMS: Keys = {
    "expression": Key("metric math", "Over the metrics that `metrics` names, all of them used."),
    "metrics": Key("mapping", "Names, each with a metric as below; beside `expression`."),
    "queries": Key("list of mapping", "MetricDataQueries, as GetMetricData takes them."),
}
METRIC: Keys = {
    "metric": Key("NAMESPACE/NAME", "Such as AWS/ApplicationELB/TargetResponseTime."),
    "namespace": Key("text", "The namespace by itself, where `metric` is the name alone."),
    "dimensions": Key("mapping", "Names and values."),
    "stat": Key("statistic", "Such as Sum, Average or p99; needed beside `metric`."),
    "period": Key("seconds", "Of one datapoint: 1, 5, 10, 20, 30, or a multiple of 60.", 60),
    "missing": Key("number, REPEAT or LINEAR", "What a missing datapoint counts as; without it: no data."),
}
ALARM: Keys = {
    "alarm": Key("text", "The name of an alarm, metric or composite: it must be OK, and stay out of ALARM."),
    "alarms": Key("list of text", "Several of them; stands in the place of `alarm`."),
    "name": _NAME,
    "wait": Key("duration, up to 1h", "So much delay of its own is allowed for at most.", "3m"),
}
