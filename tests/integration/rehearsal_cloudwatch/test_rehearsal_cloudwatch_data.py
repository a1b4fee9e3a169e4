"""GetMetricData and its kin over the real API, in each protocol that boto3 speaks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

MINUTE = timedelta(minutes=1)


@pytest.fixture
def noon() -> datetime:
    """A full minute, an hour ago."""
    return datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=1)


def stat(name: str, how: str = "Sum", id_: str = "m1", **more: Any) -> dict[str, Any]:
    metric = {"Namespace": "Shop", "MetricName": name, "Dimensions": [{"Name": "az", "Value": "a"}]}
    return {"Id": id_, "MetricStat": {"Metric": metric, "Period": 60, "Stat": how}, **more}


def publish(cloudwatch: Any, name: str, values: dict[datetime, float]) -> None:
    dimensions = [{"Name": "az", "Value": "a"}]
    data = [
        {"MetricName": name, "Dimensions": dimensions, "Timestamp": at, "Value": value, "Unit": "Count"}
        for at, value in values.items()
    ]
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=data)


def ask(cloudwatch: Any, noon: datetime, *queries: dict[str, Any], minutes: int = 5, **more: Any) -> Any:
    return cloudwatch.get_metric_data(
        StartTime=noon, EndTime=noon + minutes * MINUTE, MetricDataQueries=list(queries), **more
    )


def test_an_error_rate(cloudwatch: Any, noon: datetime) -> None:
    publish(cloudwatch, "Requests", {noon: 100, noon + MINUTE: 200, noon + 3 * MINUTE: 50})
    publish(cloudwatch, "Errors", {noon: 5, noon + MINUTE: 20})
    answer = ask(
        cloudwatch, noon,
        stat("Errors", id_="errors", ReturnData=False), stat("Requests", id_="requests"),
        {"Id": "rate", "Expression": "100 * errors / requests", "Label": "error rate"},
    )  # fmt: skip
    requests, rate = answer["MetricDataResults"]
    assert (requests["Id"], requests["Label"], requests["StatusCode"]) == ("requests", "Requests", "Complete")
    assert requests["Values"] == [50, 200, 100]  # newest first
    assert requests["Timestamps"] == [noon + 3 * MINUTE, noon + MINUTE, noon]
    assert (rate["Label"], rate["Values"]) == ("error rate", [0, 10, 5])  # a missing value is 0


def test_everything_that_can_be_published_counts(cloudwatch: Any, noon: datetime) -> None:
    sets = {"SampleCount": 2, "Sum": 14, "Minimum": 7, "Maximum": 7}
    data: list[dict[str, Any]] = [
        {"Value": 1.0}, {"Values": [3.0, 5.0], "Counts": [2, 1]}, {"StatisticValues": sets},
    ]  # fmt: skip
    common = {"MetricName": "Latency", "Dimensions": [{"Name": "az", "Value": "a"}], "Timestamp": noon}
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{**common, **each} for each in data])
    wanted = {"SampleCount": 6, "Sum": 26, "Average": 26 / 6, "Minimum": 1, "Maximum": 7, "p50": 3, "p75": 7,
              "tm75": 19 / 5, "TC(1:5)": 3, "PR(:5)": 400 / 6, "WM(:75%)": 26 / 6, "IQM": 18 / 4}  # fmt: skip
    queries = [stat("Latency", how, f"q{place}") for place, how in enumerate(wanted)]
    answer = ask(cloudwatch, noon, *queries)["MetricDataResults"]
    assert [each["Values"] for each in answer] == [[pytest.approx(value)] for value in wanted.values()]


def test_pages_are_followed(cloudwatch: Any, noon: datetime) -> None:
    publish(cloudwatch, "Requests", {noon + n * MINUTE: n for n in range(30)})
    publish(cloudwatch, "Errors", {noon + n * MINUTE: 100 + n for n in range(30)})
    joined: dict[str, list[float]] = {}
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        StartTime=noon, EndTime=noon + 30 * MINUTE, ScanBy="TimestampAscending",
        MetricDataQueries=[stat("Requests"), stat("Errors", id_="m2")], MaxDatapoints=7,
    )  # fmt: skip
    number = 0
    for page in pages:
        number += 1
        for line in page["MetricDataResults"]:
            joined.setdefault(line["Id"], []).extend(line["Values"])
            assert line["StatusCode"] == ("PartialData" if "NextToken" in page else "Complete") or number == 9
    assert number == 9  # 60 datapoints by sevens
    assert joined == {"m1": list(range(30)), "m2": list(range(100, 130))}


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        ([stat("Requests", id_=f"m{n}") for n in range(501)], "must not have a size greater than 500"),
        ([stat("Requests"), {"Id": "e1", "Expression": "m1 + m2"}], "Error in expression 'e1'.*the id m2"),
        ([stat("Requests"), {"Id": "e1", "Expression": "SUM(m1"}], "Error in expression 'e1'"),
        ([{"Id": "e1", "Expression": "e2"}, {"Id": "e2", "Expression": "e1"}], "refers to itself"),
        (
            [stat("Requests"), {"Id": "e1", "Expression": "ANOMALY_DETECTION_BAND(m1)"}],
            "ANOMALY_DETECTION_BAND",
        ),
        ([stat("Requests"), {"Id": "e1", "Expression": "AVG(m1)"}], "scalar"),
        ([stat("Requests", "p101")], "p101"),
    ],
)
def test_what_is_refused(
    cloudwatch: Any, noon: datetime, queries: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(ClientError, match=message) as error:
        ask(cloudwatch, noon, *queries)
    assert error.value.response["Error"]["Code"] == "ValidationError"


def test_a_token_that_was_never_given(cloudwatch: Any, noon: datetime) -> None:
    with pytest.raises(cloudwatch.exceptions.InvalidNextToken):
        ask(cloudwatch, noon, stat("Requests"), NextToken="never given")


@pytest.mark.parametrize("value", [2.0**361, float("inf")])
def test_numbers_out_of_range(cloudwatch: Any, value: float) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{"MetricName": "x", "Value": value}])


def test_metric_statistics_and_the_list_of_metrics(cloudwatch: Any, noon: datetime) -> None:
    publish(cloudwatch, "Requests", {noon: 1, noon + MINUTE: 3})
    (point,) = cloudwatch.get_metric_statistics(
        Namespace="Shop", MetricName="Requests", Dimensions=[{"Name": "az", "Value": "a"}], Period=300,
        StartTime=noon, EndTime=noon + 5 * MINUTE, Statistics=["Average"],
        ExtendedStatistics=["p99", "TM(:50%)"],
    )["Datapoints"]  # fmt: skip
    assert point.items() >= {"Timestamp": noon, "Average": 2, "Unit": "Count"}.items()
    assert point["ExtendedStatistics"] == {"p99": 3, "TM(:50%)": 1}
    (listed,) = cloudwatch.list_metrics(Namespace="Shop")["Metrics"]
    assert (listed["MetricName"], listed["Dimensions"]) == ("Requests", [{"Name": "az", "Value": "a"}])


def test_what_motos_services_measure_is_there(cloudwatch: Any, endpoint: str) -> None:
    where = {"endpoint_url": endpoint, "region_name": "us-east-1", "aws_access_key_id": "any",
             "aws_secret_access_key": "any"}  # fmt: skip
    s3, us_east = boto3.client("s3", **where), boto3.client("cloudwatch", **where)
    s3.create_bucket(Bucket="measured")
    s3.put_object(Bucket="measured", Key="a", Body=b"12345")
    (objects,) = us_east.list_metrics(Namespace="AWS/S3", MetricName="NumberOfObjects")["Metrics"]
    now, highest = datetime.now(UTC), {"Metric": objects, "Period": 86400, "Stat": "Maximum"}
    answer = us_east.get_metric_data(
        StartTime=now - timedelta(days=2),
        EndTime=now,
        MetricDataQueries=[{"Id": "m1", "MetricStat": highest}],
    )
    assert set(answer["MetricDataResults"][0]["Values"]) == {1}
