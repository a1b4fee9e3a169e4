"""CloudWatch's probes over real HTTP, with boto3: pages, splits, alarms with their histories, failures."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from chaos_engine.adapters.aws import Aws
from chaos_engine.adapters.cloudwatch import CloudWatchApi
from chaos_engine.adapters.http_prober import HttpProber
from chaos_engine.adapters.prometheus import PrometheusApi
from chaos_engine.cloud import Alarms, AlarmsQuery, MetricData, MetricDataQuery
from chaos_engine.evaluation import evaluate
from chaos_engine.model import (
    AlarmProbe,
    AwsAccess,
    CloudWatchProbe,
    Judgement,
    Outcome,
    Purpose,
    Question,
    Window,
)
from chaos_engine.ports import SourceFailure, Sources
from chaos_engine.probes import parse as parsed
from evaluators.expectation import parse
from tests.integration.rehearsal_cloudwatch.cloudwatch_server import Clock

REGION = "eu-central-1"
BUDGET = 60.0
LACKS = "INSUFFICIENT_DATA"


class SmallPages(Aws):
    """Three datapoints a page, and three items of a history."""

    def __init__(self) -> None:
        super().__init__()
        self.pages_seen: list[str] = []

    def pages(
        self, access: AwsAccess, service: str, operation: str, **parameters: Any
    ) -> Iterator[Mapping[str, Any]]:
        small = {"get_metric_data": {"MaxDatapoints": 3}, "describe_alarm_history": {"MaxRecords": 3}}
        for page in super().pages(access, service, operation, **parameters, **small.get(operation, {})):
            self.pages_seen.append(operation)
            yield page


class Place:
    """The endpoint, as an engine sees it; its clock, and the minute that it is."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.access = AwsAccess(region=REGION, endpoint=url)
        self.small, self.clock = SmallPages(), clock
        self.aws: Aws = self.small
        self.client = self.aws.client(self.access, "cloudwatch")
        self.minute = clock() // 60 * 60

    def put(self, name: str, values: Sequence[float | None], last: float | None = None) -> None:
        """One value a minute, the last of them in the minute that begins then."""
        first = (self.minute if last is None else last) - 60 * (len(values) - 1)
        data = [
            {"MetricName": name, "Timestamp": datetime.fromtimestamp(first + i * 60 + 7, UTC), "Value": value}
            for i, value in enumerate(values)
            if value is not None
        ]
        self.client.put_metric_data(Namespace="Shop", MetricData=data)

    def alarm(self, name: str) -> None:
        self.client.put_metric_alarm(
            AlarmName=name, Namespace="Shop", MetricName="Errors", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=5, ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="ignore",
        )  # fmt: skip

    def state(self, name: str, *states: str) -> None:
        for state in states:
            self.client.set_alarm_state(AlarmName=name, StateValue=state, StateReason=f"to {state}")

    def judge(self, question: Question, later: float = 999.0, budget: float = BUDGET) -> Judgement:
        """Asked so many seconds from now."""
        sources = Sources(HttpProber(), PrometheusApi(), CloudWatchApi(self.aws))
        (judgement,) = evaluate([question], sources, lambda: self.clock() + later, budget)
        return judgement

    def alarms(self, purpose: Purpose, *names: str, since: float, later: float = 999.0) -> Judgement:
        probe = AlarmProbe(names, access=self.access)
        return self.judge(Question(probe, purpose, Window(since, self.clock())), later)


