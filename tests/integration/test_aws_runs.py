"""The AWS scenarios over real HTTP with the real client, and `chaos-engine run FILE` with them."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.journal import Journal
from chaos_engine.model import Now, Observation
from chaos_engine.ports import World
from scenarios.aws import RefusedError
from scenarios.fis_scenarios import Fis
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


def stopping(endpoint: Endpoint, duration: str) -> str:
    """A template that stops an instance for so long."""
    arn = f"arn:aws:ec2:{REGION}:123456789012:instance/{endpoint.instance()}"
    return endpoint.template(arn, startInstancesAfterDuration=duration)


@pytest.fixture
def template(endpoint: Endpoint) -> str:
    """It ends soon."""
    return stopping(endpoint, "PT2S")


@pytest.fixture
def lasting(endpoint: Endpoint) -> str:
    """It ends long after the test."""
    return stopping(endpoint, "PT1H")


@pytest.fixture
def world() -> World:
    return real_world()


def status(endpoint: Endpoint) -> str:
    (run,) = endpoint.experiments()
    return str(run["state"]["status"])


# --- FIS --------------------------------------------------------------------------------------


def test_a_run_is_followed_from_its_start_to_its_end(endpoint: Endpoint, template: str, world: World) -> None:
    fault = put_in(prepared(endpoint, world, Fis(), template=template), Fis(), world)
    seen = []

    def ended() -> bool:
        seen.append(Fis().observe(fault, world))
        return seen[-1].observation is Observation.ENDED

    until(ended)
    observations = [each.observation for each in seen]
    assert Observation.FELT in observations
    assert seen[-1].details["account"] == "123456789012"
    assert seen[-1].details["targeted"] == 1
    assert abs((seen[-1].at or 0) - world.clock.now().wall) < 30.0
    Fis().clear(fault, world)
    assert status(endpoint) == "completed"


def test_a_repeated_start_is_one_run_and_a_lost_one_is_found(
    endpoint: Endpoint, lasting: str, world: World
) -> None:
    lost = prepared(endpoint, world, Fis(), template=lasting)
    assert Fis().inject(lost, world) == Fis().inject(lost, world)
    (run,) = endpoint.experiments()
    assert run["tags"]["chaos-engine:fault"] == "owner/e1-0"
    Fis().clear(lost, world)
    assert status(endpoint) == "stopped"
    Fis().clear(lost, world)  # once more does no harm


def test_what_must_not_be_started_is_refused(endpoint: Endpoint, template: str, world: World) -> None:
    with pytest.raises(RefusedError, match=r"nowhere: ResourceNotFoundException: .*nowhere"):
        prepared(endpoint, world, Fis(), template="nowhere")
    endless = endpoint.template(f"arn:aws:ec2:{REGION}:123456789012:instance/i-1")
    with pytest.raises(RefusedError, match="neither a bounded duration nor a stop condition"):
        prepared(endpoint, world, Fis(), template=endless)


# --- SSM --------------------------------------------------------------------------------------


def test_documents_are_looked_at_before_anything_starts(endpoint: Endpoint, world: World) -> None:
    runbook = endpoint.document("Outage", "Automation", RUNBOOK)
    stress = endpoint.document("Stress", "Command", STRESS)
    assert prepared(endpoint, world, SsmAutomation(), document=runbook)
    assert prepared(endpoint, world, SsmCommand(), document=stress, instances=["i-0123456789abcdef0"])
    with pytest.raises(RefusedError, match="of type Automation; allowed: Command"):
        prepared(endpoint, world, SsmCommand(), document=runbook, instances=["i-0123456789abcdef0"])
    with pytest.raises(RefusedError, match="Nowhere: InvalidDocument"):
        prepared(endpoint, world, SsmAutomation(), document="Nowhere")


def test_a_command_is_sent_and_found_again(endpoint: Endpoint, world: World) -> None:
    instance = endpoint.instance()
    document = endpoint.document("Stress", "Command", STRESS)
    fault = prepared(endpoint, world, SsmCommand(), document=document, instances=[instance])
    facts = SsmCommand().inject(fault, world)
    (command,) = endpoint.client("ssm").list_commands()["Commands"]
    assert facts == {"run": command["CommandId"]}
    assert command["InstanceIds"] == [instance]
    SsmCommand().clear(fault, world)  # it is over already, and was found by its comment


# --- the whole ---------------------------------------------------------------------------------

FILE = """
title: an instance is stopped
scenario: fis
with: {template: TEMPLATE, timeout: 30sMORE}
target: {name: petsite, aws: {region: REGION, endpoint: "URL"}}
"""


@pytest.fixture
def place(tmp_path: Path, endpoint: Endpoint) -> Place:
    return Place(tmp_path, dict(ENVIRONMENT))


def write(place: Place, endpoint: Endpoint, template: str, more: str = "", name: str = "one.yml") -> str:
    text = FILE.replace("TEMPLATE", template).replace("REGION", REGION).replace("URL", endpoint.url)
    place.configure(text.replace("MORE", more), name)
    return name


def newest(place: Place) -> Any:
    return json.loads(place.call("history", "--json").stdout)[0]


def test_an_experiment_from_a_file(place: Place, endpoint: Endpoint, template: str) -> None:
    run = place.call("run", write(place, endpoint, template))
    assert run.returncode == 0, run.stderr
    result = newest(place)["result"]
    assert (result["run"], result["ended_by"], result["witness"]) == ("completed", "run", "felt")
    (details,) = result["details"]
    assert (details["template"], details["status"]) == (template, "completed")
    assert details["actions"]["Stop"]["status"] == "completed"
    told = place.call("history", "e1").stdout
    assert f"fis        {details['run']} completed" in told
    assert "some aws:ec2:instance arn:aws:ec2:" in told
    assert "Stop: completed" in told


def test_a_preview_from_a_file(place: Place, endpoint: Endpoint, template: str) -> None:
    run = place.call("run", write(place, endpoint, template, ", preview: true"))
    assert run.returncode == 0, run.stderr
    row = newest(place)
    assert row["verdict"] == "unjudged"
    assert "proves nothing" in row["result"]["reason"]
    assert row["result"]["details"][0]["targeted"] == 1


def test_a_run_that_does_not_end_in_time_is_stopped(place: Place, endpoint: Endpoint, lasting: str) -> None:
    file = write(place, endpoint, lasting)
    text = (place.folder / file).read_text().replace("30s", "2s")
    (place.folder / file).write_text(text)
    run = place.call("run", file)
    assert run.returncode == 4, run.stderr
    assert status(endpoint) == "stopped"
    assert "had not ended 2 s after" in newest(place)["result"]["reason"]


def test_what_a_killed_engine_left_running_is_stopped_by_the_next(
    place: Place, endpoint: Endpoint, lasting: str
) -> None:
    file = write(place, endpoint, lasting)
    with running(place, "run", file) as process:
        until(endpoint.experiments, what="a run")
        process.popen.kill()
        process.popen.wait()
    assert status(endpoint) in ("pending", "initiating", "running")
    cleared = place.call("clear")
    assert cleared.returncode == 0, cleared.stdout + cleared.stderr
    assert status(endpoint) == "stopped"
    assert json.loads(place.call("status", "--json").stdout).get("faults", []) == []


def test_a_template_that_must_not_be_started_is_failed_and_says_why(place: Place, endpoint: Endpoint) -> None:
    endless = endpoint.template(f"arn:aws:ec2:{REGION}:123456789012:instance/i-1")
    run = place.call("run", write(place, endpoint, endless))
    assert run.returncode == 4, run.stderr
    assert "neither a bounded duration nor a stop condition" in newest(place)["result"]["reason"]
    assert not endpoint.experiments()


def test_the_janitor_stops_what_is_overdue_once(
    place: Place, endpoint: Endpoint, lasting: str, world: World
) -> None:
    past = Now(world.clock.now().wall - 5.0, 0.0)
    fault = replace(put_in(prepared(endpoint, world, Fis(), template=lasting), Fis(), world), deadline=past)
    place.data.mkdir()
    journal = Journal(place.data)
    journal.arm(fault)
    journal.applied(fault, past.wall)
    journal.close()
    with running(place, "janitor") as janitor:
        janitor.says("Cleared e1-0 (fis on petsite)")
        assert status(endpoint) == "stopped"
        time.sleep(3.0)  # in which it looks whether it has come back
        assert "came back" not in janitor.said
        assert janitor.stop()[0] == 0, janitor.said


# --- doctor -------------------------------------------------------------------------------------


def test_doctor(place: Place, endpoint: Endpoint, template: str) -> None:
    settings = f"""
aws: {{region: {REGION}, endpoint: "{endpoint.url}"}}
targets: {{petsite: {{aws: true}}}}
scenarios:
  zone: {{scenario: fis, template: TEMPLATE}}
  nowhere: {{scenario: ssm_automation, document: Nowhere}}
"""
    place.configure(settings.replace("TEMPLATE", template))
    looked = place.call("doctor", "--json")
    assert looked.returncode == 1, looked.stderr
    assert looked.stdout, looked.stderr
    found = {finding["what"]: finding for finding in json.loads(looked.stdout)}
    assert "account 123456789012, arn:aws:sts::" in found[f"aws endpoint {endpoint.url}"]["text"]
    assert found["zone"]["state"] == "ok"
    assert f"experiment-template/{template}" in found["zone"]["text"]
    assert "Nowhere: InvalidDocument" in found["nowhere"]["text"]
    unchecked = found["aws permissions"]
    assert unchecked["state"] == "note"
    assert "fis:StopExperiment" in unchecked["text"]
    assert not endpoint.experiments()
