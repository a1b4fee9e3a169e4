"""CloudWatch's metrics and alarms: GetMetricData, DescribeAlarms, DescribeAlarmHistory.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html and its neighbours.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from chaos_engine import metric_queries
from chaos_engine.cloud import (
    AlarmChange,
    Alarms,
    AlarmsQuery,
    AlarmState,
    Cloud,
    CloudError,
    MetricData,
    MetricDataQuery,
    MetricResult,
)
from chaos_engine.model import AwsAccess, Window
from chaos_engine.ports import SourceFailure

NAMES_A_CALL = 100  # of DescribeAlarms
KINDS = ["MetricAlarm", "CompositeAlarm"]  # left out, AWS tells of metric alarms alone
MINUTE, SPLIT_MINUTE = 60.0, 10.0  # between evaluations of an alarm; of one with periods under a minute
_UNREACHABLE = {
    "EndpointConnectionError", "ConnectTimeoutError", "ConnectionClosedError", "ProxyConnectionError",
    "SSLError", "HTTPClientError",
}  # fmt: skip
_LATE = {"ReadTimeoutError"}
_SUMMARY = re.compile(r"from (\w+) to (\w+)")
_T = TypeVar("_T")


class _TooLate(Exception):  # noqa: N818 - carries an outcome
    """The time budget is used up."""


class CloudWatchApi:
    """Fulfils `ports.CloudWatch`. Threads may share it."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def metric_data(self, query: MetricDataQuery, budget: float) -> MetricData | SourceFailure:
        """All pages of as many calls as the queries need, within `budget` seconds. Never raises."""
        return _answered(lambda deadline: self._metric_data(query, deadline), budget)

    def alarms(self, query: AlarmsQuery, budget: float) -> Alarms | SourceFailure:
        """States, and the changes of those that have changed since the window began. Never raises."""
        return _answered(lambda deadline: self._alarms(query, deadline), budget)

    def _metric_data(self, query: MetricDataQuery, deadline: float) -> MetricData:
        found = _Merged()
        for call in metric_queries.calls(query.queries):
            times = {"StartTime": _date(query.start), "EndTime": _date(query.end)}
            more = {"MetricDataQueries": call, "ScanBy": "TimestampAscending", **times}
            for page in self._pages(query.access, deadline, "get_metric_data", more):
                found.take(page)
        return found.whole()

    def _alarms(self, query: AlarmsQuery, deadline: float) -> Alarms:
        states = tuple(self._states(query, deadline))
        window = query.window
        if window is None:
            return Alarms(states)
        # What has not changed since the window began has no history in it: one call less for each.
        changed = (state.name for state in states if state.since >= window.start)
        changes = (c for name in changed for c in self._history(query.access, name, window, deadline))
        return Alarms(states, tuple(sorted(changes, key=lambda change: change.at)))

    def _states(self, query: AlarmsQuery, deadline: float) -> Iterator[AlarmState]:
        for first in range(0, len(query.names), NAMES_A_CALL):
            names = list(query.names[first : first + NAMES_A_CALL])
            more = {"AlarmNames": names, "AlarmTypes": KINDS}
            for page in self._pages(query.access, deadline, "describe_alarms", more):
                yield from map(_metric_alarm, page.get("MetricAlarms", ()))
                yield from map(_composite_alarm, page.get("CompositeAlarms", ()))

    def _history(
        self, access: AwsAccess, name: str, window: Window, deadline: float
    ) -> Iterator[AlarmChange]:
        more = {
            "AlarmName": name,
            "AlarmTypes": KINDS,
            "HistoryItemType": "StateUpdate",
            "StartDate": _date(window.start),
            "ScanBy": "TimestampAscending",
        }
        for page in self._pages(access, deadline, "describe_alarm_history", more):
            yield from (_change(item) for item in page.get("AlarmHistoryItems", ()))

    def _pages(
        self, access: AwsAccess, deadline: float, operation: str, parameters: Mapping[str, Any]
    ) -> Iterator[Mapping[str, Any]]:
        pages = self._cloud.pages(access, "cloudwatch", operation, **parameters)
        while True:
            if time.monotonic() > deadline:
                raise _TooLate
            page = next(pages, None)
            if page is None:
                return
            yield page


