"""`clear --all` for containers of ours that no ledger knows: helpers, and originals that were put aside.

The Engine is asked where the configuration needs one, or DOCKER_HOST names one; where settings or journal
cannot be read, it may have been needed: then it is asked too, and need not be there.
"""

from __future__ import annotations

import os

from chaos_engine.adapters.real_world import world_of
from chaos_engine.config import Settings
from chaos_engine.console import records
from chaos_engine.console.found import Found
from chaos_engine.containers import ContainerError
from chaos_engine.journal import JournalError
from chaos_engine.model import Fault
from chaos_engine.performing import undo
from chaos_engine.ports import World
from scenarios.registry import load
from scenarios.strays import stray_helpers, stray_originals

UNKNOWN = "containers that were paused, stopped or disconnected: only the journal knows them"


def clear_strays(found: Found, settings: Settings | None) -> None:
    """Ours, and those of others that are overdue; without a readable journal whoever's."""
    lost = _is_lost()
    configured = bool(os.environ.get("DOCKER_HOST")) or _needs_an_engine(settings)
    if not (configured or lost or settings is None):
        return
    world = world_of()
    try:
        strays = _strays(world, lost=lost)
    except (ContainerError, JournalError) as error:
        if configured:
            found.unchecked.append(f"containers of ours: {error}")
        return
    if lost:
        found.unchecked.append(UNKNOWN)
    for fault in strays:
        _clear(found, fault, world)


def _needs_an_engine(settings: Settings | None) -> bool:
    return settings is not None and settings.hurts_containers


def _is_lost() -> bool:
    """Whether there is a journal that cannot be read."""
    if not records.exists():
        return False
    try:
        with records.journal():
            return False
    except JournalError:
        return True


def _strays(world: World, *, lost: bool) -> list[Fault]:
    """The ledger is asked after the Engine: a fault is in it before its helper is there."""
    if lost or not records.exists():
        return _seen(world, None)
    with records.journal() as journal:
        found = _seen(world, journal.owner)
        known = {fault.id for fault in journal.open_faults()}
        return [fault for fault in found if fault.owner != journal.owner or fault.id not in known]


def _seen(world: World, owner: str | None) -> list[Fault]:
    now, containers = world.clock.now(), world.containers
    return [*stray_helpers(containers, owner, (), now), *stray_originals(containers, owner, (), now)]


def _clear(found: Found, fault: Fault, world: World) -> None:
    name = f"{fault.scenario} on {fault.target.name}"
    try:
        undo(load(), fault, world)
    except Exception as error:  # noqa: BLE001 - the others are cleared all the same
        found.left.append(f"{name}: {error}")
    else:
        found.cleared.append(name)
