"""The stack with its profile `aws`: runs of FIS and SSM in a rehearsed AWS, judged by its CloudWatch."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.docker.stack import Stack, until

# Building may have to fetch packages first.
pytestmark = [pytest.mark.docker, pytest.mark.soak, pytest.mark.timeout(900)]

ERRORS = "per cent of 5xx"
LATENCY = "mean seconds of an answer"
ALARM = "alarm ShopFails"
SCHEDULED = 600.0  # seconds in which there are 13 starts, each with a choice of two
RUN = 180.0  # seconds that one experiment may take; 50 of them when nothing else is going on


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    # The first engine does nothing by itself: a verdict is about one thing.
    schedule = {"CHAOS_AWS_STARTUP_WAIT": "10", "CHAOS_AWS_INTERVAL": "45"}
    with Stack(COMPOSE_PROFILES="aws", CHAOS_STARTUP_WAIT="3600", CHAOS_LOG="json", **schedule) as running:
        yield running


@pytest.fixture(autouse=True)
def _tell_what_was_said(stack: Stack, request: pytest.FixtureRequest) -> Iterator[None]:
    before = request.session.testsfailed
    yield
    if request.session.testsfailed > before:
        print(stack.compose("logs", "--no-color", "--tail=60", "engine-aws", "rehearsal"))


def ask(stack: Stack, *arguments: str) -> Any:
    """What the second engine's command line answers, whatever the verdict."""
    command = " ".join(("chaos-engine", *arguments, "--json || true"))
    return json.loads(stack.compose("exec", "-T", "engine-aws", "sh", "-c", command, timeout=RUN))


def judged(stack: Stack, scenario: str) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Inject it as soon as the gate is met; its entry in the history, and its judgements by their probes."""

    def injected() -> Any:
        found = ask(stack, "inject", scenario, "--target", "shop")
        return found if found["verdict"] != "steady_state_not_met" else None

    # At first the metrics are too young for the gate, and the alarm was not evaluated yet.
    entry = ask(stack, "history", until(injected, "the gate is met", pause=1)["id"])
    return entry, {one["probe"]: one for one in entry["result"]["judgements"]}


def logged(stack: Stack, kind: str) -> list[dict[str, Any]]:
    lines = stack.compose("logs", "--no-color", "--no-log-prefix", "engine-aws").splitlines()
    entries = (json.loads(line[line.index("{") :]) for line in lines if "{" in line)
    return [entry for entry in entries if entry["kind"] == kind]


def test_runs_of_both_kinds_come_by_the_schedule_and_are_judged(stack: Stack) -> None:
    def told() -> dict[str, str]:
        """The newest verdict of each kind; at first the metrics are too young for the gate."""
        entries = ask(stack, "history", "--limit", "50")
        over = [one for one in entries if one["verdict"] not in (None, "steady_state_not_met")]
        return {one["scenario"]: one["verdict"] for one in over}

    until(lambda: len(told()) == 2, "a run of each", SCHEDULED, pause=5)
    assert told() == {"fis": "supported", "ssm_automation": "supported"}
    stack.compose("exec", "-T", "engine-aws", "chaos-engine", "pause")  # from now on a test says when
    until(lambda: all(one["verdict"] for one in ask(stack, "history")), "the last one is over", RUN)


def test_a_run_of_fis_is_supported_by_numbers_of_cloudwatch(stack: Stack) -> None:
    entry, by = judged(stack, "fis")
    assert entry["verdict"] == "supported", entry["result"]["reason"]
    assert (entry["result"]["witness"], entry["result"]["cleanup"]) == ("felt", "clean")
    (run,) = entry["result"]["details"]
    assert (run["template"], run["status"], run["targeted"]) == ("EXTstoponeinstance", "completed", 1)
    assert by[ERRORS]["evidence"]["samples"] >= 1
    assert by[ERRORS]["evidence"]["high"] == 0
    # Not 0, as it would be where nobody was served.
    assert 0 < by[LATENCY]["evidence"]["low"] <= by[LATENCY]["evidence"]["high"] < 0.5
    assert by[ALARM]["outcome"] == "pass"


def test_a_run_of_ssm_is_not_supported_while_the_shop_fails(stack: Stack) -> None:
    before = len(logged(stack, "injected"))
    with ThreadPoolExecutor() as pool:
        running = pool.submit(judged, stack, "ssm_automation")
        until(lambda: len(logged(stack, "injected")) > before, "the run has begun", RUN)
        fail = ("inject", "config_error", "--target", "target-app", "--for", "12s", "--now", "--json")
        with stack.started_cli(*fail) as other:
            entry, by = running.result()
            other.communicate(timeout=RUN)

    assert entry["verdict"] == "not_supported", entry["result"]["reason"]
    assert (entry["result"]["run"], entry["result"]["cleanup"]) == ("completed", "clean")
    (run,) = entry["result"]["details"]
    assert (run["document"], run["status"], len(run["targets"])) == ("StopForAWhile", "Success", 2)
    assert by[ERRORS]["outcome"] == "broken"
    assert by[ERRORS]["evidence"]["high"] > 50


def test_the_second_engine_and_the_rehearsal_are_healthy_confined_and_bounded(stack: Stack) -> None:
    for service, megabytes in (("engine-aws", 160), ("rehearsal", 384), ("janitor-aws", 128)):
        found = stack.inspect(service)
        assert found["State"]["Health"]["Status"] == "healthy"
        host = found["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["Memory"] == megabytes * 1024**2
        assert not host["PortBindings"]
        assert found["RestartCount"] == 0
    assert stack.memory("engine-aws") < 112
    assert stack.memory("janitor-aws") < 96
    with pytest.raises(AssertionError, match="boto3"):  # the first engine is as small as ever
        stack.compose("exec", "-T", "engine", "python", "-c", "import boto3")


LONG = """
import boto3, json, sys
fis = boto3.client("fis", endpoint_url="http://127.0.0.1:4599", region_name="eu-central-1",
                   aws_access_key_id="any", aws_secret_access_key="any")
