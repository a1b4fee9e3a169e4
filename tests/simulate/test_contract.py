"""The journal's twin keeps the real one's contract: the same calls, the same answers, at stale epochs too."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from chaos_engine.journal import Journal
from chaos_engine.model import Experiment, Fault, Now, Ran, Result, Step, Target
from tests.simulate.memory_journal import MemoryJournal

CALLS = 250
TARGET = Target("shop", Path("/chaos/shop.json"))
SPEC = Experiment("crash on shop", "crash", (Step("crash", TARGET),), 5.0)
Both = Journal | MemoryJournal
Call = Callable[[Both], Any]


class Caller:
    """Draws calls as an engine, a second one that thinks it is the first, and janitors would make them."""

    def __init__(self, rng: Random) -> None:
        self.rng, self.at = rng, 1_000.0
        self.faults: list[Fault] = []
        self.begun = 0

    def draw(self) -> Call:
        self.at += self.rng.choice((0.0, 0.5, 3.0, -2.0))
        kinds = (self._experiment, self._ledger, self._ledger, self._ledger, self._reading, self._command)
        return self.rng.choice(kinds)()

    def _experiment(self) -> Call:
        at, id_ = self.at, f"e{self.rng.randint(1, self.begun + 1)}"
        injected = self.rng.choice((None, at))
        result = Result(self.rng.choice((Ran.COMPLETED, Ran.FAILED)), injected_at=injected)
        kind = self.rng.randrange(4)
        if self.begun and self.rng.random() < 0.05:
            before, most = at - self.rng.choice((-5.0, 5.0, 50.0)), self.rng.choice((1, 3, 100))
            return lambda journal: journal.prune(before, most)
        if kind == 0 or not self.begun:
            self.begun += 1
            new = f"e{self.begun}"
            return lambda journal: journal.begin(new, SPEC, at)
        if kind == 1:
            return lambda journal: journal.phase(id_, "hold", at)
        if kind == 2:
            return lambda journal: journal.keep(id_, f"snapshot at {at}")
        return lambda journal: journal.end(id_, result, at)

    def _ledger(self) -> Call:
        at, draw = self.at, self.rng.random()
        if draw < 0.3 or not self.faults:
            fault = self._new()
            return lambda journal: journal.arm(fault)
        # Any epoch: the present one, an old one, one that nobody has.
        fault = replace(self.rng.choice(self.faults[-4:]), epoch=self.rng.choice((0, 0, 1, 2, 3)))
        if draw < 0.55:
            return lambda journal: journal.take_over(fault, at)
        if draw < 0.75:
            return lambda journal: journal.applied(fault, at)
        if draw < 0.85:
            return lambda journal: journal.resume(fault)
        gone = self.rng.random() < 0.3
        return lambda journal: journal.cleared(fault, at, gone=gone)

    def _new(self) -> Fault:
        again = self.faults and self.rng.random() < 0.1
        number = self.rng.randint(1, self.begun + 2)
        now = Now(self.at, 5.0)
        name, ends = f"e{number}", now.plus(9)
        fault = Fault(f"{name}-{len(self.faults)}", name, "crash", TARGET, {}, {}, (), "me", 0, now, ends)
        self.faults.append(self.rng.choice(self.faults) if again else fault)
        return self.faults[-1]

    def _reading(self) -> Call:
        since = self.at - self.rng.choice((0.0, 5.0, 100.0))
        return self.rng.choice((
            lambda journal: journal.open_faults(),
            lambda journal: journal.open_entries(),
            lambda journal: journal.closed_since(since),
            lambda journal: journal.fault_windows(since),
            lambda journal: journal.injections_since(since),
            lambda journal: journal.unfinished(),
            lambda journal: journal.kept("e1"),
            lambda journal: journal.begun_at(3),
            lambda journal: journal.last_number(),
            lambda journal: journal.get("switches"),
        ))  # fmt: skip

    def _command(self) -> Call:
        at = self.at
        return self.rng.choice((
            lambda journal: journal.post("clear", {"all": True}, at - 59.0),
            lambda journal: journal.post("halt", {}, at - 61.0),
            lambda journal: [(c.id, c.kind, dict(c.arguments)) for c in journal.take(at)],
            lambda journal: journal.answer(1, {"cleared": []}),
            lambda journal: journal.put("switches", {"paused": True}),
            lambda journal: journal.note(at, "skip", rule="pause"),
        ))  # fmt: skip


def answer_of(journal: Both, call: Call) -> object:
    """What it returns, or raises."""
    try:
        found = call(journal)
    except sqlite3.IntegrityError as error:
        return str(error)
    return sorted(found, key=repr) if isinstance(found, (list, tuple)) else found


@pytest.mark.parametrize("seed", range(12))
def test_the_twin_answers_as_the_journal_does(seed: int, tmp_path: Path) -> None:
    caller, twin = Caller(Random(seed)), MemoryJournal()
    with closing(Journal(tmp_path)) as real:
        real._db.execute("PRAGMA synchronous = OFF")
        for number in range(CALLS):
            call = caller.draw()
            assert answer_of(real, call) == answer_of(twin, call), f"call {number}"
        assert answer_of(real, _all) == answer_of(twin, _all)


def _all(journal: Both) -> Any:
    """All that lasts; entries that were armed at one moment may come in any order."""
    return [*journal.open_entries(), *journal.closed_since(0.0), journal.unfinished(), journal.last_number()]
