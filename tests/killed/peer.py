"""The same experiment in the Chaos Toolkit, killed at the same steps."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil

from scenarios.state_file import StateFileScenario
from tests.integration.engine_process import serving, until
from tests.killed.course import ALLOWED, NAP, reached
from tests.killed.matrix import ROOT, Case, Ending, scenarios
from tests.killed.outcome import NEVER, Outcome
from tests.killed.sight import Spell, Watch, by_reader, raw_mode

FOLDER = ROOT / ".chaos" / "chaostoolkit"  # an environment of its own
REQUIREMENTS = ROOT / "requirements" / "peer-chaostoolkit.txt"
HOLD, LASTS = 2.0, 22.0  # seconds, as ours
STRATEGIES = ("default", "always")
STEPS = (
    "gate", "before-inject-write", "mid-inject-write", "after-inject-write", "hold", "judge",
    "before-clear-write", "mid-clear-write", "after-clear-write",
)  # fmt: skip
# It has no janitor.
ENDINGS = (Ending.RESTARTED, Ending.ALONE, Ending.SHORT, Ending.LONG, Ending.TOLD)


def install() -> str:
    """Make its environment, where it is not there yet; returns its version."""
    stamp = FOLDER / "installed"
    if not stamp.exists() or stamp.read_text() != REQUIREMENTS.read_text():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True)
        pip = [str(FOLDER / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        pip += ["--disable-pip-version-check", "--require-hashes", "-r", str(REQUIREMENTS)]
        subprocess.run(pip, check=True)
        stamp.write_text(REQUIREMENTS.read_text())
    said = subprocess.run([_program(), "--version"], cwd=FOLDER, check=True, capture_output=True, text=True)
    return said.stdout.split()[-1]  # in that folder it leaves a log


def everything() -> Iterator[Case]:
    """Its steps and endings, with the modes that come with us."""
    built_in = [name for name, s in scenarios().items() if _mode(s)]
    for name, step, ending in itertools.product(built_in, STEPS, ENDINGS):
        yield Case(name, step, ending)


def run(case: Case, folder: Path, strategy: str) -> Outcome:
    """One run. `left` is what a reader of `expires_at` sees; `stale_file`: what a plain one sees."""
    state_file = folder / "app" / "state.json"
    state_file.parent.mkdir()
    with ExitStack() as undo:
        url = undo.enter_context(serving(state_file)).url
        (folder / "experiment.json").write_text(json.dumps(_experiment(case, url, state_file)))
        plain = undo.enter_context(Watch(lambda: raw_mode(state_file).removeprefix("healthy")))
        ours = undo.enter_context(Watch(by_reader(state_file)))
        try:
            return _played(case, folder, strategy, plain, ours, undo)
        except (AssertionError, OSError, psutil.Error, subprocess.SubprocessError) as error:
            return Outcome(case, trouble=f"{type(error).__name__}: {error}")


def _played(case: Case, folder: Path, strategy: str, plain: Watch, ours: Watch, undo: ExitStack) -> Outcome:
    popen = _start(folder, case, strategy, undo)
    if not reached(folder / "marker", lambda: popen.poll() is not None):
        return Outcome(case, hit=False, trouble=(folder / "log").read_text()[-400:])
    turned = _end(case, popen, plain)
    if case.ending is Ending.RESTARTED:
        popen = _start(folder, case, strategy, undo)
    if case.ending is not Ending.ALONE:
        popen.wait(60)
    time.sleep(1.0)  # what it wrote last is seen by now
    time.sleep(max(0.0, _deadline(plain.spells) + ALLOWED[case.ending] - time.time()))
    return _judged(case, plain, ours, turned)


def _end(case: Case, popen: subprocess.Popen[bytes], plain: Watch) -> float:
    """Until it is dead, or thawed; returns when."""
    if case.ending in (Ending.SHORT, Ending.LONG):
        frozen = psutil.Process(popen.pid)
        until(lambda: frozen.status() == psutil.STATUS_STOPPED, what="it stands still")
        time.sleep(NAP)
        if case.ending is Ending.LONG:
            time.sleep(max(0.0, _deadline(plain.spells) + 1.0 - time.time()))
        popen.send_signal(signal.SIGCONT)
    else:
        popen.wait(60)
    return time.time()


def _judged(case: Case, plain: Watch, ours: Watch, turned: float) -> Outcome:
    spells, deadline = list(plain.spells), _deadline(plain.spells)
    return Outcome(
        case,
        left=(f"an application still sees {ours.seen}",) if ours.seen else (),
        faults=len(spells),
        late=max((s.ended for s in spells), default=NEVER) - deadline if spells and not plain.seen else NEVER,
        after=max((s.ended - turned for s in spells if s.begun < turned < s.ended), default=0.0),
        stale_file=bool(plain.seen),
    )


def _deadline(spells: list[Spell]) -> float:
    """When the last fault should have been over at the latest."""
    return spells[-1].begun + LASTS if spells else NEVER


def _program() -> str:
    return str(FOLDER / "bin" / "chaos")


def _start(folder: Path, case: Case, strategy: str, undo: ExitStack) -> subprocess.Popen[bytes]:
    marker = folder / "marker"
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("CHAOS")},
        "PYTHONPATH": str(Path(__file__).parent / "toolkit"),
        "PEER_FAULT_POINT": f"{case.step}:{case.ending.signal}:{marker}",
    }
    command = [_program(), "--no-version-check", "--no-log-file", "--settings", str(folder / "settings.yaml")]
    command += ["run", "--journal-path", str(folder / "journal.json"), "--rollback-strategy", strategy]
    with (folder / "log").open("ab") as log:
        popen = subprocess.Popen(
            [*command, "experiment.json"], cwd=folder, env=environment, stdout=log, stderr=log
        )
    undo.callback(_finish, popen)
    return popen


def _finish(popen: subprocess.Popen[bytes]) -> None:
    if popen.poll() is None:
        popen.kill()
    popen.wait()


def _mode(scenario: Any) -> str:
    """The mode of those that come with us."""
    return getattr(scenario, "mode", "") if isinstance(scenario, StateFileScenario) else ""


def _experiment(case: Case, url: str, state_file: Path) -> dict[str, Any]:
    file = str(state_file)
    inject = {"state_file": file, "mode": _mode(scenarios()[case.scenario]), "delay": 10, "lasts": LASTS}
    return {
        "title": f"the shop stays well with {case.scenario}",
        "description": "the same as ours",
        "steady-state-hypothesis": {
            "title": "the shop answers",
            "probes": [_activity("probe", "probe", {"url": url}) | {"tolerance": 200}],
        },
        "method": [_activity("action", "inject", inject), _activity("action", "hold", {"seconds": HOLD})],
        "rollbacks": [_activity("action", "clear", {"state_file": file})],
    }


def _activity(kind: str, function: str, arguments: dict[str, Any]) -> dict[str, Any]:
    provider = {"type": "python", "module": "chaos_steps", "func": function, "arguments": arguments}
    return {"type": kind, "name": function, "provider": provider}
