"""MetricDataQueries: rounding of the window, order, labels, pages, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from chaos_engine.rehearsal import cloudwatch_pages as pages
from chaos_engine.rehearsal.cloudwatch_pages import TokenError
from chaos_engine.rehearsal.cloudwatch_queries import ValidationError, answer, read
from chaos_engine.rehearsal.cloudwatch_requests import CombinationError, metric_data, metric_statistics
from chaos_engine.rehearsal.cloudwatch_samples import Metric, Samples, Window

DAY = 86_400
NOW = 1_700_000_000.0  # 22:13:20
ORDERS = Metric("Shop", "Orders")


def metric(name: str = "Orders", id_: str = "m1", **more: Any) -> dict[str, Any]:
    stat = {"Metric": {"Namespace": "Shop", "MetricName": name}, "Period": 60, "Stat": "Sum"}
    return {"Id": id_, "MetricStat": stat, **more}


def expression(text: str, id_: str = "e1", **more: Any) -> dict[str, Any]:
    return {"Id": id_, "Expression": text, **more}


def samples(*points: tuple[float, float], metric: Metric = ORDERS) -> Samples:
    kept = Samples()
    for at, value in points:
        kept.add(metric, {"Value": value, "StorageResolution": 1}, at)
    return kept


def asked(*queries: dict[str, Any], **more: Any) -> dict[str, Any]:
    start, end = (datetime.fromtimestamp(at, UTC) for at in (NOW - 600, NOW))
    return {"MetricDataQueries": list(queries), "StartTime": start, "EndTime": end, **more}


@pytest.mark.parametrize(
    ("age", "period", "rounded"),
    [
        (600, 60, 20),  # NOW is 20 s past the minute, and the start too
        (600, 300, 20),
        (610, 30, 10),  # 22:03:10
        (607, 5, 3),  # 22:03:13
        (601.5, 1, 0.5),
        (15 * DAY, 60, 200),  # from 15 days on to 5 minutes: 22:13:20
        (63 * DAY, 300, 200),
        (63 * DAY + 60, 300, 740),  # to the hour: 22:12:20
    ],
)
def test_the_start_is_rounded_down(age: float, period: int, rounded: float) -> None:
    window = Window(NOW - age, NOW, NOW)
    assert window.starts(period)[0] == NOW - age - rounded


def test_the_start_is_in_and_the_end_is_out() -> None:
    window = Window(1_700_000_040, 1_700_000_160, 1_700_000_160)
    assert list(window.starts(60)) == [1_700_000_040, 1_700_000_100]


def test_samples_belong_to_the_period_that_they_are_in() -> None:
    at = 1_700_000_040
    kept = samples((at, 1), (at + 59.9, 2), (at + 60, 4), (at - 0.1, 8))
    found = answer(read([metric()]), Window(at, at + 120, at + 120), kept.series)
    assert dict(found[0].series.values) == {at: 3, at + 60: 4}


def test_periods_run_from_the_start_of_the_window() -> None:
    at = 1_700_000_040  # 22:14
    query = metric()
    query["MetricStat"]["Period"] = 300
    kept = samples((at, 1), (at + 299, 2), (at + 300, 4))
    found = answer(read([query]), Window(at, at + 600, at + 600), kept.series)
    assert dict(found[0].series.values) == {at: 3, at + 300: 4}


def test_a_sample_of_ordinary_resolution_is_of_its_whole_minute() -> None:
    kept = Samples()
    kept.add(ORDERS, {"Value": 1}, 1_700_000_075)
    kept.add(ORDERS, {"Value": 2, "StorageResolution": 60}, 1_700_000_099)
    query = metric()
    query["MetricStat"]["Period"] = 10
    found = answer(read([query]), Window(1_700_000_040, 1_700_000_100, NOW), kept.series)
    assert dict(found[0].series.values) == {1_700_000_040: 3}


def test_metrics_are_told_apart_by_all_dimensions_and_the_unit() -> None:
    kept = Samples()
    for place, unit in (({"az": "a"}, "Count"), ({"az": "a", "host": "1"}, "Count"), ({"az": "a"}, "Bytes")):
        dimensions = [{"Name": name, "Value": value} for name, value in place.items()]
        kept.add(Metric.of("Shop", "Orders", dimensions), {"Value": 1, "Unit": unit}, NOW)
    query = metric()
    query["MetricStat"]["Metric"]["Dimensions"] = [{"Name": "az", "Value": "a"}]
    window = Window(NOW - 60, NOW + 60, NOW)
    assert list(answer(read([query]), window, kept.series)[0].series.values.values()) == [2]
    query["MetricStat"]["Unit"] = "Bytes"
    assert list(answer(read([query]), window, kept.series)[0].series.values.values()) == [1]
    assert not answer(read([metric()]), window, kept.series)[0].series.values


def test_expressions_may_come_before_what_they_refer_to() -> None:
    queries = read(
        [expression("e2 * 2"), expression("m1 + 1", "e2", ReturnData=False), metric(ReturnData=False)]
    )
    (found,) = answer(queries, Window(NOW - 60, NOW, NOW), samples((NOW - 30, 5)).series)
    assert (found.id, list(found.series.values.values())) == ("e1", [12])


def test_metrics_are_never_expressions() -> None:
    queries = read(
        [metric(ReturnData=False), expression("m1 * 2", "m2", ReturnData=False), expression("SUM(METRICS())")]
    )
    (found,) = answer(queries, Window(NOW - 60, NOW, NOW), samples((NOW - 30, 5)).series)
    assert list(found.series.values.values()) == [5]


def test_an_array_of_one_stays_an_array() -> None:
    queries = read([metric(), expression("METRICS()"), expression("FIRST(e1)", "e2")])
    found = answer(queries, Window(NOW - 60, NOW, NOW), samples((NOW - 30, 5)).series)
    assert [list(each.series.values.values()) for each in found] == [[5]] * 3


@pytest.mark.parametrize(
    ("queries", "labels"),
    [
        ([metric()], ["Orders"]),
        ([metric(Label="all orders")], ["all orders"]),
        ([metric(ReturnData=False), expression("m1 * 2")], ["e1"]),
        ([metric(ReturnData=False), expression("m1 * 2", Label="twice")], ["twice"]),
        (
            [metric(ReturnData=False), metric("Carts", "m2", ReturnData=False, Label="carts"),
             expression("FILL(METRICS(), 0)", Label="Filled With 0:")],
            ["Filled With 0: Orders", "Filled With 0: carts"],
        ),
        ([metric(ReturnData=False), expression("METRICS()", Label="")], ["Orders"]),
    ],
)  # fmt: skip
def test_labels(queries: list[dict[str, Any]], labels: list[str]) -> None:
    found = answer(read(queries), Window(NOW - 60, NOW, NOW), Samples().series)
    assert [each.label for each in found] == labels


@pytest.mark.parametrize(
    ("queries", "why"),
    [
        ([metric(id_=f"m{n}") for n in range(501)], "must not have a size greater than 500"),
        ([metric(), metric()], "not unique"),
        ([metric(id_="M1")], "must match the pattern"),
        ([{"Id": "m1"}], r"MetricDataQueries.member.1.MetricStat is required"),
        ([metric(), metric(id_="m2", Expression="m1")], "member.2.*mutually exclusive"),
        ([expression("SELECT AVG(CPU) FROM x")], "Metrics Insights"),
        ([metric(AccountId="123456789012")], "AccountId is not done"),
        ([expression("e2", "e1"), expression("e1", "e2")], "refers to itself"),
        ([expression("e1 + 1")], "Error in expression 'e1': it refers to itself"),
        ([expression("m7 + 1")], "Error in expression 'e1': there is no query with the id m7"),
        ([metric(), expression("SUM(m1")], "Error in expression 'e1': cannot be read"),
        ([metric(), expression('SEARCH("x", "Sum")')], "SEARCH is not done by the rehearsal"),
        ([expression("m1" + " " * 2047)], "longer than 2048"),
        ([expression("TIME_SERIES(1)", Period=45)], "Period must be 1, 5, 10"),
    ],
)
def test_what_is_refused(queries: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        read(queries)


def test_five_hundred_queries_are_taken() -> None:
    assert len(read([metric(id_=f"m{n}") for n in range(500)])) == 500


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"Stat": "p101"}, "The value p101 for parameter MetricDataQueries.member.1.MetricStat.Stat"),
        ({"Period": 90}, "Period must be 1, 5, 10"),
        ({"Stat": None}, "Stat is required"),
        ({"Metric": {"Namespace": "Shop"}}, "Metric.MetricName is required"),
    ],
)
def test_a_statistic_that_is_none(change: dict[str, Any], why: str) -> None:
    query = metric()
    query["MetricStat"] |= change
    with pytest.raises(ValidationError, match=why):
        read([query])


@pytest.mark.parametrize("period", [1, 5, 10, 20, 30, 60, 300])
def test_time_series_needs_a_period_from_somewhere(period: int) -> None:
    own = [expression("TIME_SERIES(7)", Period=period)]
    (found,) = answer(read(own), Window(NOW - 20, NOW, NOW), Samples().series)
    assert found.series.period == period
    with pytest.raises(ValidationError, match="needs the parameter Period"):
        answer(read([expression("TIME_SERIES(7)")]), Window(NOW - 20, NOW, NOW), Samples().series)


def test_pages_join_to_the_whole() -> None:
    kept = samples(*((NOW - 60 * n, n) for n in range(10)))
    whole = metric_data(asked(metric(), metric("Orders", "m2")), kept, NOW)["MetricDataResults"]
    request = asked(metric(), metric("Orders", "m2"), MaxDatapoints=3)
    joined: dict[str, list[float]] = {"m1": [], "m2": []}
    statuses: list[list[str]] = []
    more: dict[str, str] = {}
    while True:
        page = metric_data({**request, **more}, kept, NOW)
        assert sum(len(line["Values"]) for line in page["MetricDataResults"]) <= 3
        for line in page["MetricDataResults"]:
            joined[line["Id"]] += line["Values"]
        statuses.append([line["StatusCode"] for line in page["MetricDataResults"]])
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    assert joined == {line["Id"]: line["Values"] for line in whole}
    assert whole[0]["Values"] == sorted(whole[0]["Values"])  # newest first, and n grows into the past
    assert statuses[0] == ["PartialData", "PartialData"]
    assert statuses[-1] == ["Complete", "Complete"]
    assert len(statuses) == 7  # 20 datapoints by threes


def test_oldest_first_if_asked_for() -> None:
    page = metric_data(
        asked(metric(), ScanBy="TimestampAscending", MaxDatapoints=2),
        samples((NOW - 30, 3), (NOW - 90, 2), (NOW - 150, 1)),
        NOW,
    )
    assert page["MetricDataResults"][0]["Values"] == [1, 2]
    assert page["NextToken"]


def test_no_token_where_an_expression_is_asked_for() -> None:
    page = metric_data(
        asked(metric(), expression("m1"), MaxDatapoints=1), samples((NOW - 30, 3), (NOW - 90, 2)), NOW
    )
    assert "NextToken" not in page
    assert [line["StatusCode"] for line in page["MetricDataResults"]] == ["PartialData", "PartialData"]


@pytest.mark.parametrize("token", ["nonsense", "", "bm9uc2Vuc2U="])
def test_a_token_of_another_request(token: str) -> None:
    other = pages.token([1, 2], {"some": "thing"})
    with pytest.raises(TokenError):
        metric_data(asked(metric(), NextToken=token or other), Samples(), NOW)


def test_start_and_end() -> None:
    with pytest.raises(ValidationError, match="must be greater"):
        metric_data(asked(metric(), EndTime=datetime.fromtimestamp(NOW - 700, UTC)), Samples(), NOW)
    with pytest.raises(ValidationError, match="must not equal"):
        metric_data(asked(metric(), EndTime=datetime.fromtimestamp(NOW - 600, UTC)), Samples(), NOW)
    with pytest.raises(ValidationError, match="StartTime is required"):
        metric_data(asked(metric(), StartTime=None), Samples(), NOW)
    for most in (-1, 100_801):
        with pytest.raises(ValidationError, match="MaxDatapoints"):
            metric_data(asked(metric(), MaxDatapoints=most), Samples(), NOW)


def test_a_window_of_years_is_answered_by_its_points() -> None:
    start = datetime.fromtimestamp(0, UTC)
    query = metric()
    query["MetricStat"]["Period"] = 1
    page = metric_data(asked(query, StartTime=start), samples((NOW - 30, 3), (NOW - 10.5, 2)), NOW)
    assert page["MetricDataResults"][0]["Values"] == [2, 3]
    with pytest.raises(ValidationError, match="Error in expression 'e1': it makes a value for each of"):
        metric_data(asked(query, expression("FILL(m1, 0)"), StartTime=start), Samples(), NOW)


def test_metric_statistics() -> None:
    request = {
        "Namespace": "Shop", "MetricName": "Orders", "Period": 60,
        "Statistics": ["Sum"], "ExtendedStatistics": ["p90"],
        "StartTime": datetime.fromtimestamp(NOW - 120, UTC), "EndTime": datetime.fromtimestamp(NOW, UTC),
    }  # fmt: skip
    (point,) = metric_statistics(request, samples((NOW - 90, 2), (NOW - 85, 3)), NOW)["Datapoints"]
    assert (point["Sum"], point["ExtendedStatistics"]) == (5, {"p90": 3})
    with pytest.raises(CombinationError, match="exceeds the limit of 1,440"):
        metric_statistics(
            {**request, "StartTime": datetime.fromtimestamp(NOW - 2 * DAY, UTC)}, Samples(), NOW
        )
    with pytest.raises(CombinationError, match="either Statistics or ExtendedStatistics"):
        metric_statistics({**request, "Statistics": [], "ExtendedStatistics": []}, Samples(), NOW)