if sys.argv[1:] == ["make"]:
    wait = {"actionId": "aws:fis:wait", "parameters": {"duration": "PT1H"}}
    fis.create_experiment_template(
        description="an hour", roleArn="arn:aws:iam::123456789012:role/any", actions={"wait": wait},
        targets={}, stopConditions=[{"source": "none"}], tags={"_custom_id_": "EXTanhour"})
runs = fis.list_experiments(experimentTemplateId="EXTanhour")["experiments"]
print(json.dumps([run["state"]["status"] for run in runs]))
"""


def test_the_janitor_stops_a_run_that_a_dead_engine_left_going(stack: Stack) -> None:
    def hour(*arguments: str) -> Any:
        return json.loads(stack.compose("exec", "-T", "rehearsal", "python", "-c", LONG, *arguments))

    hour("make")
    stack.compose("stop", "engine-aws")  # the data folder belongs to one engine at a time
    own = ("-e", "CHAOS_SCENARIOS__FIS__TEMPLATE=EXTanhour", "-e", "CHAOS_SCENARIOS__FIS__TIMEOUT=5s")
    inject = ("engine-aws", "inject", "fis", "--target", "shop", "--now")
    engine = stack.compose("run", "--detach", "--no-deps", *own, *inject).strip()
    until(lambda: hour() == ["running"], "the run goes on", RUN)
    subprocess.run(["docker", "kill", "--signal=KILL", engine], check=True, capture_output=True)
    assert hour() == ["running"]
    until(lambda: hour() == ["stopped"], "it is stopped", RUN)
    said = stack.compose("logs", "--no-color", "--no-log-prefix", "janitor-aws")
    assert "(fis on shop)" in said, said
    assert "its engine is gone" in said, said
