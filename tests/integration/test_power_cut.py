"""The journal's files, cut at every byte of the last transaction, open again and reconcile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos_engine import reconcile
from chaos_engine.journal import FILE_NAME, Journal
from chaos_engine.model import Fault, Now
from tests.unit.test_ledger import FAULT

LOG = f"{FILE_NAME}-wal"
NOW = Now(1005, 10)


class Disk:
    """The bytes of a journal's files at one moment, to be had again cut short."""

    def __init__(self, folder: Path) -> None:
        self.database = (folder / FILE_NAME).read_bytes()
        self.log = (folder / LOG).read_bytes()

    def clears(self, folder: Path, length: int) -> list[Fault]:
        """What an engine clears that finds the log cut to that length."""
        (folder / FILE_NAME).write_bytes(self.database)
        (folder / LOG).write_bytes(self.log[:length])
        (folder / f"{FILE_NAME}-shm").unlink(missing_ok=True)  # shared memory does not outlive the machine
        journal = Journal(folder)
        try:
            plan = reconcile.plan(journal.open_faults(), journal.unfinished(), {}, NOW)
            taken = [journal.take_over(fault, NOW.wall) for fault in plan.clear]
            assert [journal.cleared(fault, NOW.wall) for fault in taken if fault] == [True] * len(plan.clear)
            assert journal.open_faults() == []
        finally:
            journal.close()
        return list(plan.clear)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Journal]:
    """A journal in use: its write-ahead log still holds everything."""
    journal = Journal(tmp_path)
    yield journal
    journal.close()


def length_of(live: Journal) -> int:
    return live.path.with_name(LOG).stat().st_size


def cuts(live: Journal, before: int, again: Path) -> Iterator[tuple[int, list[Fault]]]:
    """Every byte of what was written since: the length, and what is cleared then."""
    disk = Disk(live.path.parent)
    assert len(disk.log) > before
    again.mkdir()
    for length in range(before, len(disk.log) + 1):
        yield length, disk.clears(again, length)


def test_a_cut_in_the_last_clearing_is_cleared_again_and_a_whole_one_is_not(
    live: Journal, tmp_path: Path
) -> None:
    live.arm(FAULT)
    live.applied(FAULT, 1001)
    before = length_of(live)
    live.cleared(FAULT, 1002)
    whole = length_of(live)
    for length, cleared in cuts(live, before, tmp_path / "again"):
        assert cleared == ([] if length == whole else [FAULT]), f"cut at {length} of {before} to {whole}"


def test_a_cut_in_the_intent_leaves_nothing_to_clear_and_a_whole_one_does(
    live: Journal, tmp_path: Path
) -> None:
    """Nothing was injected at a cut: the scenario acts only after `arm` has returned, after the sync."""
    before = length_of(live)
    live.arm(FAULT)
    whole = length_of(live)
    for length, cleared in cuts(live, before, tmp_path / "again"):
        assert cleared == ([FAULT] if length == whole else []), f"cut at {length} of {before} to {whole}"


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33])
def test_a_log_that_hardly_began(live: Journal, tmp_path: Path, length: int) -> None:
    live.arm(FAULT)
    disk = Disk(live.path.parent)
    (tmp_path / "again").mkdir()
    assert disk.clears(tmp_path / "again", length) == []
