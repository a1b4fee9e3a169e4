"""How late a fault was, and how the table counts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from chaos_engine.model import Fault, Now, Target
from tests.integration.engine_process import Place
from tests.killed.course import FLAG, Run, judged
from tests.killed.machines import Processes
from tests.killed.matrix import FLAGS, Case, Ending
from tests.killed.outcome import NEVER, Outcome, lateness
from tests.killed.sight import Ledger, Row, Spell, Watch, by_reader
from tests.killed.table import table

DEADLINE = 1000.0


def row() -> Row:
    now = Now(DEADLINE - 20, 0.0)
    fault = Fault("f", "e", "crash", Target("shop"), {}, {}, (), "", 0, now, now.plus(20))
    return Row(fault, "applied")


@pytest.mark.parametrize(
    ("spells", "expected"),
    [
        ([], (NEVER, 0.0)),
        ([(-20, -17)], (-17.0, 0.0)),
        ([(-20, 1.5)], (1.5, 0.0)),
        ([(-20, -1), (3, 3.25)], (-1.0, 0.25)),  # a thawed engine put it in once more
    ],
)
def test_lateness(spells: list[tuple[float, float]], expected: tuple[float, float]) -> None:
    seen = [Spell("f", DEADLINE + begun, DEADLINE + ended) for begun, ended in spells]
    assert lateness([row()], seen) == expected


def test_a_fault_that_no_ledger_knows_counts_from_its_first_sight() -> None:
    assert lateness([], [Spell("stray", 5.0, 9.0)]) == (NEVER, 4.0)


def test_the_table() -> None:
    alone, again = (Case("crash", "hold", ending) for ending in (Ending.ALONE, Ending.RESTARTED))
    ours = [Outcome(alone, late=-1.0), Outcome(again, left=("it",), late=3.26, after=0.5, litter=1)]
    peers = [Outcome(alone, stale_file=True, late=NEVER)]
    lines = table({"processes": ours}, {"peer": peers}).splitlines()
    assert lines[:2] == ["| the engine is | processes | peer |", "| --- | --- | --- |"]
    assert "| killed, started again | 1 runs, 1 left, 3.3 s |  |" in lines
    assert "| killed, nobody is left | 1 runs, 0 left, 0.0 s | 1 runs, 1 left (0), 0.0 s |" in lines
    assert "| **all** | **2 runs, 1 left, 3.3 s** | **1 runs, 1 left (0), 0.0 s** |" in lines
    assert "cleared 0.5 s after the next start" in lines[-1]


def test_a_watch_sees_begin_and_end(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with Watch(by_reader(state)) as watch:
        state.write_text(f'{{"mode": "a word of a plugin", "id": "f", "timestamp": {time.time()}}}')
        time.sleep(0.5)
        state.write_text('{"mode": "healthy"}')
        time.sleep(0.5)
    assert watch.seen == ""
    assert [spell.fault for spell in watch.spells] == ["f"]
    assert 0.2 < watch.spells[0].ended - watch.spells[0].begun < 5


def test_a_watch_that_is_blind_is_no_pass(tmp_path: Path) -> None:
    """A fault that is in for two seconds at this step, and nobody has seen it."""
    case = Case("crash", "hold", Ending.RESTARTED)
    place = Place(tmp_path)
    place.configure("")
    place.state_file.with_name(FLAGS).write_text(FLAG)
    run = Run(case, place, _Alive(), Watch(lambda: ""), Ledger(place.data))
    assert judged(run).trouble == "a fault was in, and the watch has not seen it"


class _Alive(Processes):
    def __init__(self) -> None:
        """No process at all."""

    def ended(self) -> bool:
        return False


def test_a_watch_that_cannot_look_is_no_pass() -> None:
    def blind() -> str:
        raise PermissionError("unreadable")

    with pytest.raises(PermissionError), Watch(blind):
        time.sleep(0.2)
