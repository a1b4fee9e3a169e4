"""SIGKILL of the engine at every step of a fault of a Lambda function or of its parameter: all is as it was.

The cases go on side by side, each with a function and a parameter of its own. After the kill comes either the
daemon, which first clears what it finds, or the janitor, which does so when the deadline is over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.fault_points import MARKER, VARIABLE
from chaos_engine.journal import Journal
from tests.integration.aws_endpoint import ENVIRONMENT, REGION, Endpoint
from tests.integration.engine_process import Place, running, until
from tests.integration.rehearsed_functions import function, layer, settings

BEFORE = ("after-arm", "before-inject")  # nothing was done yet
IN = ("after-inject", "after-applied", "hold", "before-clear")
CLEARED = ("after-clear", "after-cleared")  # it is out; in the first that is not journalled yet
FEWER = ("after-inject", "hold", "after-clear")
OWN = {
    "lambda_concurrency": "function: NAME, reserved: 0",
    "lambda_handler": "function: NAME, handler: chaos.handler",
    "lambda_environment": "function: NAME, variables: {MODE: chaos, DELAY: 400}",
    "lambda_layer": "function: NAME, layer: LAYER, variables: {WRAPPER: /opt/bootstrap}",
    "failure_lambda": "parameter: /NAME, failureMode: statuscode, statusCode: 503",
    "chaos_lambda": "parameter: /NAME, fault_type: latency, delay: 400",
}
STATES = {"failure_lambda": '{"isEnabled":  false}', "chaos_lambda": '{"is_enabled": false }'}
BY_THE_JANITOR = {("lambda_layer", "hold"), ("lambda_concurrency", "after-inject"), ("chaos_lambda", "hold")}
CASES = [(kind, step) for kind in ("lambda_concurrency", "lambda_layer") for step in (*BEFORE, *IN, *CLEARED)]
CASES += [
    (kind, step) for kind in OWN if kind not in ("lambda_concurrency", "lambda_layer") for step in FEWER
]
ABREAST = 4
PATIENCE = 120.0  # on a busy machine
SETTINGS = """
schedule: {startup_wait: 1h, every: 1h}
aws: {region: REGION, endpoint: "URL"}
targets: {orders: {aws: true}}
scenarios: {bad: {scenario: KIND, OWN}}
"""
FILE = """
title: a bad configuration
scenario: KIND
with: {OWN}
recovery: 2s
target: {name: orders, aws: {region: REGION, endpoint: "URL"}}
"""


@dataclass(frozen=True)
class Outcome:
    """How it was before, once the engine was dead, and in the end."""

    killed: int | None
    reached: bool
    before: Any
    at_death: Any
    in_the_end: Any
    open_faults: int
    said: str


@dataclass(frozen=True)
class Case:
    endpoint: Endpoint
    folder: Path
    layer: str
    kind: str
    step: str

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.step}"

    def play(self) -> Outcome:
        place = self._prepared()
        before = self._state()
        with running(place, "run", "one.yml") as engine:
            engine.popen.wait(PATIENCE)
        at_death = self._state()
        del place.environment[VARIABLE]
        second = "janitor" if (self.kind, self.step) in BY_THE_JANITOR else "run"
        with running(place, second) as process:
            process.says("watches" if second == "janitor" else "Chaos Engine starts", PATIENCE)
            until(lambda: not _open(place), PATIENCE, f"an empty ledger\n{process.said}")
            process.stop()
        marked = (place.data / MARKER).exists()
        said = engine.said + process.said
        code, left = engine.popen.returncode, len(_open(place))
        return Outcome(code, marked, before, at_death, self._state(), left, said)

    def _prepared(self) -> Place:
        function(self.endpoint, self.name, Environment={"Variables": {"MODE": "well"}})
        value = STATES.get(self.kind, "{}")
        self.endpoint.client("ssm").put_parameter(Name=f"/{self.name}", Value=value, Type="String")
        place = Place(self.folder / self.name, {**ENVIRONMENT, VARIABLE: f"{self.step}:KILL"})
        place.folder.mkdir()
        place.configure(self._filled(FILE), "one.yml")
        place.configure(self._filled(SETTINGS))
        return place

    def _filled(self, text: str) -> str:
        words = {
            "KIND": self.kind, "OWN": OWN[self.kind], "LAYER": f'"{self.layer}"', "NAME": self.name,
            "REGION": REGION, "URL": self.endpoint.url,
        }  # fmt: skip
        for word, meant in words.items():
            text = text.replace(word, meant)
        return text

    def _state(self) -> Any:
        stored = self.endpoint.client("ssm").get_parameter(Name=f"/{self.name}")["Parameter"]
        return {**settings(self.endpoint, self.name), "parameter": stored["Value"]}


def _open(place: Place) -> list[Any]:
    journal = Journal(place.data)
    try:
        return journal.open_faults()
    finally:
        journal.close()


@pytest.fixture(scope="module")
def outcomes(
    served: Endpoint, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[tuple[str, str], Future[Outcome]]]:
    """All cases, under way."""
    folder: Path = tmp_path_factory.mktemp("killed")
    added = layer(served)
    with ThreadPoolExecutor(ABREAST) as pool:
        yield {
            (kind, step): pool.submit(Case(served, folder, added, kind, step).play) for kind, step in CASES
        }


@pytest.mark.parametrize(("kind", "step"), CASES)
def test_all_is_as_it_was(outcomes: Mapping[tuple[str, str], Future[Outcome]], kind: str, step: str) -> None:
    found = outcomes[kind, step].result(290)
    assert (found.killed, found.reached) == (-9, True), found.said
    assert (found.at_death == found.before) is (step not in IN), found.at_death
    assert found.in_the_end == found.before, found.said
    assert found.open_faults == 0