def _answered(ask: Callable[[float], _T], budget: float) -> _T | SourceFailure:
    try:
        return ask(time.monotonic() + budget)
    except _TooLate:
        return SourceFailure("late", f"CloudWatch has not answered in full within {budget:.3g} s")
    except CloudError as error:
        kind = "unreachable" if error.code in _UNREACHABLE else "late" if error.code in _LATE else "error"
        return SourceFailure(kind, f"CloudWatch: {error.code}: {error}")
    except ValueError as error:
        return SourceFailure("error", f"CloudWatch: {error}")
    except (KeyError, TypeError, AttributeError) as error:
        return SourceFailure("error", f"CloudWatch answers in a form that nobody knows: {error!r}")


# --- metrics --------------------------------------------------------------------------------


@dataclass(slots=True)
class _Series:
    """One series, as the pages tell of it. Its last status counts: PartialData says that more will come."""

    points: dict[float, float] = field(default_factory=dict)
    status: str = ""
    messages: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Merged:
    """All pages of all calls. An expression may give several series, which their labels tell apart."""

    series: dict[tuple[str, str], _Series] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def take(self, page: Mapping[str, Any]) -> None:
        self.messages += _messages(page)
        for result in page.get("MetricDataResults", ()):
            one = self.series.setdefault((result["Id"], result.get("Label", "")), _Series())
            times = (moment.timestamp() for moment in result.get("Timestamps", ()))
            one.points.update(zip(times, map(float, result.get("Values", ())), strict=True))
            one.status = result.get("StatusCode", "Complete")
            one.messages += _messages(result)

    def whole(self) -> MetricData:
        results = (
            MetricResult(id_, label, tuple(sorted(one.points.items())), one.status, tuple(one.messages))
            for (id_, label), one in self.series.items()
        )
        return MetricData(tuple(results), tuple(self.messages))


def _messages(told: Mapping[str, Any]) -> list[str]:
    return [f"{message.get('Code', '')}: {message.get('Value', '')}" for message in told.get("Messages", ())]


# --- alarms ---------------------------------------------------------------------------------


def _metric_alarm(alarm: Mapping[str, Any]) -> AlarmState:
    """It evaluates a period every minute; of data under a minute, every ten seconds.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
    """
    period = max(_periods(alarm), default=math.inf)
    usual = MINUTE if period >= MINUTE else SPLIT_MINUTE
    interval = float(alarm.get("EvaluationInterval") or usual)
    reach = 0.0 if math.isinf(period) else period * int(alarm.get("EvaluationPeriods") or 1)
    return _state(alarm, period + interval, reach)


def _composite_alarm(alarm: Mapping[str, Any]) -> AlarmState:
    """It follows its children, whose delays it does not tell."""
    return _state(alarm, math.inf, 0.0)


def _state(alarm: Mapping[str, Any], delay: float, reach: float) -> AlarmState:
    since = alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"]
    return AlarmState(
        name=alarm["AlarmName"],
        state=alarm["StateValue"],
        since=since.timestamp(),
        reason=alarm.get("StateReason", ""),
        delay=delay,
        reach=reach,
        flaw=alarm.get("EvaluationState") or "",
    )


def _periods(alarm: Mapping[str, Any]) -> Iterable[float]:
    inner = alarm.get("Metrics") or ()
    stats = (metric.get("MetricStat") or {} for metric in inner)
    found = (alarm.get("Period"), *(m.get("Period") for m in inner), *(s.get("Period") for s in stats))
    return [float(period) for period in found if period]


def _change(item: Mapping[str, Any]) -> AlarmChange:
    """From its JSON; from its summary ("Alarm updated from OK to ALARM") where that has another form."""
    old, new = _told(item, "oldState"), _told(item, "newState")
    summary = _SUMMARY.search(item.get("HistorySummary", ""))
    states = (old.get("stateValue"), new.get("stateValue"))
    if not all(states):
        if summary is None:
            raise ValueError(f"the history of {item['AlarmName']} has an item in a form that nobody knows")
        states = (summary[1], summary[2])
    reason = str(new.get("stateReason", ""))
    return AlarmChange(
        item["AlarmName"], item["Timestamp"].timestamp(), str(states[0]), str(states[1]), reason
    )


def _told(item: Mapping[str, Any], which: str) -> Mapping[str, Any]:
    try:
        data = json.loads(item.get("HistoryData") or "{}")
    except ValueError:
        return {}
    found = data.get(which) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def _date(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
