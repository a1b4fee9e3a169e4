"""CloudWatch's probes over real HTTP, with boto3: pages, splits, alarms with their histories, failures."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

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
from evaluators.expectation import parse
from tests.integration.cloudwatch_server import REGION, access, change, client, cloudwatch, make_alarms

pytest.importorskip("boto3")
pytest.importorskip("moto")

MINUTES = 10
END = time.time() // 60 * 60 - 120
START = END - MINUTES * 60
BUDGET = 30.0


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "testing")
        with cloudwatch(points_a_page=3) as url:
            yield url


def put(url: str, name: str, values: Sequence[float | None]) -> None:
    """One value a minute from START on."""
    data = [
        {"MetricName": name, "Timestamp": datetime.fromtimestamp(START + i * 60 + 7, UTC), "Value": value}
        for i, value in enumerate(values)
        if value is not None
    ]
    client(url).put_metric_data(Namespace="Shop", MetricData=data)


def query(id_: str, name: str) -> dict[str, Any]:
    metric = {"Namespace": "Shop", "MetricName": name}
    return {"Id": id_, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}


def ask(question: Question, now: float = END + 3600, budget: float = BUDGET) -> Judgement:
    sources = Sources(HttpProber(), PrometheusApi(), CloudWatchApi(Aws()))
    (judgement,) = evaluate([question], sources, lambda: now, budget)
    return judgement


def about(url: str, *names: str, expect: str = "< 5") -> Question:
    queries = [query(f"m{i}", name) for i, name in enumerate(names)]
    judged = tuple(str(one["Id"]) for one in queries)
    probe = CloudWatchProbe(json.dumps(queries), judged, parse(expect), access=access(url))
    return Question(probe, Purpose.HYPOTHESIS, Window(START - 30, END + 30))


# --- metrics --------------------------------------------------------------------------------


def test_every_page_is_followed(url: str) -> None:
    put(url, "Whole", [1.0] * 9 + [4.0])
    judged = ask(about(url, "Whole"))
    assert (judged.outcome, judged.evidence.samples, judged.evidence.high) == (Outcome.PASS, 10, 4.0)
    assert ask(about(url, "Whole", expect="< 4")).outcome is Outcome.BROKEN  # on the last of four pages


@pytest.mark.parametrize("gap", [0, 5, 9])
def test_one_missing_datapoint_is_no_pass(url: str, gap: int) -> None:
    name = f"Gap{gap}"
    put(url, name, [None if i == gap else 1.0 for i in range(MINUTES)])
    judged = ask(about(url, name))
    assert judged.outcome is Outcome.TOO_FEW
    assert "9 of 10 datapoints of m0" in judged.reason


def test_a_metric_that_does_not_exist_is_no_data(url: str) -> None:
    put(url, "Real", [1.0] * MINUTES)
    assert ask(about(url, "Real", "Imagined")).outcome is Outcome.NO_DATA


def test_more_than_500_queries(url: str) -> None:
    put(url, "Low", [1.0] * 2)
    put(url, "High", [7.0] * 2)
    names = ["Low"] * 501 + ["High"]
    window = Window(START, START + 120)
    judged = ask(replace(about(url, *names, expect="< 8"), window=window))
    assert (judged.outcome, judged.evidence.samples) == (Outcome.PASS, 1004), judged.reason
    broken = ask(replace(about(url, *names), window=window))
    assert (broken.outcome, broken.evidence.broke_series) == (Outcome.BROKEN, "m501")


def test_what_aws_refuses_is_an_error_in_its_own_words(url: str) -> None:
    refused = CloudWatchApi(Aws()).metric_data(
        MetricDataQuery(access(url), json.dumps([query("m0", "Whole")]), END, END), BUDGET
    )
    assert isinstance(refused, SourceFailure)
    assert refused.kind == "error"
    assert "StartTime must not equal" in refused.message


# --- alarms ---------------------------------------------------------------------------------


def question_about(url: str, purpose: Purpose, *names: str, start: float) -> Question:
    probe = AlarmProbe(names, access=access(url))
    return Question(probe, purpose, Window(start, time.time()))


def judged(url: str, purpose: Purpose, *names: str, start: float, later: float = 999.0) -> Judgement:
    return ask(question_about(url, purpose, *names, start=start), time.time() + later)


def test_more_than_100_alarms(url: str) -> None:
    names = tuple(f"One{n}" for n in range(230))
    make_alarms(*names)
    since = time.time()
    assert judged(url, Purpose.GATE, *names, start=since).outcome is Outcome.PASS
    over = judged(url, Purpose.HYPOTHESIS, *names, start=since)
    assert (over.outcome, over.evidence.samples) == (Outcome.PASS, 230), over.reason
    change("One229", "ALARM", "OK")
    over = judged(url, Purpose.HYPOTHESIS, *names, start=since)
    assert (over.outcome, over.evidence.broke_series) == (Outcome.BROKEN, "One229")
    assert "to ALARM" in over.reason
    assert judged(url, Purpose.GATE, *names, start=since).outcome is Outcome.PASS
    absent = judged(url, Purpose.GATE, *names, "Two", start=since)
    assert (absent.outcome, absent.reason) == (Outcome.ERROR, "there is no alarm of the name Two")


def test_composite_alarms_too(url: str) -> None:
    make_alarms("Child")
    make_alarms("Parent", rule='ALARM("Child")')
    since = time.time()
    assert judged(url, Purpose.GATE, "Child", "Parent", start=since).outcome is Outcome.PASS
    change("Parent", "INSUFFICIENT_DATA", "ALARM")
    assert judged(url, Purpose.GATE, "Child", "Parent", start=since).outcome is Outcome.BROKEN
    assert judged(url, Purpose.HYPOTHESIS, "Child", "Parent", start=since).outcome is Outcome.BROKEN


def test_every_page_of_a_history_is_followed(url: str) -> None:
    make_alarms("Restless")
    since = time.time()
    change("Restless", *["INSUFFICIENT_DATA", "OK"] * 60, "ALARM", "OK")
    found = CloudWatchApi(Aws()).alarms(
        AlarmsQuery(access(url), ("Restless",), Window(since, time.time())), BUDGET
    )
    assert isinstance(found, Alarms), found
    assert len(found.changes) == 122
    assert [change.at for change in found.changes] == sorted(change.at for change in found.changes)
    assert judged(url, Purpose.HYPOTHESIS, "Restless", start=since).outcome is Outcome.BROKEN


def test_before_its_delay_is_over_an_alarm_supports_nothing(url: str) -> None:
    make_alarms("Calm")
    since = time.time()
    assert judged(url, Purpose.HYPOTHESIS, "Calm", start=since, later=110).outcome is Outcome.LATE
    assert judged(url, Purpose.HYPOTHESIS, "Calm", start=since, later=130).outcome is Outcome.PASS


# --- failures -------------------------------------------------------------------------------


def test_nobody_there_is_unreachable() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        found = ask(about(f"http://127.0.0.1:{nobody.getsockname()[1]}", "Whole"))
    assert found.outcome is Outcome.UNREACHABLE
    assert "EndpointConnectionError" in found.reason


def test_a_server_that_does_not_answer_is_late_within_the_budget() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        found = ask(about(f"http://127.0.0.1:{port}", "Whole"), budget=0.5)
        took = time.monotonic() - began
    assert found.outcome is Outcome.LATE
    assert took < 4


def test_without_credentials_aws_says_so(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    found = ask(about(url, "Whole"))
    assert found.outcome is Outcome.ERROR
    assert "NoCredentialsError" in found.reason


def test_a_profile_that_does_not_exist_is_named(url: str) -> None:
    strange = AwsAccess(region=REGION, profile="nobody", endpoint=url)
    found = CloudWatchApi(Aws()).alarms(AlarmsQuery(strange, ("A",)), BUDGET)
    assert isinstance(found, SourceFailure)
    assert "nobody" in found.message


def test_threads_share_a_client(url: str) -> None:
    put(url, "Shared", [1.0] * MINUTES)
    api, together = CloudWatchApi(Aws()), threading.Barrier(16, timeout=30)
    found: list[object] = []

    def one() -> None:
        together.wait()
        query_ = MetricDataQuery(access(url), json.dumps([query("m0", "Shared")]), START, END)
        found.append(api.metric_data(query_, BUDGET))

    threads = [threading.Thread(target=one) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert all(isinstance(one, MetricData) and len(one.results[0].points) == MINUTES for one in found)
