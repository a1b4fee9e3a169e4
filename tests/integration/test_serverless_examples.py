"""The demos of `examples/serverless`, end to end: by our own scenarios, and by FIS with SSM Automation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.aws_endpoint import ENVIRONMENT, REGION, Endpoint
from tests.integration.engine_process import ROOT, Place, running, until
from tests.integration.rehearsal_fis.rehearsal_server import serving
from tests.integration.rehearsed_functions import settings

EXAMPLES = ROOT / "examples" / "serverless"
DOCUMENTS = {"concurrency": "LambdaConcurrency", "handler": "LambdaHandler", "latency": "LambdaLayer"}
BEFORE: dict[str, Any] = {
    "handler": "app.handler", "variables": {"TABLE": "orders"}, "layers": [], "reserved": None, "tags": {},
}  # fmt: skip
PARAMETER = "/orders/chaos"
PATIENCE = 120.0
LAYER = f"arn:aws:lambda:{REGION}:123456789012:layer:chaos-"
VARIABLES = {
    "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap", "CHAOS_EXTENSION__LAMBDA__ENABLE_LATENCY": "true",
    "CHAOS_EXTENSION__LAMBDA__LATENCY_VALUE": "5", "CHAOS_EXTENSION__LAMBDA__LATENCY_PROBABILITY": "0.5",
}  # fmt: skip
HURT: dict[str, dict[str, Any]] = {
    "concurrency": {"reserved": 0},
    "handler": {"handler": "chaos_handler.handler"},
    "latency": {"layers": [f"{LAYER}extension:1"], "variables": {"TABLE": "orders", **VARIABLES}},
}


@pytest.fixture(scope="module")
def seeded() -> Iterator[Endpoint]:
    with serving("--seed", str(EXAMPLES / "seed.yml")) as (_, url):
        yield Endpoint(url)


@dataclass
class Stage:
    """The example's function in the rehearsal, and a folder to run in."""

    endpoint: Endpoint
    place: Place

    def state(self) -> dict[str, Any]:
        return settings(self.endpoint, "orders")

    def parameter(self) -> str:
        found = self.endpoint.client("ssm").get_parameter(Name=PARAMETER)
        return str(found["Parameter"]["Value"])

    def is_hurt(self, name: str) -> bool:
        state = self.state()
        return all(state[key] == value for key, value in HURT[name].items())

    def alarm(self, state: str) -> None:
        """What must end the experiment fires; its own data would put it right ten seconds later."""
        self.endpoint.client("cloudwatch").set_alarm_state(
            AlarmName="OrdersFailing", StateValue=state, StateReason="the test says so"
        )

    def written(self, name: str) -> str:
        """The example with shorter times."""
        text = (EXAMPLES / f"{name}.chaos.yml").read_text()
        for long, short in {"2m": "4s", "1m": "1s", "10s": "1s", "20s": "2s"}.items():
            text = text.replace(f": {long}\n", f": {short}\n")
        self.place.configure(text, f"{name}.yml")
        return f"{name}.yml"

    def _is_over(self) -> bool:
        """The alarm has no data, and would be quiet again soon: it fires until somebody has heard it."""
        self.alarm("ALARM")
        return self.state() == BEFORE

    def judged(self, name: str, *more: str, is_hurt: Callable[[], bool]) -> None:
        """It is hurt, and supported in the end."""
        with running(self.place, "run", self.written(name), *more) as process:
            until(is_hurt, PATIENCE, process.said)
            process.popen.wait(PATIENCE)
            assert process.popen.poll() == 0, process.rest()

    def aborted(self, name: str, *more: str, is_hurt: Callable[[], bool]) -> None:
        """It is hurt, and the alarm ends it long before its time."""
        with running(self.place, "run", self.written(name), *more) as process:
            until(is_hurt, PATIENCE, process.said)
            until(self._is_over, PATIENCE, "an end of it")
            process.says("OrdersFailing", PATIENCE)
            process.stop()


@pytest.fixture
def stage(seeded: Endpoint, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(seeded, Place(tmp_path, {**ENVIRONMENT, "AWS_ENDPOINT_URL": seeded.url}))
    made.alarm("OK")
    alarms = seeded.client("cloudwatch").describe_alarms
    until(lambda: {each["StateValue"] for each in alarms()["MetricAlarms"]} == {"OK"}, PATIENCE, "alarms")
    yield made
    assert made.state() == BEFORE
    assert '"is_enabled": false' in made.parameter()


@pytest.mark.parametrize("name", sorted(HURT))
def test_it_is_held_judged_and_undone(stage: Stage, name: str) -> None:
    wanted = '"is_enabled": true' if name == "handler" else ""
    stage.judged(name, is_hurt=lambda: stage.is_hurt(name) and wanted in stage.parameter())


@pytest.mark.parametrize("name", sorted(HURT))
def test_the_alarm_ends_it(stage: Stage, name: str) -> None:
    stage.aborted(name, "--set", "recovery=5m", is_hurt=lambda: stage.is_hurt(name))


def template(endpoint: Endpoint, name: str, duration: str) -> str:
    """The example's document and its template, with another duration."""
    ssm, text = endpoint.client("ssm"), (EXAMPLES / f"{name}.automation.yml").read_text()
    if not ssm.list_documents(Filters=[{"Key": "Name", "Values": [DOCUMENTS[name]]}])["DocumentIdentifiers"]:
        ssm.create_document(
            Name=DOCUMENTS[name], DocumentType="Automation", DocumentFormat="YAML", Content=text
        )
    written = (EXAMPLES / f"{name}.fis.json").read_text().replace("PT2M", duration)
    asked = {"clientToken": f"{name}-{duration}", **json.loads(written)}
    made = endpoint.client("fis").create_experiment_template(**asked)
    return str(made["experimentTemplate"]["id"])


@pytest.mark.parametrize("name", ["concurrency", "latency"])
def test_by_fis_and_automation(stage: Stage, name: str) -> None:
    own = f"with.template={template(stage.endpoint, name, 'PT4S')}"
    stage.judged("fis", "--set", own, is_hurt=lambda: stage.is_hurt(name))


@pytest.mark.parametrize("name", sorted(HURT))
def test_the_alarm_ends_a_run_of_fis(stage: Stage, name: str) -> None:
    """It is FIS's stop condition, too: whoever stops it, the document's onCancel restores."""
    own = f"with.template={template(stage.endpoint, name, 'PT5M')}"
    stage.aborted("fis", "--set", own, is_hurt=lambda: stage.is_hurt(name))
