"""An input of the Chaos Machine as a weighted scenario of the daemon, in the AWS that the input names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.aws_endpoint import ENVIRONMENT, REGION, Endpoint
from tests.integration.chaos_machine_stage import PATIENCE, Stage
from tests.integration.engine_process import Place, running, until

# Nobody answers where the target is: only the input knows better.
SETTINGS = """
schedule: {startup_wait: 100ms, every: 1h}
aws: {region: us-east-1, endpoint: "http://127.0.0.1:1"}
targets: {petsite: {aws: true}}
scenarios:
  zone: {chaos_machine: inputs/zone.json, weight: 0.5}
"""


@contextmanager
def scheduled(stage: Stage, template: str, alarm: str, more: str = "") -> Iterator[Place]:
    """The daemon, which runs the input as soon as it is up."""
    place = Place(stage.folder / stage.name, dict(ENVIRONMENT))
    (place.folder / "inputs").mkdir(parents=True)
    given = {
        "testId": "zone", "experimentTemplateId": template, "steadyState": {"alarms": [alarm]},
        "hypothesis": "steadyState", "aws": {"region": REGION, "endpoint": stage.endpoint.url}, "wait": "2s",
    }  # fmt: skip
    (place.folder / "inputs" / "zone.json").write_text(json.dumps(given))
    place.configure(SETTINGS + more)
    with running(place, "run"):
        yield place


def ended(place: Place) -> dict[str, Any]:
    def verdict() -> Any:
        said = place.call("history", "--json").stdout
        return [one for one in json.loads(said or "[]") if one["verdict"]]

    (entry,) = until(verdict, PATIENCE, "a verdict")
    return dict(entry)


@pytest.fixture
def stage(served: Endpoint, tmp_path: Path, request: pytest.FixtureRequest) -> Stage:
    return Stage(served, tmp_path, str(request.node.name).replace("_", "-"))


def test_it_is_chosen_run_and_judged_where_it_says(stage: Stage) -> None:
    with scheduled(stage, stage.waiting("PT2S"), stage.alarm("OK")) as place:
        found = ended(place)
    assert (found["scenario"], found["target"]) == ("zone", "petsite")
    assert found["verdict"] == "supported", found["result"]["reason"]
    assert found["result"]["details"][0]["status"] == "completed"


def test_an_abort_condition_of_the_file_stops_its_run(stage: Stage) -> None:
    """Nobody answers the condition either: three polls without data abort."""
    template = stage.waiting("PT1H")
    with scheduled(stage, template, stage.alarm("OK"), "abort_when: [{alarm: Overload}]") as place:
        run = stage.started(template)
        assert ended(place)["verdict"] == "aborted"
    assert stage.status(run) == "stopped"
