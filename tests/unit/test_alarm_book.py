"""Alarms as time goes on: creation, evaluation when due, SetAlarmState, composite alarms, history."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from chaos_engine.rehearsal.alarm_history import KEPT, Wanted
from chaos_engine.rehearsal.cloudwatch_alarms import (
    delete_alarms,
    describe_alarm_history,
    describe_alarms,
    put_metric_alarm,
)
from chaos_engine.rehearsal.cloudwatch_queries import ValidationError
from tests.unit.alarm_town import NOW, ORDINARY, Town, arn

BOTH = {"AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}


@pytest.fixture
def town() -> Town:
    return Town()


def test_an_alarm_begins_without_data_and_follows_its_metric(town: Town) -> None:
    town.put()
    assert town.state() == "INSUFFICIENT_DATA"
    assert town.book.alarms["hot"].state.reason == "Unchecked: Initial alarm creation"
    town.measure(1)
    town.wait(10)
    assert town.state() == "OK"
    town.measure(9)
    town.wait(10)
    assert town.state() == "ALARM"
    town.wait(20)  # the last point is the oldest one of the evaluation range
    assert town.state() == "ALARM"
    town.wait(10)
    assert town.state() == "INSUFFICIENT_DATA"
    assert town.changes() == ["INSUFFICIENT_DATA to OK", "OK to ALARM", "ALARM to INSUFFICIENT_DATA"]


def test_data_from_before_the_alarm_count_at_once(town: Town) -> None:
    town.measure(9)
    town.wait(12)
    town.put()
    town.wait(0)
    assert town.state() == "ALARM"


def test_it_is_evaluated_by_its_cadence_only(town: Town) -> None:
    town.put(Period=60)
    town.wait(0)
    town.measure(9)
    town.wait(59)
    assert town.state() == "INSUFFICIENT_DATA"
    town.wait(1)
    assert town.state() == "ALARM"


def test_a_longer_period_moves_on_by_the_minute(town: Town) -> None:
    town.put(Period=300)
    town.wait(0)
    town.measure(9)
    town.wait(60)  # the 5 minutes up to now
    assert town.state() == "ALARM"


def test_a_state_that_is_set_holds_until_the_next_evaluation(town: Town) -> None:
    town.put()
    town.measure(1)
    town.wait(10)
    town.measure(1)
    town.book.set_state("hot", "ALARM", "by hand", "", town.now)
    town.wait(9)
    assert (town.state(), town.book.alarms["hot"].state.reason) == ("ALARM", "by hand")
    town.wait(1)
    assert town.state() == "OK"
    assert town.changes()[-2:] == ["OK to ALARM", "ALARM to OK"]


def test_the_same_state_set_again_is_no_transition(town: Town) -> None:
    town.put()
    town.wait(0)
    town.now += 5
    town.book.set_state("hot", "INSUFFICIENT_DATA", "by hand", "", town.now)
    state = town.book.alarms["hot"].state
    assert (state.updated, state.transitioned) == (NOW + 5, NOW)
    assert town.changes() == []


def test_another_configuration_keeps_the_state(town: Town) -> None:
    town.put()
    town.measure(9)
    town.wait(10)
    town.put(Threshold=100.0)
    assert town.state() == "ALARM"
    town.wait(0)
    assert town.state() == "OK"
    items, _ = town.book.history.page(Wanted(type="ConfigurationUpdate"), 9, None, newest_first=False)
    assert [(item.summary, json.loads(item.data)["type"]) for item in items] == [
        ('Alarm "hot" created', "Create"),
        ('Alarm "hot" updated', "Update"),
    ]


@pytest.mark.parametrize(
    ("missing", "state"),
    [("missing", "INSUFFICIENT_DATA"), ("ignore", "ALARM"), ("breaching", "ALARM"), ("notBreaching", "OK"),
     (None, "INSUFFICIENT_DATA")],
)  # fmt: skip
def test_a_metric_that_stops(town: Town, missing: str | None, state: str) -> None:
    town.put(TreatMissingData=missing)
    town.measure(9)
    town.wait(10)
    assert town.state() == "ALARM"
    town.wait(60)
    assert town.state() == state


def test_two_of_three(town: Town) -> None:
    town.put(EvaluationPeriods=3, DatapointsToAlarm=2)
    states = []
    for value in (1, 1, 1, 9, 1, 9, 1, 1):
        town.measure(value)
        town.wait(10)
        states.append(town.state())
    assert states[2:] == ["OK", "OK", "OK", "ALARM", "OK", "OK"]


def test_an_expression(town: Town) -> None:
    given = {
        name: value
        for name, value in ORDINARY.items()
        if name in ("AlarmName", "EvaluationPeriods", "Threshold", "ComparisonOperator")
    }
    stat = {"Metric": {"Namespace": "Shop", "MetricName": "Errors"}, "Period": 10, "Stat": "p90"}
    metrics = [
        {"Id": "m1", "MetricStat": stat, "ReturnData": False},
        {"Id": "e1", "Expression": "FILL(m1, 0) * 10"},
    ]
    put_metric_alarm(town.book, {**given, "Metrics": metrics}, arn, town.now)
    town.wait(0)
    assert town.state() == "OK"
    town.measure(0.6)
    town.wait(10)
    assert town.state() == "ALARM"
    told = json.loads(town.book.alarms["hot"].state.data)
    assert told["recentDatapoints"] == [6.0]
    assert "statistic" not in told


def test_few_samples_change_nothing_if_so_asked(town: Town) -> None:
    town.put(Statistic=None, ExtendedStatistic="p90", EvaluateLowSampleCountPercentile="ignore")
    town.measure(9, Values=[9.0], Counts=[99])
    town.wait(10)
    assert town.state() == "INSUFFICIENT_DATA"
    town.measure(9, Values=[9.0], Counts=[100])
    town.wait(10)
    assert town.state() == "ALARM"


def test_a_composite_alarm_follows_its_children(town: Town) -> None:
    town.put()
    town.put(AlarmName="other")
    town.compose("both", "ALARM(hot) AND NOT OK(other)")
    town.compose("above", f'ALARM("{arn("both")}")')
    assert town.state("both") == "INSUFFICIENT_DATA"
    town.wait(0)
    assert (town.state("both"), town.state("above")) == ("OK", "OK")
    assert (
        town.book.alarms["both"].state.reason
        == f"{arn('both')} was created and its alarm rule evaluates to OK"
    )
    town.measure(9)
    town.wait(10)
    assert (town.state("both"), town.state("above")) == ("ALARM", "ALARM")
    state = town.book.alarms["above"].state
    assert state.reason == f"{arn('both')} transitioned to ALARM at Tuesday 14 November, 2023 22:14:10 UTC"
    assert json.loads(state.data)["triggeringAlarms"] == [
        {"arn": arn("both"), "state": {"value": "ALARM", "timestamp": "2023-11-14T22:14:10.000+0000"}}
    ]


def test_a_composite_alarm_that_is_set_stays_until_a_child_changes(town: Town) -> None:
    town.put()
    town.compose("both", "ALARM(hot)")
    town.measure(1)
    town.wait(10)
    assert (town.state(), town.state("both")) == ("OK", "OK")
    town.book.set_state("both", "ALARM", "by hand", "", town.now)
    town.wait(10)
    assert (town.state(), town.state("both")) == ("OK", "ALARM")
    town.wait(60)
    assert (town.state(), town.state("both")) == ("INSUFFICIENT_DATA", "OK")


def test_alarms_in_a_circle_are_not_evaluated(town: Town) -> None:
    town.put()
    town.compose("a", "NOT ALARM(hot)")
    town.compose("b", "NOT ALARM(a)")
    town.compose("above", "ALARM(a)")
    town.wait(0)
    assert [town.state(name) for name in ("a", "b", "above")] == ["ALARM", "OK", "ALARM"]
    town.compose("a", "ALARM(b)")
    for value in (9, 1, 9):
        town.measure(value)
        town.wait(10)
    assert [town.changes(name) for name in ("a", "b")] == [
        ["INSUFFICIENT_DATA to ALARM"],
        ["INSUFFICIENT_DATA to OK"],
    ]
    town.compose("a", "FALSE")  # breaks the circle
    town.wait(0)
    assert [town.state(name) for name in ("a", "b", "above")] == ["OK", "ALARM", "OK"]


def test_deleting(town: Town) -> None:
    town.put()
    town.compose("both", "ALARM(hot)")
    with pytest.raises(ValidationError, match="Cannot delete hot"):
        delete_alarms(town.book, {"AlarmNames": ["hot"]}, town.now)
    delete_alarms(town.book, {"AlarmNames": ["hot", "both", "nowhere"]}, town.now)
    assert town.book.alarms == {}
    items = describe_alarm_history(town.book, BOTH)["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in items[:2]] == ['Alarm "both" deleted', 'Alarm "hot" deleted']


def test_pages_of_alarms(town: Town) -> None:
    for name in "dacb":
        town.put(AlarmName=name)
    town.compose("bb", "ALARM(a)")
    names: list[str] = []
    request: dict[str, Any] = {**BOTH, "MaxRecords": 2}
    while True:
        page = describe_alarms(town.book, request)
        names += [each["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for each in page[kind]]
        if "NextToken" not in page:
            break
        request["NextToken"] = page["NextToken"]
    assert sorted(names) == ["a", "b", "bb", "c", "d"]
    assert len(names) == 5


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        ({}, ["cold", "hot"]),
        (BOTH, ["cold", "hot", "rule"]),
        ({"AlarmTypes": ["CompositeAlarm"]}, ["rule"]),
        ({"AlarmNames": ["hot", "nowhere"]}, ["hot"]),
        ({"AlarmNamePrefix": "co"}, ["cold"]),
        ({"StateValue": "ALARM"}, ["hot"]),
        ({"ActionPrefix": "arn:aws:sns"}, ["cold"]),
        ({"StateValue": "OK", **BOTH}, []),
    ],
)
def test_which_alarms(town: Town, request_: Mapping[str, Any], names: list[str]) -> None:
    town.put()
    town.put(AlarmName="cold", OKActions=["arn:aws:sns:us-east-1:123456789012:topic"])
    town.compose("rule", "TRUE")
    town.book.set_state("hot", "ALARM", "by hand", "", town.now)
    page = describe_alarms(town.book, request_)
    assert [each["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for each in page[kind]] == names


def test_pages_of_history(town: Town) -> None:
    town.put()
    for value in ("OK", "ALARM", "OK"):
        town.now += 60
        town.book.set_state("hot", value, "by hand", "", town.now)
    newest = describe_alarm_history(town.book, {"MaxRecords": 3})
    rest = describe_alarm_history(town.book, {"MaxRecords": 3, "NextToken": newest["NextToken"]})
    summaries = [item["HistorySummary"] for page in (newest, rest) for item in page["AlarmHistoryItems"]]
    assert summaries == [
        "Alarm updated from ALARM to OK",
        "Alarm updated from OK to ALARM",
        "Alarm updated from INSUFFICIENT_DATA to OK",
        'Alarm "hot" created',
    ]
    assert "NextToken" not in rest
    oldest = describe_alarm_history(town.book, {"ScanBy": "TimestampAscending"})["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in oldest] == summaries[::-1]


def test_history_is_kept_for_two_weeks(town: Town) -> None:
    town.put()
    town.now += KEPT + 60
    town.put()
    assert [item.summary for item in town.book.history.items] == ['Alarm "hot" updated']
