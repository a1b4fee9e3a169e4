"""The same window, judged by us and as the original judges it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from chaos_engine.adapters.aws import Aws
from chaos_engine.adapters.cloudwatch import CloudWatchApi
from chaos_engine.adapters.http_prober import HttpProber
from chaos_engine.adapters.prometheus import PrometheusApi
from chaos_engine.chaos_machine import Input, experiment
from chaos_engine.evaluation import evaluate
from chaos_engine.model import (
    AlarmProbe,
    AwsAccess,
    CloudWatchProbe,
    OriginalProbe,
    Outcome,
    Purpose,
    Question,
    Target,
    Window,
)
from chaos_engine.ports import Sources
from tests.integration.aws_endpoint import ENVIRONMENT, REGION, Endpoint
from tests.integration.chaos_machine_stage import PERIOD, Stage


def judged(stage: Stage, window: Window, **steady: Any) -> tuple[Outcome, Outcome]:
    """Ours and the original's, of the same window, asked long after it."""
    access = AwsAccess(region=REGION, endpoint=stage.endpoint.url)
    given = Input(
        testId="1", experimentTemplateId="EXT1", steadyState=steady, hypothesis="steadyState", wait="2s"
    )
    (probe,) = experiment(given, "one", Target("aws", aws=access), access).steady
    assert isinstance(probe, (CloudWatchProbe, AlarmProbe))
    sources = Sources(HttpProber(), PrometheusApi(), CloudWatchApi(Aws()))
    asked = [Question(one, Purpose.HYPOTHESIS, window) for one in (probe, OriginalProbe(probe))]
    ours, original = evaluate(asked, sources, lambda: window.end + 300.0, 30.0)
    return ours.outcome, original.outcome


@pytest.fixture
def stage(served: Endpoint, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, request: Any) -> Stage:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return Stage(served, tmp_path, request.node.name)


def test_no_datapoints_support_the_original(stage: Stage) -> None:
    now = time.time() // PERIOD * PERIOD
    window = Window(now - 60.0, now - 20.0)
    stage.errors(1.0, now - 60.0, now - 30.0)  # the last period has none
    assert judged(stage, window, metrics=stage.metrics()) == (Outcome.TOO_FEW, Outcome.PASS)


def test_an_alarm_that_came_from_insufficient_data_is_none_to_the_original(stage: Stage) -> None:
    name, began = stage.alarm("INSUFFICIENT_DATA"), time.time()
    stage.changes("ALARM", "OK")
    window = Window(began, time.time() + 1.0)
    assert judged(stage, window, alarms=[name]) == (Outcome.BROKEN, Outcome.PASS)


def test_a_0_is_one_to_both(stage: Stage) -> None:
    now = time.time() // PERIOD * PERIOD
    stage.errors(100.0, now - 60.0, now - 20.0)
    window = Window(now - 60.0, now - 20.0)
    assert judged(stage, window, metrics=stage.metrics()) == (Outcome.BROKEN, Outcome.BROKEN)
