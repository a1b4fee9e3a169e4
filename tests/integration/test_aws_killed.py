"""SIGKILL of the engine at every step of a run of FIS and of SSM: nothing is left running in AWS.

The cases go on side by side. Each has an experiment of its own, an engine that is killed, and then either
the daemon, which first clears what it finds, or the janitor, which does so when the deadline is over.
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
from tests.integration.aws_endpoint import ENVIRONMENT, REGION, STRESS, Endpoint
from tests.integration.chaos_machine_stage import Stage
from tests.integration.engine_process import Place, running, until

BEFORE = ("prepare", "after-arm", "before-inject")  # nothing was started yet
STARTED = ("after-inject", "before-applied", "after-applied", "observe", "hold", "judge", "before-clear")
# It has been stopped; in the first two that is not journalled yet, in the others its result is not.
CLEARED = ("after-clear", "before-cleared", "after-cleared", "before-end")
STEPS = (*BEFORE, *STARTED, *CLEARED)
FEWER = ("before-inject", "before-applied", "observe", "before-clear", "before-cleared")
BY_THE_JANITOR = {("fis", "after-inject"), ("ssm_automation", "hold"), ("ssm_command", "before-applied")}
CASES = [(kind, step) for kind in ("fis", "ssm_automation") for step in STEPS]
CASES += [("ssm_command", step) for step in FEWER]
OVER = {"completed", "stopped", "Success", "Cancelled"}
ABREAST = 6
PATIENCE = 120.0  # on a busy machine
SETTINGS = """
schedule: {startup_wait: 1h, every: 1h}
aws: {region: REGION, endpoint: "URL"}
targets: {petsite: {aws: true}}
scenarios: {outage: {scenario: KIND, WHAT, timeout: 3s, HYPOTHESIS}}
"""
FILE = """
title: an outage
scenario: KIND
with: {WHAT, timeout: TIMEOUT}
target: {name: petsite, aws: {region: REGION, endpoint: "URL"}}
hypothesis: {probes: [{alarm: ALARM, wait: 1s}]}
"""


@dataclass(frozen=True)
class Outcome:
    """What was there once the engine was dead, and in the end."""

    killed: int | None
    reached: bool
    at_death: list[str]
    in_the_end: list[str]
    open_faults: int
    said: str


@dataclass(frozen=True)
class Case:
    stage: Stage
    kind: str
    step: str

    def play(self) -> Outcome:
        place, what = self._prepared()
        with running(place, "run", "one.yml") as engine:
            engine.popen.wait(PATIENCE)
        at_death = self._runs(what)
        del place.environment[VARIABLE]
        second = "janitor" if (self.kind, self.step) in BY_THE_JANITOR else "run"
        with running(place, second) as process:
            process.says("watches" if second == "janitor" else "Chaos Engine starts", PATIENCE)
            until(lambda: not _open(place), PATIENCE, f"an empty ledger\n{process.said}")
            process.stop()
        marked = (place.data / MARKER).exists()
        said = engine.said + process.said
        return Outcome(engine.popen.returncode, marked, at_death, self._runs(what), len(_open(place)), said)

    def _prepared(self) -> tuple[Place, str]:
        """A run that takes an hour; the one that is to be judged ends by itself."""
        what = self._made("PT1S" if self.step == "judge" else "PT1H")
        place = Place(self.stage.folder / self.stage.name, {**ENVIRONMENT, VARIABLE: f"{self.step}:KILL"})
        place.folder.mkdir()
        place.configure(self._filled(FILE, what), "one.yml")
        place.configure(self._filled(SETTINGS, what))
        return place, what

    def _made(self, duration: str) -> str:
        """The template, or the document."""
        if self.kind == "fis":
            return self.stage.waiting(duration)
        if self.kind == "ssm_automation":
            sleep = {"name": "Sleep", "action": "aws:sleep", "inputs": {"Duration": duration}}
            return self.stage.document(sleep)
        takes = {"DurationSeconds": {"type": "String", "default": "3600"}}
        content = {**STRESS, "parameters": takes}
        return self.stage.endpoint.document(f"document-{self.stage.name}", "Command", content)

    def _parameters(self, what: str) -> str:
        if self.kind == "ssm_command":
            instance = self.stage.endpoint.instance()
            return f"document: {what}, instances: [{instance}]"
        return f"{'template' if self.kind == 'fis' else 'document'}: {what}"

    def _filled(self, text: str, what: str) -> str:
        words = {
            "KIND": self.kind, "WHAT": self._parameters(what), "REGION": REGION,
            "URL": self.stage.endpoint.url, ", HYPOTHESIS": "",
            "TIMEOUT": "60s" if self.step == "judge" else "3s",  # that one ends by itself
        }  # fmt: skip
        if "ALARM" in text:
            words["ALARM"] = self.stage.alarm("OK")
        for word, meant in words.items():
            text = text.replace(word, meant)
        return text

    def _runs(self, what: str) -> list[str]:
        """The state of every run of the case, as AWS tells."""
        if self.kind == "fis":
            listed = self.stage.endpoint.client("fis").list_experiments(experimentTemplateId=what)
            return [one["state"]["status"] for one in listed["experiments"]]
        if self.kind == "ssm_command":
            sent = self.stage.endpoint.client("ssm").list_commands()["Commands"]
            return [one["Status"] for one in sent if one["DocumentName"] == what]
        found = self.stage.endpoint.automations()
        return [one["AutomationExecutionStatus"] for one in found if one["DocumentName"] == what]


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
    with ThreadPoolExecutor(ABREAST) as pool:
        yield {
            (kind, step): pool.submit(
                Case(Stage(served, folder, f"{kind}-{step}".replace("_", "-")), kind, step).play
            )
            for kind, step in CASES
        }


@pytest.mark.parametrize(("kind", "step"), CASES)
def test_nothing_is_left_running(
    outcomes: Mapping[tuple[str, str], Future[Outcome]], kind: str, step: str
) -> None:
    found = outcomes[kind, step].result(290)
    assert (found.killed, found.reached) == (-9, True), found.said
    if step in BEFORE:
        assert (found.at_death, found.in_the_end) == ([], []), found.said
    else:
        assert len(found.in_the_end) == 1, found.said
        assert set(found.in_the_end) <= OVER, found.said
    ended_by_us = step in CLEARED or step == "judge"
    assert step in BEFORE or ended_by_us is (set(found.at_death) <= OVER), found.at_death
    assert found.open_faults == 0
