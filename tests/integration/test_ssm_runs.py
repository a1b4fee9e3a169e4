"""SSM's runs over real HTTP with the real client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.model import Observation, Seen
from chaos_engine.ports import World
from scenarios.aws import AwsScenario
from scenarios.ssm_scenarios import SsmAutomation, SsmCommand
from tests.integration.aws_endpoint import (
    ENVIRONMENT,
    REGION,
    RUNBOOK,
    STRESS,
    Endpoint,
    prepared,
    put_in,
    real_world,
)
from tests.integration.engine_process import Place, running, until

FILE = """
title: an instance is stopped for a moment
scenario: ssm_automation
with: {document: Outage, parameters: {InstanceId: INSTANCE, Wait: WAIT}, timeout: 60s}
target: {name: petsite, aws: {region: REGION, endpoint: "URL"}}
"""


@pytest.fixture
def world() -> World:
    return real_world()


@pytest.fixture
def instance(endpoint: Endpoint) -> str:
    endpoint.document("Outage", "Automation", RUNBOOK)
    return endpoint.instance()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, dict(ENVIRONMENT))


def write(place: Place, endpoint: Endpoint, instance: str, wait: str) -> str:
    words = {"INSTANCE": instance, "WAIT": wait, "REGION": REGION, "URL": endpoint.url}
    text = FILE
    for word, meant in words.items():
        text = text.replace(word, meant)
    place.configure(text, "one.yml")
    return "one.yml"


def statuses(endpoint: Endpoint) -> list[str]:
    return [str(run["AutomationExecutionStatus"]) for run in endpoint.automations()]


def waits(endpoint: Endpoint) -> bool:
    """Whether the instance is stopped, and the step is under way whose `onCancel` starts it again."""
    ssm = endpoint.client("ssm")
    runs = [ssm.get_automation_execution(AutomationExecutionId=r["AutomationExecutionId"]) for r in
            endpoint.automations()]  # fmt: skip
    steps = [step for run in runs for step in run["AutomationExecution"]["StepExecutions"]]
    return ("Wait", "InProgress") in [(step["StepName"], step["StepStatus"]) for step in steps]


def followed(scenario: AwsScenario, fault: Any, world: World) -> list[Seen]:
    seen: list[Seen] = []

    def over() -> bool:
        seen.append(scenario.observe(fault, world))
        return seen[-1].observation in (Observation.ENDED, Observation.FAILED)

    until(over, patience=60.0)
    return seen


# --- Automation -------------------------------------------------------------------------------


def test_a_run_is_followed_from_its_start_to_its_end(endpoint: Endpoint, world: World, instance: str) -> None:
    own: dict[str, Any] = {"document": "Outage", "parameters": {"InstanceId": instance, "Wait": "PT2S"}}
    fault = put_in(prepared(endpoint, world, SsmAutomation(), **own), SsmAutomation(), world)
    seen = followed(SsmAutomation(), fault, world)
    assert Observation.FELT in [each.observation for each in seen]
    assert seen[-1].observation is Observation.ENDED, seen[-1].reason
    assert [step["status"] for step in seen[-1].details["steps"]] == ["Success"] * 3
    SsmAutomation().clear(fault, world)
    assert statuses(endpoint) == ["Success"]


def test_a_repeated_start_is_one_run_and_a_lost_one_is_cancelled(
    endpoint: Endpoint, world: World, instance: str
) -> None:
    own: dict[str, Any] = {"document": "Outage", "parameters": {"InstanceId": instance, "Wait": "PT1H"}}
    lost = prepared(endpoint, world, SsmAutomation(), **own)
    SsmAutomation().clear(lost, world)
    assert not endpoint.automations()
    assert SsmAutomation().inject(lost, world) == SsmAutomation().inject(lost, world)
    until(lambda: waits(endpoint), what="the step that has an onCancel")
    SsmAutomation().clear(lost, world)
    assert statuses(endpoint) == ["Cancelled"]
    assert endpoint.state_of(instance) == "running"  # its onCancel step has run


def test_an_experiment_from_a_file(place: Place, endpoint: Endpoint, instance: str) -> None:
    run = place.call("run", write(place, endpoint, instance, "PT1S"))
    assert run.returncode == 0, run.stderr
    result = json.loads(place.call("history", "--json").stdout)[0]["result"]
    assert (result["ended_by"], result["witness"]) == ("run", "felt")
    assert result["details"][0]["status"] == "Success"


def test_what_a_killed_engine_left_running_is_cancelled_by_the_next(
    place: Place, endpoint: Endpoint, instance: str
) -> None:
    with running(place, "run", write(place, endpoint, instance, "PT1H")) as process:
        until(lambda: waits(endpoint), what="the step that has an onCancel")
        process.popen.kill()
        process.popen.wait()
    cleared = place.call("clear")
    assert cleared.returncode == 0, cleared.stdout + cleared.stderr
    assert statuses(endpoint) == ["Cancelled"]
    assert endpoint.state_of(instance) == "running"


# --- Run Command ------------------------------------------------------------------------------


def test_a_command_is_followed_on_every_instance(endpoint: Endpoint, world: World) -> None:
    instances = [endpoint.instance(), endpoint.instance()]
    document = endpoint.document("Stress", "Command", STRESS)
    fault = prepared(endpoint, world, SsmCommand(), document=document, instances=instances)
    fault = put_in(fault, SsmCommand(), world)
    seen = followed(SsmCommand(), fault, world)[-1]
    assert seen.observation is Observation.ENDED, seen.reason
    assert set(seen.details["instances"]) == set(instances)
