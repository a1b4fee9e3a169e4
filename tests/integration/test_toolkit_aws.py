"""The Chaos Toolkit's experiments of `examples/serverless`, in the rehearsal, by its own command."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.aws_endpoint import Endpoint
from tests.integration.engine_process import Process, running, until
from tests.integration.rehearsed_functions import function, layer, settings
from tests.integration.serverless_stage import (
    BEFORE,
    EXAMPLES,
    HURT,
    LAYER,
    PATIENCE,
    Stage,
    seeded_endpoint,
    staged,
)

FOLDER = EXAMPLES / "chaos-toolkit"
CHAOS = (
    str(Path(sys.executable).with_name("chaos")),
    "--no-version-check", "--no-log-file", "--settings", "none.yml",
)  # fmt: skip
WATCHED = ("--hypothesis-frequency", "0.5", "--fail-fast")


class Toolkit(Stage):
    """The Chaos Toolkit on it."""

    def chaos(self, name: str, *options: str, seconds: float = 3.0) -> AbstractContextManager[Process]:
        """The example under way, by `chaos run`."""
        self.place.environment["PYTHONPATH"] = str(FOLDER)
        source = str(FOLDER / f"{name}.json")
        return running(
            self.place, "run", *WATCHED, "--var", f"duration:float={seconds}", *options, source, program=CHAOS
        )

    def journal(self) -> dict[str, Any]:
        return dict(json.loads((self.place.folder / "journal.json").read_text()))


@pytest.fixture(scope="module")
def seeded() -> Iterator[Endpoint]:
    with seeded_endpoint() as found:
        yield found


@pytest.fixture
def stage(seeded: Endpoint, tmp_path: Path) -> Iterator[Toolkit]:
    with staged(Toolkit, seeded, tmp_path) as made:
        yield made


@pytest.mark.parametrize("name", sorted(HURT))
def test_it_is_held_and_rolled_back(stage: Toolkit, name: str) -> None:
    with stage.chaos(name) as process:
        until(lambda: stage.is_hurt(name), PATIENCE, process.said)
        assert process.popen.wait(PATIENCE) == 0, process.rest()
    journal = stage.journal()
    assert (journal["status"], journal["deviated"]) == ("completed", False)
    assert [run["status"] for run in (*journal["run"], *journal["rollbacks"])] == ["succeeded"] * 2
    assert stage.state() == BEFORE


@pytest.mark.parametrize("name", sorted(HURT))
def test_the_alarm_in_mid_run_fails_it(stage: Toolkit, name: str) -> None:
    """The Chaos Toolkit waits its pause out all the same."""
    with stage.chaos(name) as process:
        until(lambda: stage.is_hurt(name), PATIENCE, process.said)
        with stage.firing():
            assert process.popen.wait(PATIENCE) == 1, process.rest()
    during = stage.journal()["steady_states"]["during"]
    assert [each["steady_state_met"] for each in during[-2:]] == [True, False]
    assert "Terminating immediately the experiment" in process.said
    assert stage.state() == BEFORE


@pytest.mark.parametrize("name", ["handler", "latency"])
def test_a_rollback_leaves_alone_what_was_never_hurt(stage: Toolkit, name: str) -> None:
    """`always` means also: where the gate was out of tolerance."""
    with stage.firing(), stage.chaos(name) as process:
        assert process.popen.wait(PATIENCE) == 0, process.rest()
    journal = stage.journal()
    assert (journal["run"], journal["rollbacks"][0]["status"]) == ([], "succeeded")
    assert stage.state() == BEFORE


def test_what_is_hurt_already_is_not_hurt_again(stage: Toolkit) -> None:
    """And whoever comes then restores what the first one found."""
    with stage.chaos("handler", "--rollback-strategy", "never", seconds=0) as process:
        assert process.popen.wait(PATIENCE) == 0, process.rest()
    assert stage.is_hurt("handler")
    with stage.chaos("handler", "--var", "handler=another.one", seconds=0) as process:
        process.popen.wait(PATIENCE)
    (run,) = stage.journal()["run"]
    assert run["status"] == "failed"
    assert "orders is hurt already: it has the tag chaos-toolkit:handler" in "".join(run["exception"])
    assert stage.state() == BEFORE


def test_what_the_extension_s_own_latency_leaves(stage: Toolkit) -> None:
    """Why `latency.json` does it by itself: other layers are lost, and a variable stays."""
    function(
        stage.endpoint,
        "slow",
        Layers=[layer(stage.endpoint, "own")],
        Environment={"Variables": {"KEEP": "1"}},
    )
    text = json.loads((FOLDER / "latency.json").read_text())
    provider = {"type": "python", "module": "chaosaws.awslambda.actions"}
    given = {"function_name": "slow", "layer": f"{LAYER}extension:1"}
    for section, func in (("method", "add_latency"), ("rollbacks", "remove_latency")):
        text[section][0]["provider"] = {**provider, "func": func, "arguments": given}
    (stage.place.folder / "own.json").write_text(json.dumps(text))
    with stage.chaos(str(stage.place.folder / "own"), seconds=1) as process:
        assert process.popen.wait(PATIENCE) == 0, process.rest()
    left = settings(stage.endpoint, "slow")
    assert left["variables"] == {"KEEP": "1", "CHAOS_EXTENSION__LAMBDA__LATENCY_VALUE": "1"}
    assert left["layers"] == []
