"""What activities have started, and wait for: in a terminal Ctrl-C ends it, and so does an interruption here.

Killed alone, a shell would leave behind what it runs: a load, say, that nobody ends any more.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def end_children() -> None:
    """SIGTERM to all of them. What has left its parent was meant to stay, and is left to the rollbacks."""
    for pid in descendants(os.getpid()):
        with suppress(OSError):
            os.kill(pid, signal.SIGTERM)


def descendants(pid: int) -> list[int]:
    """Children, and theirs. None where there is no /proc."""
    parents = dict(processes())
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def processes() -> Iterator[tuple[int, int]]:
    """Each with its parent."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            yield int(stat.parent.name), int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
