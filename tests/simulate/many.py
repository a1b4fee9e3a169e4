"""Many histories, one after another or side by side, and what they have shown together."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import count

from tests.simulate.accidents import CELLS
from tests.simulate.histories import LENGTH, History, ways_of

TOGETHER = 10  # histories that are one piece of work
SELDOM = 200_000  # objects between two collections: nearly all live as long as their history


@dataclass(slots=True)
class Found:
    """What all histories together have shown."""

    histories: int = 0
    experiments: int = 0
    ways: Counter[tuple[str, str]] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    hits: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, other: Found) -> None:
        """Take in what others have shown."""
        self.histories += other.histories
        self.experiments += other.experiments
        self.ways.update(other.ways)
        self.verdicts.update(other.verdicts)
        self.hits.update(other.hits)

    @property
    def missed(self) -> list[tuple[str, str]]:
        """Phases and kinds of failure that have not met."""
        return [cell for cell in CELLS if not self.hits[cell]]


def live(seeds: range) -> Found:
    """Live these histories. AssertionError: an invariant is broken; it names the seed."""
    gc.set_threshold(SELDOM)
    found = Found()
    for seed in seeds:
        world = History(seed, LENGTH).run()
        results = [story.result for story in world.journal.stories.values() if story.result]
        shown = Counter(result.verdict.value for result in results)
        found.add(Found(1, len(world.journal.stories), ways_of(world), shown, world.plan.hits))
    return found


def histories(
    experiments: int, first: int = 0, processes: int = 1, tell: Callable[[Found], None] = lambda _: None
) -> Found:
    """So many experiments or a few more, from seed `first` on: the same ones, however many processes."""
    found, pieces = Found(), (range(n, n + TOGETHER) for n in count(first, TOGETHER))
    for piece in map(live, pieces) if processes == 1 else _side_by_side(pieces, processes):
        found.add(piece)
        tell(found)
        if found.experiments >= experiments:
            break
    return found


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _side_by_side(pieces: Iterator[range], processes: int) -> Iterator[Found]:
    """In the order of the pieces, so that the same ones count each time."""
    context = multiprocessing.get_context("spawn")
    under_way: deque[Future[Found]] = deque()
    # Nobody waits for these: what is tested beside them in real time goes first.
    with ProcessPoolExecutor(processes, context, initializer=os.nice, initargs=(10,)) as pool:
        try:
            while True:
                while len(under_way) < 2 * processes:
                    under_way.append(pool.submit(live, next(pieces)))
                yield under_way.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
