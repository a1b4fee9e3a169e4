"""Twenty thousand experiments on a virtual clock, with the invariants checked at every step.

A failure names its seed; `CHAOS_SIM_SEED=… pytest tests/simulate -k replay` lives that history again.
"""

from __future__ import annotations

import gc
import os
import weakref
from functools import cache

import pytest

from chaos_engine.model import Verdict
from tests.simulate.accidents import IMPOSSIBLE, table
from tests.simulate.histories import LENGTH, History
from tests.simulate.many import Found, cores, histories

pytestmark = pytest.mark.timeout(1200)  # the first of them lives all the histories

EXPERIMENTS = 20_000
# How each phase can be left: what follows, or what the result of an experiment is that ends there.
WAYS = {
    "gate": ("inject", "skipped clean", "aborted clean", "interrupted clean"),
    "inject": ("hold", "clear (error)", "clear (deadline)", "clear (operator)", "failed clean"),
    "hold": (
        "judge", "clear (time)", "clear (abort)", "clear (deadline)", "clear (error)", "clear (operator)",
        "clear (signal)", "interrupted clean",
    ),
    "judge": (
        "clear (time)", "clear (repair)", "clear (abort)", "clear (operator)", "clear (signal)",
        "interrupted clean",
    ),
    "clear": ("recover", "completed clean", "failed clean", "aborted clean", "aborted left"),
    "recover": ("completed clean", "failed clean", "aborted clean", "clear (abort)", "interrupted clean"),
}  # fmt: skip


@cache
def all_histories() -> Found:
    return histories(EXPERIMENTS, processes=min(cores(), 4))


def test_twenty_thousand_experiments_keep_every_invariant() -> None:
    assert all_histories().experiments >= EXPERIMENTS


def test_every_phase_meets_every_kind_of_failure() -> None:
    """`pytest -s` shows the table."""
    found = all_histories()
    print("\n" + table(found.hits))
    assert found.missed == []


@pytest.mark.parametrize(("cell", "reason"), IMPOSSIBLE.items(), ids=["-".join(cell) for cell in IMPOSSIBLE])
def test_what_is_called_impossible_does_not_happen(cell: tuple[str, str], reason: str) -> None:
    assert not all_histories().hits[cell], reason


@pytest.mark.parametrize(("phase", "way"), [(phase, way) for phase, ways in WAYS.items() for way in ways])
def test_every_phase_is_left_in_every_way(phase: str, way: str) -> None:
    ways = all_histories().ways
    assert ways[phase, way], f"never seen; seen are {sorted(w for p, w in ways if p == phase)}"


def test_every_verdict_occurs() -> None:
    assert {verdict.value for verdict in Verdict} == set(all_histories().verdicts)


@pytest.mark.parametrize("seed", range(1000, 1012))
def test_the_same_seed_gives_the_same_history_bit_for_bit(seed: int) -> None:
    first, second = History(seed, 30).run(), History(seed, 30).run()
    assert first.journal.history == second.journal.history
    assert first.states.files == second.states.files


def test_another_seed_gives_another_history() -> None:
    assert History(1, 30).run().journal.history != History(2, 30).run().journal.history


def test_a_history_that_is_over_is_forgotten() -> None:
    """A million experiments would else not fit into the memory."""
    worlds = [weakref.ref(History(seed, 30).run()) for seed in range(5000, 5010)]
    gc.collect()
    assert [world() for world in worlds] == [None] * 10


@pytest.mark.skipif("CHAOS_SIM_SEED" not in os.environ, reason="replays the history of CHAOS_SIM_SEED")
def test_replay() -> None:
    History(int(os.environ["CHAOS_SIM_SEED"]), int(os.environ.get("CHAOS_SIM_LENGTH", LENGTH))).run()
