"""The point itself: nothing by accident, nothing twice, nothing that is unknown."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chaos_engine.fault_points import MARKER, STEPS, VARIABLE, FaultPoint, parsed
from chaos_engine.written import ConfigError
from tests.integration.engine_process import ROOT, Place, running

SETTINGS = """
schedule: {startup_wait: 100ms, every: 1h, recovery: 1s}
targets: {shop: {state_file: STATE}}
scenarios: {slowdown: {delay: 1s}}
"""
TWICE = """
import sys
from pathlib import Path
from chaos_engine.fault_points import FaultPoint
point = FaultPoint("hold:KILL", Path(sys.argv[1]))
for step in ("gate", "hold"):
    point.reach(step)
    print(step, flush=True)
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("after-arn:KILL", "unknown step 'after-arn'; did you mean 'after-arm'?"),
        ("after-arm:KIL", "unknown signal 'KIL'; did you mean 'KILL'?; allowed: KILL, STOP, TERM"),
        ("after-arm", "unknown signal ''"),
        ("yes", "allowed: gate, prepare, before-arm"),
    ],
)
def test_what_is_unknown_is_refused_with_the_nearest_word(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parsed(text)
    assert f"environment {VARIABLE}: " in str(refused.value)
    assert words in str(refused.value)


def test_it_is_refused_before_anything_happens(tmp_path: Path) -> None:
    place = Place(tmp_path, {VARIABLE: "holt:KILL"})
    place.configure(SETTINGS)
    refused = place.call("run")
    assert refused.returncode == 2
    assert refused.stderr.startswith("chaos-engine: environment CHAOS_FAULT_POINT: unknown step 'holt'")
    assert not place.data.exists()


def reach_twice(marker: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", TWICE, str(marker)], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_it_strikes_at_its_step_and_once(tmp_path: Path) -> None:
    first = reach_twice(tmp_path / MARKER)
    assert (first.returncode, first.stdout.split()) == (-signal.SIGKILL, ["gate"])
    assert (tmp_path / MARKER).read_text().startswith("hold ")
    second = reach_twice(tmp_path / MARKER)
    assert (second.returncode, second.stdout.split()) == (0, ["gate", "hold"])


def test_where_it_cannot_be_marked_nothing_happens(tmp_path: Path) -> None:
    point = FaultPoint("hold:KILL", tmp_path / "no such folder" / MARKER)
    point.reach("hold")


def test_an_engine_that_has_one_says_so_and_others_do_not_know_of_it(tmp_path: Path) -> None:
    place = Place(tmp_path, {VARIABLE: f"{next(iter(STEPS))}:STOP"})
    place.configure(SETTINGS)
    with running(place, "run") as engine:
        engine.says("CHAOS_FAULT_POINT is set: this engine sends itself SIGSTOP at gate")
    loaded = "import sys, chaos_engine.console.run; print('chaos_engine.fault_points' in sys.modules)"
    clean = {k: v for k, v in os.environ.items() if k != VARIABLE}
    command = [sys.executable, "-c", loaded]
    assert subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, check=True).stdout == b"False\n"
