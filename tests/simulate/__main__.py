"""The soak: `python -m tests.simulate --experiments 1000000 --processes 2`.

Exit code 1 where a rule is broken, with the command that shows it again.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulate.accidents import table
from tests.simulate.many import Found, cores, histories

SELDOM = 30.0  # seconds between two lines where nobody watches


class Progress:
    """One line that renews itself on a terminal; a line now and then elsewhere."""

    def __init__(self, wanted: int) -> None:
        self._wanted, self._began, self._said = wanted, time.monotonic(), 0.0
        self._renews = sys.stderr.isatty()

    def tell(self, found: Found) -> None:
        """How far it is."""
        now = time.monotonic()
        if now - self._said < (0.5 if self._renews else SELDOM):
            return
        self._said = now
        line = f"{found.experiments:,} of {self._wanted:,} experiments, {_minutes(now - self._began)}"
        print(f"\r{line}\033[K" if self._renews else line, end="" if self._renews else "\n",
              file=sys.stderr, flush=True)  # fmt: skip

    def end(self) -> None:
        """The line is done with."""
        if self._renews and self._said:
            print(file=sys.stderr, flush=True)

    @property
    def took(self) -> str:
        """Since the beginning."""
        return _minutes(time.monotonic() - self._began)


def main() -> int:
    """Live them all, and show what failures they met."""
    wanted = _arguments()
    progress = Progress(wanted.experiments)
    try:
        found = histories(wanted.experiments, wanted.seed, wanted.processes, progress.tell)
    except AssertionError as error:
        progress.end()
        print(f"broken: {error}")
        return 1
    progress.end()
    print(table(found.hits))
    print(
        f"{found.experiments:,} experiments in {found.histories:,} histories, {progress.took}: all rules kept"
    )
    for row, kind in found.missed:
        print(f"never met: {row}, {kind}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulate", description="Lives many histories.")
    parser.add_argument("--experiments", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1_000_000, metavar="N", help="of the first history")
    parser.add_argument("--processes", type=int, default=cores(), metavar="N")
    return parser.parse_args()


def _minutes(seconds: float) -> str:
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
