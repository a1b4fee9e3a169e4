"""For tests alone: the engine kills or freezes itself at a named step of an experiment's life.

`CHAOS_FAULT_POINT=after-arm:KILL` lets the process send that signal to itself when it reaches the step:
exactly there, and once. Without the variable this module is not even imported. A marker file in the data
folder is written first: a later engine on that folder does not do it again, and where it cannot be written,
nothing happens at all.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, cast

from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.config import Settings
from chaos_engine.life import Phase
from chaos_engine.model import Activity, Fault, Judgement, Observation, Purpose, Question, Seen, Target
from chaos_engine.performing import Evaluate
from chaos_engine.ports import Journal, World
from chaos_engine.spelling import nearest
from chaos_engine.surroundings import Surroundings
from chaos_engine.written import ConfigError
from scenarios.base import Preparation, Scenario

VARIABLE = "CHAOS_FAULT_POINT"
MARKER = "fault-point-reached"
SIGNALS = {"KILL": signal.SIGKILL, "STOP": signal.SIGSTOP, "TERM": signal.SIGTERM}
# In the order of an experiment's life.
STEPS = {
    "gate": "the steady state is asked for",
    "prepare": "the scenario is asked what it would do",
    "before-arm": "before the intent is written",
    "after-arm": "after it",
    "before-inject": "before the scenario acts",
    "before-inject-write": "before it writes the state file",
    "mid-inject-write": "the new file is written and synced, not yet renamed",
    "after-inject-write": "after that",
    "after-inject": "the scenario has acted, in the thread that it acts in",
    "before-applied": "before that is journalled",
    "after-applied": "after that",
    "before-keep": "before what the next engine needs to go on is journalled",
    "after-keep": "after that",
    "observe": "the scenario looks at its fault",
    "hold": "within the hold",
    "judge": "the hypothesis is asked for",
    "before-clear": "before the scenario undoes it",
    "before-clear-write": "before it writes the state file",
    "mid-clear-write": "the new file is written and synced, not yet renamed",
    "after-clear-write": "after that",
    "after-clear": "the scenario has undone it, in the thread that it acts in",
    "before-cleared": "before that is journalled",
    "after-cleared": "after that",
    "recover": "the steady state is asked for again",
    "before-end": "before the result is journalled",
    "after-end": "after that",
}
# Those that only scenarios with a state file come by.
WRITING = tuple(step for step in STEPS if step.endswith("-write"))
# Those that only engines with `resume` come by.
KEEPING = ("before-keep", "after-keep")
_ASKED = {Purpose.GATE: "gate", Purpose.HYPOTHESIS: "judge", Purpose.RECOVERY: "recover"}

Reach = Callable[[str], None]


class FaultPoint:
    """One step, one signal. `marker`: the file that says that it was reached."""

    def __init__(self, text: str, marker: Path) -> None:
        self.step, self.number = parsed(text)
        self._marker = marker

    def reach(self, step: str) -> None:
        """The process is at this step."""
        if step == self.step and self._mark():
            self._send()

    def _send(self) -> None:
        if (
            self.number is signal.SIGSTOP
        ):  # to this very thread: it stops before it goes on, the others at once
            signal.pthread_kill(threading.get_ident(), self.number)
        else:
            os.kill(os.getpid(), self.number)

    def _mark(self) -> bool:
        """Whether this is the first time, and that is on disk."""
        try:
            handle = os.open(self._marker, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            try:
                os.write(handle, f"{self.step} {time.time()}\n".encode())
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError:
            return False
        return True


def parsed(text: str) -> tuple[str, signal.Signals]:
    """`after-arm:KILL` as step and signal. ConfigError names what is unknown."""
    step, _, name = text.partition(":")
    for what, word, known in (("step", step, STEPS), ("signal", name, SIGNALS)):
        if word not in known:
            hint = nearest(word, known)
            raise ConfigError(
                [f"environment {VARIABLE}: unknown {what} {word!r}{hint}; allowed: {', '.join(known)}"]
            )
    return step, SIGNALS[name]


def put_in(text: str, settings: Settings, outside: Surroundings, data: Path) -> tuple[Settings, Surroundings]:
    """Settings and surroundings with the fault point in them. ConfigError where the text names none."""
    point = FaultPoint(text, data / MARKER)
    log = outside.narrator.log
    log.warning(
        f"{VARIABLE} is set: this engine sends itself {point.number.name} at {point.step}", kind="test"
    )
    states = _States(lambda told: log.warning(told, kind="state_file"), point.reach)
    scenarios = {name: _Watched(scenario, point.reach) for name, scenario in settings.scenarios.items()}
    return replace(settings, scenarios=scenarios), replace(
        outside,
        journal=cast("Journal", _Journal(outside.journal, point.reach)),
        world=replace(outside.world, states=states),
        evaluate=_evaluate(outside.evaluate, point.reach),
        beat=_beat(outside.beat, point.reach),
    )


class _Journal:
    """Before and after what is written of a fault's life; all else goes straight through."""

    def __init__(self, inner: Journal, reach: Reach) -> None:
        self._inner, self._reach = inner, reach

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._inner, name)
        return partial(self._around, name, inner) if f"before-{name}" in STEPS else inner

    def _around(self, name: str, write: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        self._reach(f"before-{name}")
        written = write(*arguments, **more)
        self._reach(f"after-{name}")
        return written


class _States(StateFiles):
    """Before, in the middle of, and after a write. What writes `healthy` is a clearing."""

    def __init__(self, warn: Callable[[str], None], reach: Reach) -> None:
        super().__init__(warn, self._rename)
        self._reach, self._own = reach, threading.local()

    def write(self, path: Path, state: Mapping[str, Any]) -> None:
        self._own.kind = kind = "clear" if state.get("mode") == "healthy" else "inject"
        self._reach(f"before-{kind}-write")
        super().write(path, state)
        self._reach(f"after-{kind}-write")

    def _rename(self, temporary: Path, path: Path) -> None:
        self._reach(f"mid-{self._own.kind}-write")
        temporary.replace(path)


class _Watched(Scenario):
    """Before and after a scenario acts."""

    def __init__(self, inner: Scenario, reach: Reach) -> None:
        self.name, self.parameters, self.runs = inner.name, inner.parameters, inner.runs  # type: ignore[misc]
        self._inner, self._reach = inner, reach

    def refusal(self, target: Target) -> str | None:
        return self._inner.refusal(target)

    def prepare(self, target: Target, parameters: Any, rng: Random, world: World) -> Preparation:
        self._reach("prepare")
        return self._inner.prepare(target, parameters, rng, world)

    def inject(self, fault: Fault, world: World) -> Mapping[str, Any] | None:
        self._reach("before-inject")
        facts = self._inner.inject(fault, world)
        self._reach("after-inject")
        return facts

    def observe(self, fault: Fault, world: World) -> Observation | Seen:
        self._reach("observe")
        return self._inner.observe(fault, world)

    def activities(self, fault: Fault, world: World) -> tuple[Activity, ...]:
        return self._inner.activities(fault, world)

    def afterwards(self, fault: Fault, world: World) -> Mapping[str, Any]:
        return self._inner.afterwards(fault, world)

    def is_left(self, fault: Fault, world: World) -> bool:
        return self._inner.is_left(fault, world)

    def clear(self, fault: Fault, world: World) -> None:
        self._reach("before-clear")
        self._inner.clear(fault, world)
        self._reach("after-clear")


def _evaluate(inner: Evaluate, reach: Reach) -> Evaluate:
    def asked(questions: Sequence[Question], budget: float) -> tuple[Judgement, ...]:
        for step in {_ASKED[q.purpose] for q in questions if q.purpose in _ASKED}:
            reach(step)
        return inner(questions, budget)

    return asked


def _beat(inner: Callable[[str], None], reach: Reach) -> Callable[[str], None]:
    def beat(doing: str) -> None:
        inner(doing)
        if f": {Phase.HOLD.value}" in doing:
            reach("hold")

    return beat
