"""A journal of a million experiments: pages of its history, a report of a month, and a bite of pruning.

    python -m benchmarks.journal
    python -m benchmarks.journal --experiments 100000 --keep /tmp/journal

Made up, at a start every three minutes (five and a half years; 5.6 GB of disk, gone again afterwards). The
naive way reads the table as it comes: without an index, or every row with its whole result.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

from benchmarks import made_up
from benchmarks.table import Row, show
from chaos_engine.console.report import told
from chaos_engine.journal import FILE_NAME, Journal
from chaos_engine.report.document import Order
from chaos_engine.report.pages import page
from chaos_engine.retention import BITE

MILLION, EVERY, END = 1_000_000, 180.0, 1767571200.0
MONTH = 30 * 86400.0
_COLUMNS = "id, started_at, ended_at, title, scenario, target, phase, injected_at, verdict, result"


def rows(count: int = MILLION, folder: Path | None = None) -> list[Row]:
    """Every measurement; about five minutes, most of them for the writing and the naive way."""
    with nullcontext(folder) if folder else tempfile.TemporaryDirectory() as place:
        data = Path(place)
        data.mkdir(parents=True, exist_ok=True)
        fresh = not (data / FILE_NAME).exists()
        journal = Journal(data)
        if fresh:
            made_up.many(journal, 7, count, END - count * EVERY, EVERY)
        found = [*_pages(journal, count), *_reports(journal, data), *_engine(journal)]
        journal.close()
    return found


def _pages(journal: Journal, count: int) -> list[Row]:
    verdict, target, deep = "failed", "toy-shop", f"e{max(count // 10, 2)}"
    cases: list[tuple[str, Callable[[], object], str]] = [
        ("newest 20", lambda: journal.history(20), "TRUE"),
        ("20 of one verdict and target", lambda: journal.history(20, verdict=verdict, target=target),
         f"verdict = '{verdict}' AND target = '{target}'"),
        ("20 in the middle of nowhere", lambda: journal.history(20, before=deep),
         f"started_at < (SELECT started_at FROM experiments WHERE id = '{deep}')"),
        ("20 that there are none of", lambda: journal.history(20, target="nobody"), "target = 'nobody'"),
    ]  # fmt: skip
    return [
        _row(f"history, {name}", 1e3 * _median(ask), 1e3 * _once(partial(_naive_page, journal, where)), "ms")
        for name, ask, where in cases
    ]


def _naive_page(journal: Journal, where: str) -> object:
    query = f"SELECT {_COLUMNS} FROM experiments NOT INDEXED WHERE {where} ORDER BY started_at DESC LIMIT 20"
    return journal._db.execute(query).fetchall()  # noqa: SLF001


def _reports(journal: Journal, data: Path) -> list[Row]:
    naive = _once(lambda: _naive_period(journal))
    whole = _median(lambda: _report(journal), 5)
    cpu = median(_cpu(lambda: _report(journal)) for _ in range(5))
    command = _median(lambda: _command(data), 3)
    return [
        _row("report of 30 days, to HTML", whole, naive, "s; naive: every result read"),
        Row("the same, CPU time alone", cpu, "s"),
        Row("the command, with the start of Python", command, "s"),
    ]


def _report(journal: Journal) -> str:
    order = Order(END - MONTH, END + 1, END, ZoneInfo("UTC"))
    return page(told(journal, order), "html")


def _naive_period(journal: Journal) -> int:
    """What a report would begin with: which experiments were it, and what was measured in them."""
    every = journal._db.execute("SELECT result, started_at FROM experiments")  # noqa: SLF001
    found = [json.loads(row["result"]) for row in every if row["started_at"] >= END - 2 * MONTH]
    return len(found)


def _command(data: Path) -> None:
    since, until = "2025-12-06T00:00+00:00", "2026-01-05T00:01+00:00"
    subprocess.run(
        [sys.executable, "-m", "chaos_engine", "report", "--since", since, "--until", until],
        env={**os.environ, "CHAOS_DATA_DIR": str(data)}, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def _engine(journal: Journal) -> list[Row]:
    def start() -> object:
        return journal.last_number(), journal.unfinished(), journal.fault_windows(END), journal.open_faults()

    oldest = END  # so that there is something to drop
    return [
        Row("what an engine asks when it starts", 1e3 * _median(start), "ms"),
        Row(
            f"a bite of pruning, {BITE} experiments", 1e3 * _median(lambda: journal.prune(oldest, BITE)), "ms"
        ),
        Row("file", (journal.path.stat().st_size) / 1e9, "GB"),
    ]


def _row(name: str, ours: float, naive: float, unit: str) -> Row:
    return Row(name, ours, unit, naive, naive / ours)


def _median(work: Callable[[], object], times: int = 9) -> float:
    return median(_once(work) for _ in range(times))


def _once(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _cpu(work: Callable[[], object]) -> float:
    """What it takes on a machine that does nothing else."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--experiments", type=int, default=MILLION)
    parser.add_argument("--keep", type=Path, help="A folder for the journal, used again where it has one.")
    asked = parser.parse_args()
    show(f"A journal of {asked.experiments:,} experiments", rows(asked.experiments, asked.keep))
