"""One run, whatever the engine runs on: it comes to its step, then comes the ending, then it is judged."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil

from chaos_engine.fault_points import MARKER, STEPS, VARIABLE
from scenarios.base import Scenario
from scenarios.flagd import default_of
from scenarios.state_file import StateFileScenario
from scenarios.toolkit_scenarios import Toolkit
from tests.integration.engine_process import Place, serving, until
from tests.killed.matrix import FLAGS, MARK, PLUGINS, Case, Ending, scenarios
from tests.killed.outcome import NEVER, Outcome, lateness, left_in
from tests.killed.sight import Ledger, Watch, by_mark, by_reader, by_scenario, litter, raw_mode

# The hold is short; the deadline is 20 s after it, as always.
SETTINGS = """
schedule: {{startup_wait: 200ms, every: 1h, recovery: 2s, seed: 1, resume: {resume}}}
plugins: {plugins}
targets: {{shop: {{state_file: STATE, flagd_file: {flags}}}}}
steady_state: {{lookback: 3s, probes: [{{http: "{url}", expect: {{status: 200}}}}]}}
scenarios: {{{scenario}: {{{parameters}}}}}
"""
FLAG = '{"flags": {"cart": {"state": "ENABLED", "variants": {"on": 1, "off": 0}, "defaultVariant": "off"}}}'
PARAMETERS = {"feature_flag": "flag: cart, variant: 'on'", "toolkit": "toolkit: run.json, timeout: 10s"}
TO_REACH = 150.0  # seconds until the step is reached, on a busy machine
NAP = 3.0  # a freeze that ends before the deadline, but after the hold
# Seconds after the deadline, the next start or the thaw at which nothing may be left.
ALLOWED = {
    Ending.RESTARTED: 3.0,
    Ending.RESUMED: 3.0,
    Ending.JANITOR: 5.0,
    Ending.ALONE: 1.0,
    Ending.TAKEN_OVER: 5.0,
    Ending.SHORT: 3.0,
    Ending.LONG: 3.0,
    Ending.TOLD: 1.0,
}


# At these steps a fault is in.
_IN = list(STEPS)[list(STEPS).index("after-inject") : list(STEPS).index("before-clear")]


class Machine(Protocol):
    """What the engine runs on."""

    quiet: float  # seconds in which an engine that begins to live again may inject for the first time

    def begin(self) -> None:
        """Start the engine, and the janitor where the ending has one."""
        ...

    def struck(self) -> bool:
        """Whether the signal has done its work: once the marker is there."""
        ...

    def ended(self) -> bool:
        """Whether the engine runs no more."""
        ...

    def again(self) -> None:
        """Start the engine again."""
        ...

    def thaw(self) -> None:
        """Let a frozen engine go on."""
        ...

    def said(self) -> str:
        """The end of its log."""
        ...


Make = Callable[[Case, Place, ExitStack], Machine]


@dataclass
class Run:
    """What is under way in one folder."""

    case: Case
    place: Place
    machine: Machine
    watch: Watch
    ledger: Ledger
    turned: float = NEVER  # when the engine was started again, or thawed (wall)

    @property
    def deadline(self) -> float:
        """The last of all; NEVER where nothing was armed."""
        return max((row.deadline for row in self.ledger.rows()), default=NEVER)


def run(case: Case, folder: Path, make: Make, plugins: Path = PLUGINS) -> Outcome:
    """Do it in an empty folder."""
    place = Place(folder, {VARIABLE: f"{case.step}:{case.ending.signal}"})
    ledger = Ledger(place.data)
    with ExitStack() as undo:
        url = undo.enter_context(serving(place.state_file)).url
        resume = str(case.ending is Ending.RESUMED).lower()
        flags = place.state_file.with_name(FLAGS)
        flags.parent.mkdir(exist_ok=True)
        flags.write_text(FLAG)
        (place.folder / "run.json").write_text(_experiment(place.state_file.with_name(MARK)))
        parameters = PARAMETERS.get(case.scenario, "")
        place.configure(
            SETTINGS.format(
                plugins=plugins,
                url=url,
                scenario=case.scenario,
                resume=resume,
                flags=flags,
                parameters=parameters,
            )
        )
        watch = undo.enter_context(Watch(_sight(scenarios(plugins)[case.scenario], place, ledger)))
        doing = Run(case, place, make(case, place, undo), watch, ledger)
        try:
            return played(doing)
        except (AssertionError, OSError, psutil.Error, subprocess.SubprocessError) as error:
            return Outcome(case, trouble=f"{type(error).__name__}: {error}")


def _experiment(mark: Path) -> str:
    """A run of the Chaos Toolkit that leaves a mark for as long as the others hold."""

    def action(name: str, *arguments: str) -> dict[str, Any]:
        provider = {"type": "process", "path": arguments[0], "arguments": [*arguments[1:], str(mark)]}
        return {"type": "action", "name": name, "provider": provider}

    hurt = action("hurt", "touch") | {"pauses": {"after": 2}}
    whole = {"title": "a mark", "description": "for a while", "method": [hurt]}
    return json.dumps({**whole, "rollbacks": [action("heal", "rm", "-f")]})


def _sight(scenario: Scenario, place: Place, ledger: Ledger) -> Callable[[], str]:
    if isinstance(scenario, StateFileScenario):
        return by_reader(place.state_file)
    if isinstance(scenario, Toolkit):
        return by_mark(place.state_file.with_name(MARK), ledger)
    return by_scenario(scenario, ledger)


def played(doing: Run, judge: Callable[[Run], Outcome] | None = None) -> Outcome:
    """The run to its end; `judge` looks what is left (none: in state files)."""
    machine = doing.machine
    machine.begin()
    if not reached(doing.place.data / MARKER, machine.ended):
        return Outcome(doing.case, hit=False, trouble=machine.said())
    until(machine.struck, 20.0, "the signal does its work")
    _ENDINGS[doing.case.ending](doing)
    _settle(doing)
    return (judge or judged)(doing)


def reached(marker: Path, ended: Callable[[], bool]) -> bool:
    """Whether the marker comes about before its process ends."""
    began = asked = time.monotonic()
    while not marker.exists() and time.monotonic() < began + TO_REACH:
        time.sleep(0.02)
        if time.monotonic() > asked + 1.0:
            asked = time.monotonic()
            if ended():
                break
    return marker.exists()


# --- endings --------------------------------------------------------------------------------


def _start_again(doing: Run) -> None:
    doing.turned = time.time()
    doing.machine.again()


def _nothing(_: Run) -> None:
    return


def _thaw_after_janitor(doing: Run) -> None:
    patience = doing.deadline + ALLOWED[Ending.TAKEN_OVER] - time.time()
    if patience > 0:
        until(lambda: not any(row.open for row in doing.ledger.rows()), patience, "the janitor clears")
    time.sleep(1.0)
    _thaw(doing)


def _thaw_soon(doing: Run) -> None:
    time.sleep(NAP)
    _thaw(doing)


def _thaw_late(doing: Run) -> None:
    _sleep_until(max(doing.deadline + 1.0, time.time() + NAP))
    _thaw(doing)


def _thaw(doing: Run) -> None:
    doing.turned = time.time()
    doing.machine.thaw()


_ENDINGS: dict[Ending, Callable[[Run], None]] = {
    Ending.RESTARTED: _start_again,
    Ending.RESUMED: _start_again,
    Ending.JANITOR: _nothing,
    Ending.ALONE: _nothing,
    Ending.TAKEN_OVER: _thaw_after_janitor,
    Ending.SHORT: _thaw_soon,
    Ending.LONG: _thaw_late,
    Ending.TOLD: _nothing,
}


# --- judging --------------------------------------------------------------------------------


def _settle(doing: Run) -> None:
    """Until nothing may be left: an engine that lives may have begun another experiment meanwhile."""
    allowed = ALLOWED[doing.case.ending]
    _sleep_until(max(time.time(), doing.turned) + max(doing.machine.quiet, allowed))
    while time.time() < (due := doing.deadline + allowed):
        _sleep_until(min(due, time.time() + 1.0))


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.time()))


def judged(doing: Run) -> Outcome:
    """Look what is left."""
    case, rows = doing.case, doing.ledger.rows()
    raw, spells = _raw(doing.place.state_file), list(doing.watch.spells)
    late, back = lateness(rows, spells)
    turned = doing.turned
    after = [spell.ended - turned for spell in spells if spell.begun < turned < spell.ended]
    return Outcome(
        case=case,
        left=left_in(doing.watch.seen, rows, raw, nobody=case.ending is Ending.ALONE),
        faults=len({spell.fault for spell in spells}),
        late=late,
        back=back,
        after=max(after, default=0.0),
        stale_file=raw != "healthy",
        litter=len(litter(doing.place.state_file)),
        gap=doing.watch.gap,
        trouble=amiss(doing),
    )


def _raw(state_file: Path) -> str:
    """Any of the three files, as one sees it who knows no expiry."""
    if state_file.with_name(MARK).exists():
        return "a mark"
    variant = default_of(state_file.with_name(FLAGS).read_text(), "cart")
    return raw_mode(state_file) if variant == "off" else f"flag {variant}"


def wrong_way(doing: Run) -> str:
    """An engine that should live, and does not, or the other way round."""
    ended = doing.machine.ended()
    if ended is doing.case.ending.is_the_end:
        return ""
    return f"the engine {'has ended' if ended else 'still runs'}: {doing.machine.said()}"


def amiss(doing: Run) -> str:
    """An engine that should live, and does not, or the other way round; a watch that is blind."""
    if trouble := wrong_way(doing):
        return trouble
    if doing.case.step in _IN and doing.case.ending is not Ending.TOLD and not doing.watch.spells:
        return "a fault was in, and the watch has not seen it"
    return ""