@pytest.fixture
def place(endpoint: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Place:
    requests.post(f"{endpoint}/moto-api/reset", timeout=10).raise_for_status()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return Place(endpoint, clock)


def query(id_: str, name: str) -> dict[str, Any]:
    metric = {"Namespace": "Shop", "MetricName": name}
    return {"Id": id_, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}


def about(place: Place, *names: str, expect: str = "< 5", minutes: int = 10) -> Question:
    """Over the last full minutes."""
    queries = [query(f"m{i}", name) for i, name in enumerate(names)]
    judged = tuple(str(one["Id"]) for one in queries)
    probe = CloudWatchProbe(json.dumps(queries), judged, parse(expect), access=place.access)
    return Question(probe, Purpose.HYPOTHESIS, window(place, minutes))


def window(place: Place, minutes: int = 10) -> Window:
    return Window(place.minute - 60 * minutes - 20, place.minute + 20)


# --- metrics --------------------------------------------------------------------------------


def test_every_page_is_followed(place: Place) -> None:
    place.put("Whole", [1.0] * 9 + [4.0], place.minute - 60)
    judged = place.judge(about(place, "Whole"))
    assert (judged.outcome, judged.evidence.samples, judged.evidence.high) == (Outcome.PASS, 10, 4.0), judged
    assert place.small.pages_seen == ["get_metric_data"] * 4
    assert place.judge(about(place, "Whole", expect="< 4")).outcome is Outcome.BROKEN  # on the last page


@pytest.mark.parametrize("gap", [0, 5, 9])
def test_one_missing_datapoint_is_no_pass(place: Place, gap: int) -> None:
    place.put("Gap", [None if i == gap else 1.0 for i in range(10)], place.minute - 60)
    judged = place.judge(about(place, "Gap"))
    assert judged.outcome is Outcome.TOO_FEW
    assert "9 of 10 datapoints of m0" in judged.reason


def test_a_metric_that_does_not_exist_is_no_data(place: Place) -> None:
    place.put("Real", [1.0] * 10, place.minute - 60)
    assert place.judge(about(place, "Real", "Imagined")).outcome is Outcome.NO_DATA


def test_more_than_500_queries(place: Place) -> None:
    place.aws = Aws()  # in pages of its own size
    place.put("Low", [1.0] * 2, place.minute - 60)
    place.put("High", [7.0] * 2, place.minute - 60)
    names = ["Low"] * 501 + ["High"]
    judged = place.judge(about(place, *names, expect="< 8", minutes=2))
    assert (judged.outcome, judged.evidence.samples) == (Outcome.PASS, 1004), judged.reason
    broken = place.judge(about(place, *names, minutes=2))
    assert (broken.outcome, broken.evidence.broke_series) == (Outcome.BROKEN, "m501")


def over(place: Place, document: Mapping[str, Any]) -> Question:
    probe = parsed(document)
    assert isinstance(probe, CloudWatchProbe)
    placed = CloudWatchProbe(probe.queries, probe.judged, probe.expect, probe.period, access=place.access)
    return Question(placed, Purpose.HYPOTHESIS, window(place))


RAW = [
    query("m1", "Errors"),
    query("m2", "Requests"),
    {"Id": "e1", "Expression": "IF(100 * m1 / m2 > 5, 0, 1)"},
]


@pytest.mark.parametrize(
    ("worst", "outcome"), [(5.0, Outcome.PASS), (6.0, Outcome.BROKEN), (None, Outcome.PASS)]
)
def test_raw_queries(place: Place, worst: float | None, outcome: Outcome) -> None:
    """Where one of two series has no value, metric math takes 0."""
    place.aws = Aws()  # expressions come in one page
    place.put("Errors", [1.0] * 5 + [worst] + [1.0] * 4, place.minute - 60)
    place.put("Requests", [100.0] * 10, place.minute - 60)
    judged = place.judge(over(place, {"cloudwatch": {"queries": RAW}}))
    assert (judged.outcome, judged.evidence.samples) == (outcome, 10), judged.reason


def test_what_is_cut_off_is_no_pass(place: Place) -> None:
    """With an expression there are no further pages: PartialData is all there is."""
    place.put("Errors", [1.0] * 10, place.minute - 60)
    place.put("Requests", [100.0] * 10, place.minute - 60)
    judged = place.judge(over(place, {"cloudwatch": {"queries": RAW}}))
    assert judged.outcome is Outcome.ERROR
    assert "PartialData" in judged.reason


@pytest.mark.parametrize(("missing", "outcome"), [({}, Outcome.TOO_FEW), ({"missing": 0}, Outcome.PASS)])
def test_counts_of_what_does_not_happen(place: Place, missing: Mapping[str, int], outcome: Outcome) -> None:
    place.aws = Aws()  # expressions come in one page
    place.put("Errors", [1.0, None, None, 2.0, *[None] * 6], place.minute - 60)
    metric = {"metric": "Shop/Errors", "stat": "Sum", **missing}
    assert place.judge(over(place, {"cloudwatch": metric, "expect": "< 5"})).outcome is outcome
    assert place.judge(over(place, {"cloudwatch": metric, "expect": "< 2"})).outcome is Outcome.BROKEN


def test_what_aws_refuses_is_an_error_in_its_own_words(place: Place) -> None:
    asked = MetricDataQuery(place.access, json.dumps([query("m0", "X")]), place.minute, place.minute)
    refused = CloudWatchApi(place.aws).metric_data(asked, BUDGET)
    assert isinstance(refused, SourceFailure)
    assert refused.kind == "error"
    assert "StartTime" in refused.message


# --- alarms ---------------------------------------------------------------------------------


def test_more_than_100_alarms(place: Place) -> None:
    names = tuple(f"One{n:03}" for n in range(120))
    for name in names:
        place.alarm(name)
        place.state(name, "OK")
    since = _later(place.clock)
    assert place.alarms(Purpose.GATE, *names, since=since).outcome is Outcome.PASS
    over = place.alarms(Purpose.HYPOTHESIS, *names, since=since)
    assert (over.outcome, over.evidence.samples) == (Outcome.PASS, 120), over.reason
    place.state("One119", "ALARM", "OK")
    over = place.alarms(Purpose.HYPOTHESIS, *names, since=since)
    assert (over.outcome, over.evidence.broke_series) == (Outcome.BROKEN, "One119")
    assert "to ALARM" in over.reason
    assert place.alarms(Purpose.GATE, *names, since=since).outcome is Outcome.PASS
    absent = place.alarms(Purpose.GATE, *names, "Two", since=since)
    assert (absent.outcome, absent.reason) == (Outcome.ERROR, "there is no alarm of the name Two")


def _later(clock: Callable[[], float]) -> float:
    """A moment after whatever has happened: timestamps are told in milliseconds."""
    time.sleep(0.01)
    moment = clock()
    time.sleep(0.01)
    return moment


def test_an_alarm_that_goes_off_by_its_data_and_the_composite_one_above_it(place: Place) -> None:
    place.put("Errors", [1.0] * 5)
    place.alarm("Errors")
    place.client.put_composite_alarm(AlarmName="Shop", AlarmRule='ALARM("Errors")')
    _until(place, "OK")
    since = _later(place.clock)
    assert place.alarms(Purpose.HYPOTHESIS, "Errors", "Shop", since=since).outcome is Outcome.PASS
    place.put("Errors", [9.0] * 3, place.clock() // 60 * 60 + 120)
    place.clock.skip(61)
    _until(place, "ALARM")
    for names in (("Errors",), ("Shop",)):
        over = place.alarms(Purpose.HYPOTHESIS, *names, since=since)
        assert (over.outcome, over.evidence.broke_series) == (Outcome.BROKEN, *names), over.reason
        assert place.alarms(Purpose.GATE, *names, since=since).outcome is Outcome.BROKEN
    long_after = place.alarms(Purpose.HYPOTHESIS, "Errors", "Shop", since=_later(place.clock))
    assert "already in ALARM" in long_after.reason


def _until(place: Place, state: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = place.client.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        alarms = [*found["MetricAlarms"], *found["CompositeAlarms"]]
        if all(alarm["StateValue"] == state for alarm in alarms):
            return
        time.sleep(0.05)
    raise AssertionError(f"not {state}: {alarms}")


def test_every_page_of_a_history_is_followed(place: Place) -> None:
    place.alarm("Restless")
    since = _later(place.clock)
    place.state("Restless", *["OK", LACKS] * 5, "ALARM", "OK")
    asked = AlarmsQuery(place.access, ("Restless",), Window(since, place.clock()))
    found = CloudWatchApi(place.aws).alarms(asked, BUDGET)
    assert isinstance(found, Alarms), found
    assert [change.new for change in found.changes] == ["OK", LACKS] * 5 + ["ALARM", "OK"]
    assert place.small.pages_seen.count("describe_alarm_history") >= 4
    assert place.alarms(Purpose.HYPOTHESIS, "Restless", since=since).outcome is Outcome.BROKEN


def test_before_its_delay_is_over_an_alarm_supports_nothing(place: Place) -> None:
    place.alarm("Calm")
    place.state("Calm", "OK")
    since = _later(place.clock)
    assert place.alarms(Purpose.HYPOTHESIS, "Calm", since=since, later=100).outcome is Outcome.LATE
    assert place.alarms(Purpose.HYPOTHESIS, "Calm", since=since, later=130).outcome is Outcome.PASS


# --- failures -------------------------------------------------------------------------------


def test_nobody_there_is_unreachable(place: Place) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        place.access = AwsAccess(REGION, endpoint=f"http://127.0.0.1:{nobody.getsockname()[1]}")
        found = place.judge(about(place, "Whole"))
    assert found.outcome is Outcome.UNREACHABLE
    assert "EndpointConnectionError" in found.reason


def test_a_server_that_does_not_answer_is_late_within_the_budget(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place.access = AwsAccess(REGION, endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        found = place.judge(about(place, "Whole"), budget=0.5)
        took = time.monotonic() - began
    assert found.outcome is Outcome.LATE
    assert took < 10  # of the 15 s that all tries take


def test_without_credentials_aws_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    place.aws = SmallPages()
    found = place.judge(about(place, "Whole"))
    assert found.outcome is Outcome.ERROR
    assert "NoCredentialsError" in found.reason


def test_a_profile_that_does_not_exist_is_named(place: Place) -> None:
    strange = AwsAccess(region=REGION, profile="nobody", endpoint=place.access.endpoint)
    found = CloudWatchApi(Aws()).alarms(AlarmsQuery(strange, ("A",)), BUDGET)
    assert isinstance(found, SourceFailure)
    assert "nobody" in found.message


def test_threads_share_a_client(place: Place) -> None:
    place.put("Shared", [1.0] * 10, place.minute - 60)
    api, together = CloudWatchApi(Aws()), threading.Barrier(16, timeout=60)
    asked = MetricDataQuery(
        place.access, json.dumps([query("m0", "Shared")]), place.minute - 600, place.minute
    )
    found: list[object] = []

    def one() -> None:
        together.wait()
        found.append(api.metric_data(asked, BUDGET))

    threads = [threading.Thread(target=one) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert all(isinstance(one, MetricData) and len(one.results[0].points) == 10 for one in found)
