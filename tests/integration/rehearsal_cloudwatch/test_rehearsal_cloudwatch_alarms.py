"""Alarms over the real API: they follow their data while a thread ticks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.rehearsal_cloudwatch.cloudwatch_server import Clock

BOTH = ["MetricAlarm", "CompositeAlarm"]
ORDINARY = {
    "AlarmName": "hot", "Namespace": "Shop", "MetricName": "Errors", "Statistic": "Sum", "Period": 10,
    "EvaluationPeriods": 1, "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold",
}  # fmt: skip


def described(cloudwatch: Any, name: str) -> Any:
    found = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=BOTH)
    (alarm,) = found["MetricAlarms"] + found["CompositeAlarms"]
    return alarm


def becomes(look: Callable[[], Any], wanted: Any) -> None:
    """Looks until it is so, at most 15 s."""
    deadline = time.monotonic() + 15
    while (seen := look()) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert seen == wanted


def state_becomes(cloudwatch: Any, name: str, wanted: str) -> None:
    becomes(lambda: described(cloudwatch, name)["StateValue"], wanted)


def measure(cloudwatch: Any, clock: Clock, value: float) -> None:
    """One value now; afterwards its period is over."""
    datum = {"MetricName": "Errors", "Value": value, "StorageResolution": 1}
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=[datum])
    clock.skip(10)


def test_an_alarm_follows_its_metric(cloudwatch: Any, clock: Clock) -> None:
    cloudwatch.put_metric_alarm(**ORDINARY)
    alarm = described(cloudwatch, "hot")
    assert (alarm["StateValue"], alarm["TreatMissingData"]) == ("INSUFFICIENT_DATA", "missing")
    measure(cloudwatch, clock, 1)
    state_becomes(cloudwatch, "hot", "OK")
    measure(cloudwatch, clock, 9)
    state_becomes(cloudwatch, "hot", "ALARM")
    alarm = described(cloudwatch, "hot")
    assert alarm["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [9.0 (")
    assert json.loads(alarm["StateReasonData"])["recentDatapoints"] == [9.0]
    assert alarm["StateTransitionedTimestamp"] == alarm["StateUpdatedTimestamp"]
    clock.skip(60)
    state_becomes(cloudwatch, "hot", "INSUFFICIENT_DATA")
    changes = cloudwatch.describe_alarm_history(AlarmName="hot", HistoryItemType="StateUpdate")
    assert [item["HistorySummary"] for item in changes["AlarmHistoryItems"]] == [
        "Alarm updated from ALARM to INSUFFICIENT_DATA",
        "Alarm updated from OK to ALARM",
        "Alarm updated from INSUFFICIENT_DATA to OK",
    ]
    told = json.loads(changes["AlarmHistoryItems"][1]["HistoryData"])
    assert (told["oldState"]["stateValue"], told["newState"]["stateValue"]) == ("OK", "ALARM")
    assert told["newState"]["stateReasonData"]["threshold"] == 5


def test_a_metric_that_stops_may_be_an_alarm(cloudwatch: Any, clock: Clock) -> None:
    cloudwatch.put_metric_alarm(**ORDINARY, TreatMissingData="breaching")
    state_becomes(cloudwatch, "hot", "ALARM")
    assert "1 missing datapoint was treated as [Breaching]" in described(cloudwatch, "hot")["StateReason"]


def test_a_composite_alarm_of_a_metric_and_an_expression(cloudwatch: Any, clock: Clock) -> None:
    cloudwatch.put_metric_alarm(**ORDINARY)
    metric = {"Metric": {"Namespace": "Shop", "MetricName": "Errors"}, "Period": 10, "Stat": "p90"}
    cloudwatch.put_metric_alarm(
        AlarmName="rate", EvaluationPeriods=1, Threshold=5, ComparisonOperator="LessThanOrEqualToThreshold",
        Metrics=[{"Id": "m1", "MetricStat": metric, "ReturnData": False},
                 {"Id": "e1", "Expression": "FILL(m1, 0) * 2", "Label": "twice", "ReturnData": True}],
    )  # fmt: skip
    cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule='ALARM("hot") AND NOT ALARM(rate)')
    state_becomes(cloudwatch, "rate", "ALARM")
    state_becomes(cloudwatch, "both", "OK")
    measure(cloudwatch, clock, 9)
    state_becomes(cloudwatch, "both", "ALARM")
    assert described(cloudwatch, "both")["AlarmRule"] == 'ALARM("hot") AND NOT ALARM(rate)'
    assert described(cloudwatch, "rate")["Metrics"][1]["Expression"] == "FILL(m1, 0) * 2"
    names = [each["AlarmName"] for each in cloudwatch.describe_alarms()["MetricAlarms"]]
    assert names == ["hot", "rate"]  # without AlarmTypes no composite alarms


def test_a_state_that_is_set_goes_back(cloudwatch: Any, clock: Clock) -> None:
    clock.skip(60 - clock() % 60)  # so that the next evaluation is a minute away
    cloudwatch.put_metric_alarm(**{**ORDINARY, "Period": 60}, TreatMissingData="notBreaching")
    state_becomes(cloudwatch, "hot", "OK")
    cloudwatch.set_alarm_state(
        AlarmName="hot", StateValue="ALARM", StateReason="by hand", StateReasonData='{"a": 1}'
    )
    time.sleep(0.5)  # several ticks
    alarm = described(cloudwatch, "hot")
    assert (alarm["StateValue"], alarm["StateReason"]) == ("ALARM", "by hand")
    assert json.loads(alarm["StateReasonData"]) == {"a": 1}
    clock.skip(60)
    state_becomes(cloudwatch, "hot", "OK")


def test_errors_of_set_alarm_state(cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**ORDINARY)
    with pytest.raises(cloudwatch.exceptions.ResourceNotFound):
        cloudwatch.set_alarm_state(AlarmName="nowhere", StateValue="OK", StateReason="")
    with pytest.raises(cloudwatch.exceptions.InvalidFormatFault):
        cloudwatch.set_alarm_state(AlarmName="hot", StateValue="OK", StateReason="", StateReasonData="{")
    with pytest.raises(ClientError, match="failed to satisfy constraint"):
        cloudwatch.set_alarm_state(AlarmName="hot", StateValue="FINE", StateReason="")


def test_pages_of_alarms_and_of_history(cloudwatch: Any, clock: Clock) -> None:
    for n in range(7):
        cloudwatch.put_metric_alarm(**{**ORDINARY, "AlarmName": f"a{n}"})
    pages = list(cloudwatch.get_paginator("describe_alarms").paginate(PaginationConfig={"PageSize": 3}))
    assert [[each["AlarmName"] for each in page["MetricAlarms"]] for page in pages] == [
        ["a0", "a1", "a2"], ["a3", "a4", "a5"], ["a6"],
    ]  # fmt: skip
    history = cloudwatch.get_paginator("describe_alarm_history").paginate(
        HistoryItemType="ConfigurationUpdate", PaginationConfig={"PageSize": 4}
    )
    summaries = [[item["HistorySummary"] for item in page["AlarmHistoryItems"]] for page in history]
    assert [len(page) for page in summaries] == [4, 3]
    assert summaries[0][0] == 'Alarm "a6" created'
    with pytest.raises(cloudwatch.exceptions.InvalidNextToken):
        cloudwatch.describe_alarm_history(NextToken="never given")


def test_deleting_and_what_is_left(cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**ORDINARY, Tags=[{"Key": "team", "Value": "shop"}])
    arn = described(cloudwatch, "hot")["AlarmArn"]
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "team", "Value": "shop"}]
    cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule=f"ALARM({arn})")
    with pytest.raises(ClientError, match="composite alarm"):
        cloudwatch.delete_alarms(AlarmNames=["hot"])
    cloudwatch.delete_alarms(AlarmNames=["both"])
    cloudwatch.delete_alarms(AlarmNames=["hot", "nowhere"])
    assert cloudwatch.describe_alarms(AlarmTypes=BOTH)["MetricAlarms"] == []
    (newest, *_) = cloudwatch.describe_alarm_history(AlarmName="hot")["AlarmHistoryItems"]
    assert newest["HistorySummary"] == 'Alarm "hot" deleted'


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Period": 15}, "Period must be 10, 20, 30"),
        ({"ComparisonOperator": "LessThanLowerThreshold"}, "LessThanLowerThreshold"),
        ({"EvaluationInterval": 10}, "EvaluationInterval is not done"),
    ],
)
def test_alarms_that_are_refused(cloudwatch: Any, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message) as error:
        cloudwatch.put_metric_alarm(**{**ORDINARY, **change})
    assert error.value.response["Error"]["Code"] == "ValidationError"


def test_actions_are_switched(cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(**ORDINARY)
    cloudwatch.disable_alarm_actions(AlarmNames=["hot"])
    assert described(cloudwatch, "hot")["ActionsEnabled"] is False
    cloudwatch.enable_alarm_actions(AlarmNames=["hot"])
    assert described(cloudwatch, "hot")["ActionsEnabled"] is True
    (found,) = cloudwatch.describe_alarms_for_metric(Namespace="Shop", MetricName="Errors")["MetricAlarms"]
    assert found["AlarmName"] == "hot"
    assert cloudwatch.describe_alarms_for_metric(Namespace="Shop", MetricName="Other")["MetricAlarms"] == []


def test_alarms_of_application_auto_scaling(cloudwatch: Any, endpoint: str) -> None:
    """moto's own services put their alarms into our book."""
    where = {"endpoint_url": endpoint, "region_name": cloudwatch.meta.region_name, "aws_access_key_id": "any",
             "aws_secret_access_key": "any"}  # fmt: skip
    scaling = boto3.client("application-autoscaling", **where)
    of = {"ServiceNamespace": "dynamodb", "ResourceId": "table/carts",
          "ScalableDimension": "dynamodb:table:ReadCapacityUnits"}  # fmt: skip
    scaling.register_scalable_target(**of, MinCapacity=1, MaxCapacity=5)
    metric = {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"}
    target = {"TargetValue": 70.0, "PredefinedMetricSpecification": metric}
    scaling.put_scaling_policy(
        **of,
        PolicyName="p",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=target,
    )
    alarms = cloudwatch.describe_alarms(AlarmNamePrefix="TargetTracking-table/carts")["MetricAlarms"]
    assert {alarm["ComparisonOperator"] for alarm in alarms} == {"GreaterThanThreshold", "LessThanThreshold"}
    assert len(alarms) == 4
    scaling.delete_scaling_policy(**of, PolicyName="p")
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []
