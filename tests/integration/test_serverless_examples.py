"""The demos of `examples/serverless`, end to end: by our own scenarios, and by FIS with SSM Automation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.aws_endpoint import Endpoint
from tests.integration.engine_process import running, until
from tests.integration.serverless_stage import EXAMPLES, HURT, PATIENCE, Stage, seeded_endpoint, staged

DOCUMENTS = {"concurrency": "LambdaConcurrency", "handler": "LambdaHandler", "latency": "LambdaLayer"}


@pytest.fixture(scope="module")
def seeded() -> Iterator[Endpoint]:
    with seeded_endpoint() as found:
        yield found


class Ours(Stage):
    """Experiments of our own on it."""

    def written(self, name: str) -> str:
        """The example with shorter times."""
        text = (EXAMPLES / f"{name}.chaos.yml").read_text()
        for long, short in {"2m": "4s", "1m": "1s", "10s": "1s", "20s": "2s"}.items():
            text = text.replace(f": {long}\n", f": {short}\n")
        self.place.configure(text, f"{name}.yml")
        return f"{name}.yml"

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
            until(self.is_over, PATIENCE, "an end of it")
            process.says("OrdersFailing", PATIENCE)
            process.stop()


@pytest.fixture
def stage(seeded: Endpoint, tmp_path: Path) -> Iterator[Ours]:
    with staged(Ours, seeded, tmp_path) as made:
        yield made


@pytest.mark.parametrize("name", sorted(HURT))
def test_it_is_held_judged_and_undone(stage: Ours, name: str) -> None:
    wanted = '"is_enabled": true' if name == "handler" else ""
    stage.judged(name, is_hurt=lambda: stage.is_hurt(name) and wanted in stage.parameter())


@pytest.mark.parametrize("name", sorted(HURT))
def test_the_alarm_ends_it(stage: Ours, name: str) -> None:
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
def test_by_fis_and_automation(stage: Ours, name: str) -> None:
    own = f"with.template={template(stage.endpoint, name, 'PT4S')}"
    stage.judged("fis", "--set", own, is_hurt=lambda: stage.is_hurt(name))


@pytest.mark.parametrize("name", sorted(HURT))
def test_the_alarm_ends_a_run_of_fis(stage: Ours, name: str) -> None:
    """It is FIS's stop condition, too: whoever stops it, the document's onCancel restores."""
    own = f"with.template={template(stage.endpoint, name, 'PT5M')}"
    stage.aborted("fis", "--set", own, is_hurt=lambda: stage.is_hurt(name))
