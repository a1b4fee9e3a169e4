"""The Chaos Toolkit's experiments of `examples/serverless`, in the rehearsal, by our engine."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import yaml

from chaos_engine.journal import Journal
from tests.integration.aws_endpoint import Endpoint
from tests.integration.engine_process import ROOT, Process, running, until
from tests.integration.serverless_stage import (
    BEFORE,
    EXAMPLES,
    HURT,
    PATIENCE,
    Stage,
    seeded_endpoint,
    staged,
)

FOLDER = EXAMPLES / "chaos-toolkit"
WATCHED = ("--hypothesis-frequency", "0.5", "--fail-fast")
ENTRIES = {"concurrency": "no-orders", "handler": "other-handler", "latency": "slow-orders"}


class Engine(Stage):
    """Our engine on it."""

    def run(self, name: str, *options: str, seconds: float = 3.0) -> AbstractContextManager[Process]:
        """The example under way, by `chaos-engine run`."""
        chosen = (*WATCHED, "--var", f"duration:float={seconds}", *options)
        return running(self.place, "run", str(FOLDER / f"{name}.json"), *chosen)

    def daemon(self, name: str, seconds: float, startup_wait: str = "0s") -> AbstractContextManager[Process]:
        """The example's daemon, with this one alone."""
        text = (FOLDER / "chaos.yml").read_text().replace("60s", startup_wait)
        settings = yaml.safe_load(text.replace("toolkit: ", f"toolkit: {FOLDER}/"))
        entry = settings["scenarios"][ENTRIES[name]]
        settings["scenarios"] = {ENTRIES[name]: {**entry, "var": {"duration": seconds}}}
        self.place.configure(yaml.safe_dump(settings))
        return running(self.place)

    def results(self) -> list[Any]:
        return list(json.loads(self.place.call("history", "--json").stdout))

    def pid(self) -> int:
        """Of the Chaos Toolkit's own process."""
        (record,) = self.place.data.glob("toolkit/*/record.jsonl")
        return int(json.loads(record.read_text().splitlines()[0])["pid"])

    def lives(self) -> bool:
        """Whether that process is there: it holds a lock."""
        (alive,) = self.place.data.glob("toolkit/*/alive")
        with alive.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def open_faults(self) -> list[Any]:
        journal = Journal(self.place.data)
        try:
            return journal.open_faults()
        finally:
            journal.close()


@pytest.fixture(scope="module")
def seeded() -> Iterator[Endpoint]:
    with seeded_endpoint() as found:
        yield found


@pytest.fixture
def stage(seeded: Endpoint, tmp_path: Path) -> Iterator[Engine]:
    with staged(Engine, seeded, tmp_path) as made:
        made.place.environment["PYTHONPATH"] = f"{ROOT}{os.pathsep}{FOLDER}"
        yield made


@pytest.mark.parametrize("name", sorted(HURT))
def test_a_run_is_supported(stage: Engine, name: str) -> None:
    with stage.run(name) as process:
        until(lambda: stage.is_hurt(name), PATIENCE, process.said)
        assert process.popen.wait(PATIENCE) == 0, process.rest()
    assert stage.state() == BEFORE
    assert json.loads((stage.place.folder / "journal.json").read_text())["status"] == "completed"
    (found,) = stage.results()
    assert (found["verdict"], found["result"]["cleanup"]) == ("supported", "clean")


@pytest.mark.parametrize("name", ["concurrency", "latency"])
def test_the_alarm_ends_its_pause(stage: Engine, name: str) -> None:
    """Its own hypothesis deviates: an hour's pause is cut short, and it is judged by ours and by theirs."""
    with stage.run(name, seconds=3600.0) as process:
        until(lambda: stage.is_hurt(name), PATIENCE, process.said)
        with stage.firing():
            assert process.popen.wait(PATIENCE) == 1, process.rest()
    assert stage.state() == BEFORE
    (found,) = stage.results()
    assert found["verdict"] == "not_supported"
    assert "alarm-orders-failing" in found["result"]["reason"]
    assert found["result"]["details"][0]["chaos_toolkit"]["exit_code"] == 1


def test_nothing_is_rolled_back_that_did_not_begin(stage: Engine) -> None:
    """`always` would take the reservation off that was there before."""
    client = stage.endpoint.client("lambda")
    client.put_function_concurrency(FunctionName="orders", ReservedConcurrentExecutions=7)
    given = ("concurrency", "--rollback-strategy", "default")
    with stage.firing("OrdersLost"), stage.run(*given) as process:
        assert process.popen.wait(PATIENCE) == 3, process.rest()
    assert stage.state() == {**BEFORE, "reserved": 7}
    client.delete_function_concurrency(FunctionName="orders")


@pytest.mark.parametrize("name", sorted(HURT))
def test_the_alarm_aborts_a_run_of_the_daemon(stage: Engine, name: str) -> None:
    with stage.daemon(name, 3600.0) as process:
        until(lambda: stage.is_hurt(name), PATIENCE, process.said)
        until(stage.is_over, PATIENCE, "an end of it")
        process.says("ABORTED", PATIENCE)
        process.stop()
    (found,) = stage.results()
    assert (found["scenario"], found["verdict"]) == (ENTRIES[name], "aborted")
    assert "OrdersFailing" in found["result"]["reason"]
    assert found["result"]["cleanup"] == "clean"


@pytest.mark.parametrize(
    ("name", "run_too"),
    [("handler", False), ("concurrency", True), ("latency", True)],
)
def test_killed_in_mid_run_the_next_engine_rolls_back(stage: Engine, name: str, run_too: bool) -> None:
    """From the ledger, whether the Chaos Toolkit's process was killed, too, or waits its hour out."""
    with stage.run(name, seconds=3600.0) as process:
        until(lambda: stage.is_hurt(name), PATIENCE, process.said)
        process.popen.send_signal(signal.SIGKILL)
        process.popen.wait(PATIENCE)
    assert stage.lives()
    if run_too:
        os.kill(stage.pid(), signal.SIGKILL)
        until(lambda: not stage.lives(), PATIENCE)
    assert stage.is_hurt(name)
    assert len(stage.open_faults()) == 1
    with stage.daemon(name, 1.0, startup_wait="1h") as process:
        until(lambda: not stage.open_faults(), PATIENCE, process.said)
        assert stage.state() == BEFORE
        process.stop()
    (found,) = stage.results()
    assert (found["verdict"], found["result"]["cleanup"]) == ("interrupted", "clean")
    assert not stage.lives()
