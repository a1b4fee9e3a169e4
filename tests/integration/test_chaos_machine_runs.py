"""Inputs of the Chaos Machine, run against the rehearsal: every outcome, with its exit code and its reason.

The runs begin together and go on side by side: the window of a metric ends at a full minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
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
from tests.integration.chaos_machine_stage import AHEAD, PERIOD, Ended, Stage
from tests.integration.engine_process import until

SHORT, LONG = "PT2S", "PT12S"  # LONG: a whole period lies in the window, wherever the minute ends
ABREAST = 6
CASES: dict[str, Callable[[Stage], Ended]] = {}


def case(run: Callable[[Stage], Ended]) -> Callable[[Stage], Ended]:
    CASES[run.__name__] = run
    return run


@pytest.fixture(scope="module")
def runs(served: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Future[Ended]]]:
    """All of them, under way."""
    folder = tmp_path_factory.mktemp("runs")
    with ThreadPoolExecutor(ABREAST) as pool:
        yield {
            name: pool.submit(run, Stage(served, folder, name.replace("_", "-")))
            for name, run in CASES.items()
        }


@pytest.fixture
def ended(runs: Mapping[str, Future[Ended]]) -> Callable[[str], Ended]:
    return lambda name: runs[name].result(280)


# --- the hypothesis -------------------------------------------------------------------------


@case
def all_is_well(stage: Stage) -> Ended:
    stage.calm()
    steady = {"metrics": stage.metrics(), "alarms": [stage.alarm("OK")]}
    template = stage.waiting(LONG)
    return stage.run({"experimentTemplateId": template, "steadyState": steady, "hypothesis": "steadyState"})


@case
def errors_meanwhile(stage: Stage) -> Ended:
    stage.calm()
    template = stage.waiting(LONG)

    def more_errors() -> None:
        stage.started(template)
        stage.errors(100.0, time.time(), time.time() + AHEAD)

    steady = {"metrics": stage.metrics()}
    given = {"experimentTemplateId": template, "steadyState": steady, "hypothesis": "steadyState"}
    return stage.run(given, more_errors)


@case
def no_datapoints(stage: Stage) -> Ended:
    given = {
        "experimentTemplateId": stage.waiting(LONG),
        "steadyState": {"alarms": [stage.alarm("OK")]},
        "hypothesis": {"metrics": stage.metrics()},
    }
    return stage.run(given)


@case
def an_alarm_meanwhile(stage: Stage) -> Ended:
    """By way of INSUFFICIENT_DATA, and over before the run's end."""
    template = stage.waiting("PT6S")

    def alarm() -> None:
        stage.started(template)
        stage.changes("INSUFFICIENT_DATA", "ALARM", "OK")

    given = {
        "experimentTemplateId": template, "steadyState": {"alarms": [stage.alarm("OK")]},
        "hypothesis": "steadyState",
    }  # fmt: skip
    return stage.run(given, alarm)


def _recovery(stage: Stage, *states: str, duration: int) -> Ended:
    """An alarm in the run; afterwards, before the recovery window, these states."""
    template = stage.waiting("PT4S")

    def alarm() -> None:
        run = stage.started(template)
        stage.changes("ALARM")
        until(lambda: stage.status(run) == "running", 60.0)
        stage.changes(*states)

    given = {
        "experimentTemplateId": template, "steadyState": {"alarms": [stage.alarm("OK")]},
        "hypothesis": "steadyState", "recoveryDelay": 1, "recoveryDuration": duration,
    }  # fmt: skip
    return stage.run(given, alarm)


@case
def well_again(stage: Stage) -> Ended:
    return _recovery(stage, "OK", duration=2)


@case
def not_well_again(stage: Stage) -> Ended:
    return _recovery(stage, duration=2)


@case
def a_document(stage: Stage) -> Ended:
    sleep = {"name": "Sleep", "action": "aws:sleep", "inputs": {"Duration": SHORT}}
    given = {
        "automationDocumentName": stage.document(sleep), "steadyState": {"alarms": [stage.alarm("OK")]},
        "hypothesis": "steadyState",
    }  # fmt: skip
    return stage.run(given)


def test_supported(ended: Callable[[str], Ended]) -> None:
    found = ended("all_is_well")
    assert (found.code, found.result["verdict"]) == (0, "supported"), found.said
    assert {one["outcome"] for one in found.result["judgements"]} == {"pass"}
    assert len(found.result["judgements"]) == 2
    assert found.result["details"][0]["status"] == "completed"


def test_supported_while_a_document_ran(ended: Callable[[str], Ended]) -> None:
    found = ended("a_document")
    assert (found.code, found.result["verdict"]) == (0, "supported"), found.said
    assert found.result["details"][0]["status"] == "Success"


def test_not_supported_by_a_0_of_an_expression(ended: Callable[[str], Ended]) -> None:
    found = ended("errors_meanwhile")
    assert (found.code, found.result["verdict"]) == (1, "not_supported"), found.said
    assert "e1" in found.reason
    assert found.result["run"] == "completed"


def test_not_supported_by_a_change_into_alarm_whatever_it_was_before(ended: Callable[[str], Ended]) -> None:
    found = ended("an_alarm_meanwhile")
    assert (found.code, found.result["verdict"]) == (1, "not_supported"), found.said
    assert "alarm-an-alarm-meanwhile was in ALARM from" in found.reason


def test_no_datapoints_are_no_support(ended: Callable[[str], Ended]) -> None:
    found = ended("no_datapoints")
    assert (found.code, found.result["verdict"]) == (5, "inconclusive"), found.said
    assert "e1 has no datapoints in the window" in found.reason


