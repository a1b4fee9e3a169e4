"""Processes of the Chaos Toolkit that do at once what a test says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chaos_engine.toolkit_runs import Look
from tests.unit.toolkit_story import Story

EXPERIMENT = {"title": "az", "method": [{}], "rollbacks": [{"name": "start-az"}]}


class ToolkitTwin:
    """One run. `rollbacks`: what each process that rolls back finds failing; the last one goes on."""

    def __init__(self, story: Story, *, alive: bool = False, rollbacks: Sequence[str] = ("",)) -> None:
        self.story, self.alive, self.done = story, alive, list[str]()
        self.told: float | None = None
        self._rollbacks = list(rollbacks)
        self.ends_when_told = True

    def read(self, source: str) -> Mapping[str, Any]:
        del source
        return EXPERIMENT

    def start(self, run: str, spec: Mapping[str, Any]) -> None:
        self.done.append("start")
        self.spec = {"run": run, **spec}
        self.alive = True

    def look(self, run: str, patience: float = 0.0) -> Look:
        del run, patience
        return Look(tuple(self.story.lines), self.alive, self.told)

    def end(self, run: str) -> None:
        del run
        self.done.append("end")
        self.told = 0.0
        self.alive = not self.ends_when_told

    def kill(self, run: str) -> None:
        del run
        self.done.append("kill")
        self.alive = False

    def roll_back(self, run: str, spec: Mapping[str, Any]) -> None:
        del run, spec
        self.done.append("roll back")
        failed = self._rollbacks.pop(0) if len(self._rollbacks) > 1 else self._rollbacks[0]
        self.story.rolled_back(*filter(None, [failed]))
