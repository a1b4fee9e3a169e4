"""The scenario `fis` in the rehearsal, where a run takes its time and hurts what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.model import AwsAccess, Fault, Observation, Seen, Target
from chaos_engine.ports import World
from scenarios.fis_scenarios import Fis
from tests.integration.aws_endpoint import ENVIRONMENT, Endpoint, prepared, put_in, real_world
from tests.integration.engine_process import Place, running, until
from tests.integration.rehearsal_fis.rehearsal_server import Aws, hurt, wait

FILE = """
title: an instance is stopped
scenario: fis
with: {template: TEMPLATE, timeout: 60s}
target: {name: petsite, aws: {region: REGION, endpoint: "URL"}}
"""
LONG = {"stop": hurt("stop", startInstancesAfterDuration="PT1H")}
SKIPS = {"accountTargeting": "single-account", "emptyTargetResolutionMode": "skip"}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return real_world()


def begun(aws: Aws, world: World, template: str, **own: Any) -> Fault:
    target = Target("petsite", aws=AwsAccess(region=aws.region, endpoint=aws.url))
    fault = prepared(Endpoint(aws.url), world, Fis(), target=target, template=template, **own)
    return put_in(fault, Fis(), world)


def followed(fault: Fault, world: World) -> list[Seen]:
    """Every look, to the end of the run."""
    seen: list[Seen] = []

    def over() -> bool:
        seen.append(Fis().observe(fault, world))
        return seen[-1].observation in (Observation.ENDED, Observation.FAILED)

    until(over, patience=60.0)
    return seen


def test_a_run_is_felt_and_ends_when_everything_is_as_before(aws: Aws, world: World) -> None:
    ids = aws.instances(2)
    template = aws.template(
        {"stop": hurt("stop", startInstancesAfterDuration="PT2S"), "wait": wait("PT1S", "stop")},
        "PERCENT(50)",
    )
    seen = followed(begun(aws, world, template), world)
    assert Observation.FELT in [each.observation for each in seen]
    assert (seen[-1].observation, seen[-1].felt) == (Observation.ENDED, True)
    assert seen[-1].details["targeted"] == 1
    assert {name: part["status"] for name, part in seen[-1].details["actions"].items()} == {
        "stop": "completed",
        "wait": "completed",
    }
    assert aws.states(ids) == ["running", "running"]


def test_clearing_stops_the_run_and_starts_the_instances_again(aws: Aws, world: World) -> None:
    ids = aws.instances(1)
    fault = begun(aws, world, aws.template(LONG))
    until(lambda: aws.states(ids) == ["stopped"])
    assert Fis().observe(fault, world).observation is Observation.FELT
    Fis().clear(fault, world)
    assert aws.experiment(fault.undo["run"])["state"]["status"] == "stopped"
    assert aws.states(ids) == ["running"]
    assert Fis().observe(fault, world).observation is Observation.FAILED


def test_a_preview_lists_what_it_would_hurt_and_hurts_nothing(aws: Aws, world: World) -> None:
    ids = aws.instances(2)
    seen = followed(begun(aws, world, aws.template(LONG), preview=True), world)
    assert seen[-1].observation is Observation.ENDED
    named = {target["arn"].rpartition("/")[2] for target in seen[-1].details["targets"]}
    assert named == set(ids)
    assert aws.states(ids) == ["running", "running"]


@pytest.mark.parametrize("options", [{}, {"experimentOptions": SKIPS}], ids=["fail", "skip"])
def test_a_run_that_finds_nothing_has_failed(aws: Aws, world: World, options: dict[str, Any]) -> None:
    seen = followed(begun(aws, world, aws.template(LONG, **options)), world)[-1]
    assert seen.observation is Observation.FAILED
    assert "empty set" in seen.reason or "nothing was targeted" in seen.reason


@pytest.fixture
def lever(aws: Aws) -> Iterator[None]:
    state = {"status": "engaged", "reason": "a release is going on"}
    aws.fis.update_safety_lever_state(id="default", state=state)
    yield
    aws.fis.update_safety_lever_state(id="default", state={"status": "disengaged", "reason": "it is over"})


def test_the_safety_lever_is_named(aws: Aws, world: World, lever: None) -> None:
    aws.instances(1)
    seen = followed(begun(aws, world, aws.template(LONG)), world)[-1]
    assert seen.observation is Observation.FAILED
    assert "the account's safety lever is engaged: a release is going on" in seen.reason


# --- the whole ---------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, dict(ENVIRONMENT))


def write(place: Place, aws: Aws, template: str) -> str:
    text = FILE.replace("TEMPLATE", template).replace("REGION", aws.region).replace("URL", aws.url)
    place.configure(text, "one.yml")
    return "one.yml"


def test_an_experiment_from_a_file(place: Place, aws: Aws) -> None:
    aws.instances(1)
    template = aws.template({"stop": hurt("stop", startInstancesAfterDuration="PT3S")})
    run = place.call("run", write(place, aws, template))
    assert run.returncode == 0, run.stderr
    result = json.loads(place.call("history", "--json").stdout)[0]["result"]
    assert (result["ended_by"], result["witness"]) == ("run", "felt")
    assert result["details"][0]["actions"]["stop"]["status"] == "completed"


def test_what_a_killed_engine_left_is_undone_by_the_next(place: Place, aws: Aws) -> None:
    ids = aws.instances(1)
    with running(place, "run", write(place, aws, aws.template(LONG))) as process:
        until(lambda: aws.states(ids) == ["stopped"])
        process.popen.kill()
        process.popen.wait()
    cleared = place.call("clear")
    assert cleared.returncode == 0, cleared.stdout + cleared.stderr
    assert aws.states(ids) == ["running"]