def test_only_the_recovery_window_counts_where_there_is_one(ended: Callable[[str], Ended]) -> None:
    again, never = ended("well_again"), ended("not_well_again")
    assert (again.code, again.result["verdict"]) == (0, "supported"), again.said
    assert (never.code, never.result["verdict"]) == (1, "not_supported"), never.said
    assert "was already in ALARM" in never.reason
    (judgement,) = again.result["judgements"]
    window = judgement["evidence"]["window"]
    assert window["start"] >= again.result["cleared_at"] + 1.0
    assert window["end"] - window["start"] == pytest.approx(2.0)


# --- the steady state -----------------------------------------------------------------------


def _gated(stage: Stage, **steady: Any) -> Ended:
    given = {
        "experimentTemplateId": stage.waiting("PT1H"), "steadyState": steady, "hypothesis": "steadyState",
        "lookback": 10,
    }  # fmt: skip
    return stage.run(given)


@case
def errors_before(stage: Stage) -> Ended:
    stage.errors(100.0, time.time() - 120.0, time.time() + AHEAD)
    return _gated(stage, metrics=stage.metrics())


@case
def an_alarm_before(stage: Stage) -> Ended:
    return _gated(stage, alarms=[stage.alarm("ALARM")])


@case
def an_alarm_without_data_before(stage: Stage) -> Ended:
    return _gated(stage, alarms=[stage.alarm("INSUFFICIENT_DATA")])


@case
def an_unknown_alarm(stage: Stage) -> Ended:
    return _gated(stage, alarms=[stage.alarm("OK"), "nobody-has-it"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("errors_before", "e1"),
        ("an_alarm_before", "alarm-an-alarm-before is ALARM"),
        ("an_alarm_without_data_before", "is INSUFFICIENT_DATA"),
        ("an_unknown_alarm", "there is no alarm of the name nobody-has-it"),
    ],
)
def test_nothing_is_started_unless_the_steady_state_is_met(
    ended: Callable[[str], Ended], served: Endpoint, name: str, words: str
) -> None:
    found = ended(name)
    assert (found.code, found.result["verdict"]) == (3, "steady_state_not_met"), found.said
    assert words in found.reason
    tag = f"{name}".replace("_", "-")
    templates = served.client("fis").list_experiment_templates(maxResults=100)["experimentTemplates"]
    (own,) = [one["id"] for one in templates if one["description"] == tag]
    assert not served.client("fis").list_experiments(experimentTemplateId=own)["experiments"]


# --- the run --------------------------------------------------------------------------------


def _watched(stage: Stage, **more: Any) -> dict[str, Any]:
    return {"steadyState": {"alarms": [stage.alarm("OK")]}, "hypothesis": "steadyState", **more}


@case
def no_such_template(stage: Stage) -> Ended:
    return stage.run(_watched(stage, experimentTemplateId="EXTnone"))


@case
def overridden(stage: Stage) -> Ended:
    more = ["--set", f"experimentTemplateId={stage.waiting(SHORT)}"]
    return stage.run(_watched(stage, experimentTemplateId="EXTnone"), more=more)


@case
def nothing_targeted(stage: Stage) -> Ended:
    return stage.run(_watched(stage, experimentTemplateId=stage.missing_its_target()))


@case
def a_document_that_fails(stage: Stage) -> Ended:
    inputs = {"Service": "ec2", "Api": "StopInstances", "InstanceIds": ["i-0123456789abcdef0"]}
    step = {"name": "Stop", "action": "aws:executeAwsApi", "inputs": inputs}
    return stage.run(_watched(stage, automationDocumentName=stage.document(step)))


@case
def stopped_by_somebody(stage: Stage) -> Ended:
    template = stage.waiting("PT1H")
    stop = stage.endpoint.client("fis").stop_experiment
    given = _watched(stage, experimentTemplateId=template)
    return stage.run(given, lambda: stop(id=stage.started(template)))


@case
def too_long(stage: Stage) -> Ended:
    return stage.run(_watched(stage, experimentTemplateId=stage.waiting("PT1H"), timeout="2s"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_such_template", "template EXTnone: ResourceNotFoundException"),
        ("nothing_targeted", "failed"),
        ("a_document_that_fails", "Stop"),
        ("stopped_by_somebody", "stopped"),
        ("too_long", "had not ended 2 s after"),
    ],
)
def test_a_run_that_does_not_complete_has_failed_and_says_why(
    ended: Callable[[str], Ended], name: str, words: str
) -> None:
    found = ended(name)
    assert (found.code, found.result["verdict"]) == (4, "failed"), found.said
    assert words in found.reason
    assert found.result["hypothesis"] != "not_supported"


def test_a_field_is_overridden(ended: Callable[[str], Ended]) -> None:
    found = ended("overridden")
    assert (found.code, found.result["verdict"]) == (0, "supported"), found.said


@case
def aborted(stage: Stage) -> Ended:
    template, alarm = stage.waiting("PT1H"), stage.alarm("OK")

    def worse() -> None:
        stage.started(template)
        stage.changes("ALARM")

    given = _watched(stage, experimentTemplateId=template, abort_when=[{"alarm": alarm}])
    found = stage.run(given, worse)
    assert stage.status(stage.started(template)) == "stopped"
    return found


def test_an_abort_condition_stops_the_run(ended: Callable[[str], Ended]) -> None:
    found = ended("aborted")
    assert (found.code, found.result["verdict"]) == (4, "aborted"), found.said
    assert "alarm-aborted is ALARM" in found.reason


# --- the original's judgement beside ours -----------------------------------------------------


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
