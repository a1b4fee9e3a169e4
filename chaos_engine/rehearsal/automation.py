"""Systems Manager's automations and commands, hooked into moto."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from moto.ssm import urls
from moto.ssm.models import SimpleSystemManagerBackend, ssm_backends

from chaos_engine.rehearsal.automation_api import AutomationApi
from chaos_engine.rehearsal.ssm_base import World, automations_of, new_id
from chaos_engine.rehearsal.ssm_commands_api import CommandsApi
from chaos_engine.rehearsal.ssm_documents_api import DocumentsApi


class RehearsedSsm(DocumentsApi, AutomationApi, CommandsApi):
    """moto's SSM, with ours over it."""


@dataclass(frozen=True)
class Ticker:
    """Moves every automation of every account and region."""

    world: World

    def tick(self, now: float) -> None:
        """As far as all get at `now`, in seconds since 1970. It never waits for a call."""
        with self.world.lock:
            answers = self.world.calls.answers()
            for backend in _backends():
                for call, launch in automations_of(backend).tick(now, answers, new_id):
                    self.world.calls.make(call, launch)


def install(clock: Callable[[], float]) -> Ticker:
    """From now on moto's SSM is ours; to be called before its server starts. `clock`: seconds since 1970."""
    RehearsedSsm.world = World(clock)
    urls.url_paths = {"{0}/$": RehearsedSsm.dispatch}
    return Ticker(RehearsedSsm.world)


def _backends() -> list[SimpleSystemManagerBackend]:
    return [backend for regions in list(ssm_backends.values()) for backend in list(regions.values())]
