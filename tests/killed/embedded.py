"""One run with real processes: `python engine.py` kills or freezes itself, then comes the ending."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from chaos_engine.fault_points import MARKER, VARIABLE
from scenarios.state_file import StateFileScenario
from tests.integration.engine_process import Place, Process, until
from tests.killed.matrix import PLUGINS, ROOT, Case, Ending, scenarios
from tests.killed.outcome import NEVER, Outcome, lateness, left_in
from tests.killed.sight import Ledger, Watch, by_reader, by_scenario, litter, raw_mode

# The hold is short; the deadline is 20 s after it, as always.
SETTINGS = """
schedule: {{startup_wait: 200ms, every: 1h, recovery: 2s, seed: 1}}
plugins: {plugins}
targets: {{shop: {{state_file: STATE}}}}
steady_state: {{lookback: 1500ms, probes: [{{http: "{url}", expect: {{status: 200}}}}]}}
scenarios: {{{scenario}: {{}}}}
"""
TO_REACH = 90.0  # seconds until the step is reached, on a busy machine
NAP = 3.0  # a freeze that ends before the deadline, but after the hold
QUIET = 6.0  # in which an engine that lives may still inject for the first time
# Seconds after the deadline (or the thaw, or the start) at which nothing may be left.
ALLOWED = {Ending.ALONE: 1.0, Ending.JANITOR: 5.0, Ending.TAKEN_OVER: 5.0}
ALLOWED_ENGINE = 3.0


@dataclass
class Run:
    """What is under way in one folder."""

    case: Case
    place: Place
    watch: Watch
    ledger: Ledger
    undo: ExitStack
    engine: Process = field(init=False)
    turned: float = NEVER  # when the engine was started again, or thawed (wall)

    def start_engine(self) -> Process:
        process = Process(self.place, (), (str(ROOT / "engine.py"),))
        self.undo.callback(process.close)
        return process

    @property
    def deadline(self) -> float:
        """The last of all; NEVER where nothing was armed."""
        return max((row.deadline for row in self.ledger.rows()), default=NEVER)

    def wait_for(self, moment: float) -> None:
        """A wall time."""
        time.sleep(max(0.0, moment - time.time()))


def run(case: Case, folder: Path, url: str) -> Outcome:
    """Do it in the empty folder; `url` answers 200 to the probe."""
    scenario = scenarios()[case.scenario]
    environment = {VARIABLE: f"{case.step}:{case.ending.signal}"}
    place = Place(folder, environment)
    place.configure(SETTINGS.format(plugins=PLUGINS, url=url, scenario=case.scenario))
    ledger = Ledger(place.data)
    is_state = isinstance(scenario, StateFileScenario)
    look = by_reader(place.state_file) if is_state else by_scenario(scenario, ledger)
    with ExitStack() as undo, Watch(look) as watch:
        doing = Run(case, place, watch, ledger, undo)
        try:
            return _played(doing)
        except (AssertionError, psutil.Error, subprocess.TimeoutExpired) as error:
            return Outcome(str(case), case.ending.value, trouble=str(error))


def _played(doing: Run) -> Outcome:
    case, place = doing.case, doing.place
    if case.ending.has_janitor:
        doing.undo.callback(place.start("janitor").close)
    doing.engine = doing.start_engine()
    if not _reached(doing):
        return Outcome(str(case), case.ending.value, hit=False, trouble=doing.engine.said[-300:])
    ENDINGS[case.ending](doing)
    _settle(doing)
    return _judged(doing)


def _reached(doing: Run) -> bool:
    """Whether the engine came to the step, and was killed or frozen there."""
    marker, popen = doing.place.data / MARKER, doing.engine.popen
    ends = time.monotonic() + TO_REACH
    while not marker.exists() and popen.poll() is None and time.monotonic() < ends:
        time.sleep(0.01)
    if not marker.exists():
        return False
    if doing.case.ending.signal == "KILL":
        return popen.wait(10) == -signal.SIGKILL
    frozen = psutil.Process(popen.pid)
    until(lambda: frozen.status() == psutil.STATUS_STOPPED, what="it stands still")
    return True


# --- endings --------------------------------------------------------------------------------


def _start_again(doing: Run) -> None:
    doing.turned = time.time()
    doing.engine = doing.start_engine()


def _nothing(_: Run) -> None:
    return


def _thaw_after_janitor(doing: Run) -> None:
    deadline = doing.deadline
    patience = deadline + ALLOWED[Ending.TAKEN_OVER] - time.time() if deadline > 0 else 0.0
    if patience > 0:
        until(lambda: not any(row.open for row in doing.ledger.rows()), patience, "the janitor clears")
    time.sleep(1.0)
    _thaw(doing)


def _thaw_soon(doing: Run) -> None:
    time.sleep(NAP)
    _thaw(doing)


def _thaw_late(doing: Run) -> None:
    doing.wait_for(max(doing.deadline + 1.0, time.time() + NAP))
    _thaw(doing)


def _thaw(doing: Run) -> None:
    doing.turned = time.time()
    doing.engine.popen.send_signal(signal.SIGCONT)


ENDINGS: dict[Ending, Callable[[Run], None]] = {
    Ending.RESTARTED: _start_again,
    Ending.JANITOR: _nothing,
    Ending.ALONE: _nothing,
    Ending.TAKEN_OVER: _thaw_after_janitor,
    Ending.SHORT: _thaw_soon,
    Ending.LONG: _thaw_late,
}


# --- judging --------------------------------------------------------------------------------


def _settle(doing: Run) -> None:
    """Until nothing may be left: an engine that lives may have begun another experiment meanwhile."""
    allowed = ALLOWED.get(doing.case.ending, ALLOWED_ENGINE)
    doing.wait_for(max(time.time(), doing.turned) + QUIET)
    while time.time() < doing.deadline + allowed:
        doing.wait_for(min(doing.deadline + allowed, time.time() + 1.0))


def _judged(doing: Run) -> Outcome:
    case, rows = doing.case, doing.ledger.rows()
    raw, spells = raw_mode(doing.place.state_file), list(doing.watch.spells)
    late, back = lateness(rows, spells)
    before = [spell.ended for spell in spells if spell.begun < doing.turned]
    return Outcome(
        case=str(case),
        group=case.ending.value,
        left=left_in(doing.watch.seen, rows, raw, nobody=case.ending is Ending.ALONE),
        faults=len({spell.fault for spell in spells}),
        late=late,
        back=back,
        after=max(before, default=NEVER) - doing.turned if doing.turned > 0 else NEVER,
        stale_file=raw != "healthy",
        litter=len(litter(doing.place.state_file)),
        trouble=_lost(doing),
    )


def _lost(doing: Run) -> str:
    """An engine that should live, and does not."""
    lives = doing.case.ending not in (Ending.JANITOR, Ending.ALONE)
    code = doing.engine.popen.poll()
    return f"the engine ended with {code}:\n{doing.engine.said[-300:]}" if lives and code is not None else ""
