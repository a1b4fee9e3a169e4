"""The journal's files, cut at every byte of the last transaction, open again and reconcile."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from chaos_engine.journal import FILE_NAME, Journal
from chaos_engine.model import Fault
from tests.unit.test_ledger import FAULT

STEP = 97  # bytes; a prime, so that cuts fall everywhere within pages and frames


def crashed(folder: Path) -> tuple[Path, int]:
    """A journal whose write-ahead log still holds everything, and how long that was before the last write."""
    live = folder / "live"
    live.mkdir()
    journal = Journal(live)
    journal.arm(FAULT)
    before = (live / f"{FILE_NAME}-wal").stat().st_size
    journal.cleared(FAULT, 1010)
    copy = folder / "crashed"
    shutil.copytree(live, copy)  # as the disk was when the power went
    journal.close()
    return copy, before


def opened(crash: Path, folder: Path, length: int) -> list[Fault]:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(crash, folder)
    (folder / f"{FILE_NAME}-shm").unlink(missing_ok=True)  # shared memory does not outlive the machine
    with (folder / f"{FILE_NAME}-wal").open("r+b") as wal:
        wal.truncate(length)
    journal = Journal(folder)
    left = journal.open_faults()
    journal.close()
    return left


def test_whatever_was_lost_of_the_last_write_the_fault_is_known_or_cleared(tmp_path: Path) -> None:
    crash, before = crashed(tmp_path)
    whole = (crash / f"{FILE_NAME}-wal").stat().st_size
    assert whole > before
    for length in (*range(before, whole, STEP), whole - 1):
        assert opened(crash, tmp_path / "again", length) == [FAULT], f"cut at {length} of {whole}"
    assert opened(crash, tmp_path / "again", whole) == []


def test_a_cut_in_the_intent_leaves_nothing_to_clear_and_nothing_was_injected(tmp_path: Path) -> None:
    """The scenario acts only after `arm` has returned, and that is after the sync."""
    crash, before = crashed(tmp_path)
    found = {
        len(opened(crash, tmp_path / "again", length)) for length in range(before // 2, before, STEP * 5)
    }
    assert found <= {0, 1}


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33])
def test_a_log_that_hardly_began(tmp_path: Path, length: int) -> None:
    crash, _ = crashed(tmp_path)
    assert isinstance(opened(crash, tmp_path / "again", length), list)
