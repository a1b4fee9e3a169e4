"""Ten thousand experiments on a virtual clock, with the invariants checked at every step.

A failure names its seed; `CHAOS_SIM_SEED=… pytest tests/simulate -k replay` lives that history again.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

import pytest

from chaos_engine.model import Verdict
from tests.simulate.histories import History, ways_of

EXPERIMENTS = 10_000
LENGTH = 60  # experiments a history, if nothing ends it earlier
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
    "recover": ("completed clean", "failed clean", "aborted clean", "clear (error)", "interrupted clean"),
}  # fmt: skip


@dataclass(slots=True)
class Found:
    """What all histories together have shown."""

    experiments: int = 0
    ways: Counter[tuple[str, str]] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)


@cache
def all_histories() -> Found:
    found, seed = Found(), 0
    while found.experiments < EXPERIMENTS:
        journal = (world := History(seed, LENGTH).run()).journal
        found.experiments += len(journal.stories)
        found.ways += ways_of(world)
        found.verdicts.update(s.result.verdict.value for s in journal.stories.values() if s.result)
        seed += 1
    return found


def test_ten_thousand_experiments_keep_every_invariant() -> None:
    assert all_histories().experiments >= EXPERIMENTS


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


@pytest.mark.skipif("CHAOS_SIM_SEED" not in os.environ, reason="replays the history of CHAOS_SIM_SEED")
def test_replay() -> None:
    History(int(os.environ["CHAOS_SIM_SEED"]), int(os.environ.get("CHAOS_SIM_LENGTH", LENGTH))).run()
