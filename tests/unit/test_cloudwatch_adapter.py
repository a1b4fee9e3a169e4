"""CloudWatch's answers, put together from their pages; and what becomes of a failure."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from chaos_engine.adapters.cloudwatch import CloudWatchApi
from chaos_engine.cloud import Alarms, AlarmsQuery, CloudError, MetricData, MetricDataQuery
from chaos_engine.model import AwsAccess, Window
from chaos_engine.ports import SourceFailure
from tests.unit.cloudwatch_twin import T, stat

ACCESS = AwsAccess("eu-west-1")
Page = Mapping[str, Any]


@dataclass
class Pages:
    """Answers each operation with these pages; keeps what it was asked."""

    answers: Mapping[str, Sequence[Page]] = field(default_factory=dict)
    pause: float = 0.0
    error: Exception | None = None
    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def call(self, access: AwsAccess, service: str, operation: str, **parameters: Any) -> Page:
        raise AssertionError

    def region(self, access: AwsAccess) -> str:
        return access.region

    def pages(self, access: AwsAccess, service: str, operation: str, **parameters: Any) -> Iterator[Page]:
        assert (access, service) == (ACCESS, "cloudwatch")
        self.asked.append((operation, parameters))
        if self.error:
            raise self.error
        for page in self.answers.get(operation, ()):
            time.sleep(self.pause)
            yield page


def at(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


def result(id_: str, points: Mapping[float, float], status: str = "Complete", label: str = "x") -> Page:
    return {
        "Id": id_, "Label": label, "StatusCode": status, "Timestamps": [at(t) for t in points],
        "Values": list(points.values()),
    }  # fmt: skip


def metrics(
    cloud: Pages, queries: Sequence[Page] = (stat("m1"),), budget: float = 5.0
) -> MetricData | SourceFailure:
    query = MetricDataQuery(ACCESS, json.dumps(list(queries)), T, T + 300)
    return CloudWatchApi(cloud).metric_data(query, budget)


def alarms(cloud: Pages, *names: str, window: Window | None = None) -> Alarms:
    found = CloudWatchApi(cloud).alarms(AlarmsQuery(ACCESS, names or ("A",), window), 5.0)
    assert isinstance(found, Alarms), found
    return found


# --- metrics --------------------------------------------------------------------------------


def test_all_pages_of_one_id_are_one_series() -> None:
    pages: list[Page] = [
        {"MetricDataResults": [result("m1", {T: 1.0, T + 60: 2.0}, "PartialData"), result("m2", {T: 9.0})]},
        {"MetricDataResults": [result("m1", {T + 120: 3.0})]},
    ]
    data = metrics(Pages({"get_metric_data": pages}))
    assert isinstance(data, MetricData)
    assert {one.id: (one.points, one.status) for one in data.results} == {
        "m1": (((T, 1.0), (T + 60, 2.0), (T + 120, 3.0)), "Complete"),
        "m2": (((T, 9.0),), "Complete"),
    }


def test_what_stays_partial_is_told_so() -> None:
    pages: list[Page] = [
        {"MetricDataResults": [result("m1", {T: 1.0}, "PartialData")]},
        {"MetricDataResults": []},
    ]
    data = metrics(Pages({"get_metric_data": pages}))
    assert isinstance(data, MetricData)
    assert [one.status for one in data.results] == ["PartialData"]


def test_messages_of_any_page_are_kept() -> None:
    note = {"Code": "MaxMetricsExceeded", "Value": "too many"}
    pages: list[Page] = [
        {"Messages": [note]},
        {"MetricDataResults": [{**result("m1", {T: 1.0}), "Messages": [note]}]},
    ]
    data = metrics(Pages({"get_metric_data": pages}))
    assert isinstance(data, MetricData)
    assert data.messages == data.results[0].messages == ("MaxMetricsExceeded: too many",)


def test_series_of_one_expression_are_told_apart_by_their_labels() -> None:
    found = [result("e1", {T: 1.0}, label="a"), result("e1", {T: 2.0}, label="b")]
    data = metrics(Pages({"get_metric_data": [{"MetricDataResults": found}]}))
    assert isinstance(data, MetricData)
    assert [(one.id, one.label, one.points) for one in data.results] == [
        ("e1", "a", ((T, 1.0),)), ("e1", "b", ((T, 2.0),))
    ]  # fmt: skip


def test_queries_are_passed_through_and_datapoints_come_oldest_first() -> None:
    cloud = Pages({"get_metric_data": [{"MetricDataResults": [result("m1", {T + 60: 2.0, T: 1.0})]}]})
    data = metrics(cloud)
    assert isinstance(data, MetricData)
    assert data.results[0].points == ((T, 1.0), (T + 60, 2.0))
    ((_, parameters),) = cloud.asked
    assert parameters["MetricDataQueries"] == [stat("m1")]
    assert (parameters["StartTime"], parameters["EndTime"]) == (at(T), at(T + 300))


def test_more_than_500_queries_are_split_and_put_together() -> None:
    cloud = Pages({"get_metric_data": [{"MetricDataResults": [result("m1", {T: 1.0})]}]})
    metrics(cloud, [stat(f"m{n}") for n in range(1001)])
    assert [len(parameters["MetricDataQueries"]) for _, parameters in cloud.asked] == [500, 500, 1]


def test_what_no_call_can_take_is_an_error() -> None:
    many: list[Page] = [*(stat(f"m{n}") for n in range(500)), {"Id": "e1", "Expression": "SUM(METRICS())"}]
    failure = metrics(Pages(), many)
    assert isinstance(failure, SourceFailure)
    assert failure.kind == "error"
    assert "501 queries refer to each other" in failure.message


# --- alarms ---------------------------------------------------------------------------------


def alarm(name: str = "A", since: float = T - 99, **more: Any) -> Page:
    found = {"AlarmName": name, "StateValue": "OK", "StateUpdatedTimestamp": at(since), "StateReason": "fine"}
    return {**found, "Period": 60, "EvaluationPeriods": 1, **more}


def item(moment: float, old: str, new: str, **more: Any) -> Page:
    data = {"oldState": {"stateValue": old}, "newState": {"stateValue": new, "stateReason": "crossed"}}
    return {"AlarmName": "A", "Timestamp": at(moment), "HistoryData": json.dumps(data), **more}


def test_metric_and_composite_alarms_of_all_pages() -> None:
    composite = {
        key: value for key, value in alarm("C").items() if key not in ("Period", "EvaluationPeriods")
    }
    cloud = Pages({"describe_alarms": [{"MetricAlarms": [alarm("A")]}, {"CompositeAlarms": [composite]}]})
    found = alarms(cloud, "A", "C")
    assert [(one.name, one.state, one.since) for one in found.states] == [
        ("A", "OK", T - 99),
        ("C", "OK", T - 99),
    ]
    ((_, parameters),) = cloud.asked
    assert parameters == {"AlarmNames": ["A", "C"], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}


def test_at_most_100_names_a_call() -> None:
    cloud = Pages()
    alarms(cloud, *(f"A{n}" for n in range(201)))
    assert [len(parameters["AlarmNames"]) for _, parameters in cloud.asked] == [100, 100, 1]


@pytest.mark.parametrize(
    ("more", "delay", "reach"),
    [
        ({}, 120.0, 60.0),
        ({"Period": 300, "EvaluationPeriods": 3}, 360.0, 900.0),
        ({"Period": 10}, 20.0, 10.0),
        ({"Period": None, "Metrics": [{"MetricStat": {"Period": 120}}, {"Expression": "m1"}]}, 180.0, 120.0),
        ({"Period": None, "Metrics": [{"Expression": "SELECT", "Period": 300}]}, 360.0, 300.0),
        ({"Period": None}, math.inf, 0.0),
        ({"EvaluationInterval": 300}, 360.0, 60.0),
    ],
)
def test_how_late_an_alarm_may_be(more: Page, delay: float, reach: float) -> None:
    (found,) = alarms(Pages({"describe_alarms": [{"MetricAlarms": [alarm(**more)]}]})).states
    assert (found.delay, found.reach) == (delay, reach)


def test_nobody_knows_how_late_a_composite_alarm_may_be() -> None:
    (found,) = alarms(Pages({"describe_alarms": [{"CompositeAlarms": [alarm()]}]})).states
    assert found.delay == math.inf


def test_since_its_state_changed_not_since_it_was_looked_at() -> None:
    one = alarm(since=T + 50, StateTransitionedTimestamp=at(T - 400), EvaluationState="PARTIAL_DATA")
    (found,) = alarms(Pages({"describe_alarms": [{"MetricAlarms": [one]}]})).states
    assert (found.since, found.flaw) == (T - 400, "PARTIAL_DATA")


def test_the_history_of_those_that_have_changed_since() -> None:
    pages = {
        "describe_alarms": [{"MetricAlarms": [alarm("A", T + 50), alarm("B", T - 50)]}],
        "describe_alarm_history": [
            {"AlarmHistoryItems": [item(T + 90, "ALARM", "OK")]},
            {"AlarmHistoryItems": [item(T + 50, "OK", "ALARM")]},
        ],
    }
    cloud = Pages(pages)
    found = alarms(cloud, "A", "B", window=Window(T, T + 300))
    assert [(c.name, c.at, c.old, c.new, c.reason) for c in found.changes] == [
        ("A", T + 50, "OK", "ALARM", "crossed"), ("A", T + 90, "ALARM", "OK", "crossed")
    ]  # fmt: skip
    asked = [parameters for operation, parameters in cloud.asked if operation == "describe_alarm_history"]
    assert [(one["AlarmName"], one["HistoryItemType"], one["StartDate"]) for one in asked] == [
        ("A", "StateUpdate", at(T))
    ]
    assert asked[0]["AlarmTypes"] == ["MetricAlarm", "CompositeAlarm"]


@pytest.mark.parametrize("data", ["", "{}", "not json", "[]", '{"oldState": {"stateValue": "OK"}}'])
def test_a_history_in_another_form_is_read_from_its_summary_or_is_an_error(data: str) -> None:
    one = {**item(T + 9, "OK", "ALARM"), "HistoryData": data}
    pages = {"describe_alarms": [{"MetricAlarms": [alarm(since=T + 9)]}]}
    told = {**one, "HistorySummary": "Alarm updated from INSUFFICIENT_DATA to ALARM"}
    cloud = Pages({**pages, "describe_alarm_history": [{"AlarmHistoryItems": [told]}]})
    (change,) = alarms(cloud, window=Window(T, T + 60)).changes
    assert (change.old, change.new) == ("INSUFFICIENT_DATA", "ALARM")
    cloud = Pages({**pages, "describe_alarm_history": [{"AlarmHistoryItems": [one]}]})
    failure = CloudWatchApi(cloud).alarms(AlarmsQuery(ACCESS, ("A",), Window(T, T + 60)), 5.0)
    assert isinstance(failure, SourceFailure)
    assert "history of A" in failure.message


# --- failures -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("EndpointConnectionError", "unreachable"),
        ("ConnectTimeoutError", "unreachable"),
        ("ReadTimeoutError", "late"),
        ("AccessDenied", "error"),
        ("Throttling", "error"),
        ("NoCredentialsError", "error"),
    ],
)
def test_what_aws_says_is_told(code: str, kind: str) -> None:
    cloud = Pages(error=CloudError(code, "its own words"))
    expected = SourceFailure(kind, f"CloudWatch: {code}: its own words")
    assert metrics(cloud) == expected
    assert CloudWatchApi(cloud).alarms(AlarmsQuery(ACCESS, ("A",)), 5.0) == expected


@pytest.mark.parametrize(
    "page",
    [
        {"MetricDataResults": [{"Label": "no id"}]},
        {"MetricDataResults": [{"Id": "m1", "Timestamps": [at(T)], "Values": []}]},
        {"MetricDataResults": [{"Id": "m1", "Timestamps": ["noon"], "Values": [1.0]}]},
        {"MetricDataResults": None},
    ],
)
def test_an_answer_in_another_form_is_an_error(page: Page) -> None:
    failure = metrics(Pages({"get_metric_data": [page]}))
    assert isinstance(failure, SourceFailure)
    assert failure.kind == "error"


def test_pages_that_take_longer_than_the_budget_are_late() -> None:
    endless = [{"MetricDataResults": [result("m1", {T: 1.0})]}] * 1000
    began = time.monotonic()
    failure = metrics(Pages({"get_metric_data": endless}, pause=0.02), budget=0.1)
    assert isinstance(failure, SourceFailure)
    assert failure.kind == "late"
    assert time.monotonic() - began < 10  # of the 20 s that all of them take
