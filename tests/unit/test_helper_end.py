"""The end of helpers that died at their work, and of the containers that they worked in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from chaos_engine.adapters.clock import SystemClock
from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.containers import ContainerError, NoContainers
from chaos_engine.model import Fault, Now, Target
from chaos_engine.ports import World
from scenarios.helper_container import HelperError
from scenarios.helper_end import clear_helpers

VICTIM = {"id": "v" * 12, "name": "web", "started_at": "2026-01-01", "pid": 7, "netns": ""}
HELPER = {"victim": VICTIM["id"], "body": {"HostConfig": {"NetworkMode": "none"}}, "work": "", "spec": {}}


class NoneCanStart(NoContainers):
    """A helper that was killed, and a victim beside which no other one can be started."""

    def __init__(self, *, victim_lives: bool) -> None:
        self.victim_lives, self.there = victim_lives, True

    def __getattribute__(self, name: str) -> Any:
        return object.__getattribute__(self, name)

    def inspect(self, container: str) -> Mapping[str, Any] | None:
        lives = self.there if container == VICTIM["id"] else False
        return {"State": {"Running": lives, "Status": "", "StartedAt": "2026-01-01", "ExitCode": 137}}

    def start(self, _: str) -> None:
        self.there = self.victim_lives
        raise ContainerError("the container is restarting, wait until it is running", 500)

    def create(self, *_: object) -> str:
        return ""

    def remove(self, _: str) -> None: ...

    def logs(self, _: str) -> str:
        return ""


def cleared(containers: NoneCanStart) -> None:
    far = Now(2e9, 2e9)
    undo = {"victims": [VICTIM], "helpers": [HELPER], "outlives": False}
    fault = Fault("e1-0", "e1", "memory_stress", Target("web"), {}, undo, (), "me", 0, Now(0, 0), far)
    clear_helpers(fault, World(StateFiles(), SystemClock(), containers=containers))


def test_what_ended_with_its_container_while_it_was_being_undone_is_cleared() -> None:
    cleared(NoneCanStart(victim_lives=False))


def test_what_nobody_can_undo_in_a_living_container_is_not_cleared() -> None:
    with pytest.raises(HelperError, match="is restarting"):
        cleared(NoneCanStart(victim_lives=True))
