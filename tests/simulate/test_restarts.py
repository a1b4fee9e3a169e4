"""Histories in which targets are restarted do what they are for, and the others are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos_engine.model import Fault, Now, Target
from tests.simulate.clockwork import VirtualClock
from tests.simulate.histories import LENGTH, History
from tests.simulate.memory_journal import MemoryJournal
from tests.simulate.removal import Removers

NOW = Now(0.0, 0.0)


def lived(*, restarts: bool, seeds: range) -> list[History]:
    found = [history for seed in seeds if (history := History(seed, 20)).world.restarts.happen is restarts]
    for history in found:
        history.run()
    return found


def applied(history: History) -> list[str]:
    return [what[1].id for what in history.world.journal.history if what[0] == "applied"]


def test_what_a_restart_has_taken_away_is_injected_again_in_the_same_hold() -> None:
    faults = [id_ for history in lived(restarts=True, seeds=range(60)) for id_ in applied(history)]
    assert len(faults) > len(set(faults))


def test_where_nothing_is_restarted_nothing_is_injected_twice() -> None:
    for history in lived(restarts=False, seeds=range(20)):
        assert len(applied(history)) == len(set(applied(history)))


def fault(experiment: str) -> Fault:
    target = Target("shop", Path("/chaos/shop.json"))
    return Fault(f"{experiment}-0", experiment, "crash", target, {}, {}, (), "me", 0, NOW, NOW)


def test_only_what_was_never_in_before_another_had_it_must_not_be_completed() -> None:
    removers = Removers(VirtualClock(), MemoryJournal())
    removers.applied(fault("e1"), ours=True)
    removers.applied(fault("e1"), ours=False)  # injected again when its hold was over
    removers.applied(fault("e2"), ours=False)
    assert set(removers.refused.values()) == {"e2"}


@pytest.mark.parametrize(
    "seed",
    [
        1001174,  # an engine that stood still after its look had injected again is told that it is another's
        1004664,  # a hold that is gone on with is injected again while the clearing of another fault hangs
        5014931,  # (no restart in it:) the wall clock was set back between the clearing and a late look
        5011869,  # two looks at one fault hung, and the second one injected it after the first was undone
        5015493,  # a hold is gone on with, and its next step waits for the clearing of another's fault
        21005126,  # a janitor takes a clock that was set for a silent engine, which is just about to inject
        22024510,  # an engine stood still in the write that would have told it that its fault was another's
        30006879,  # an answer is under way while what came back late is cleared, and is asked for again
        60002471,  # the wall clock was set, and a hold that is gone on with is injected again: no new one
        50000301,  # a look that injects nothing is under way while its fault is cleared
        62035411,  # the wall clock was set before the engine heard of an injection that it had given up
        62030159,  # the wall clock was set just before a fault took hold, and back before anybody saw it
        5004088,  # the ledger could not be told that it was in, and a look that hung has injected it again
    ],
)
def test_what_a_restart_brings_about_beside_other_failures_is_allowed(seed: int) -> None:
    History(seed, LENGTH).run()
