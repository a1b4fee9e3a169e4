"""The machine's own memory: some of it is always left."""

from __future__ import annotations

from pathlib import Path

KEPT = 0.1  # of all of it


def spare(meminfo: Path = Path("/proc/meminfo")) -> int:
    """Bytes that may be taken, so that a tenth of the machine's memory stays available."""
    lines = (line.split() for line in meminfo.read_text(encoding="utf-8").splitlines())
    found = {words[0]: int(words[1]) * 1024 for words in lines}
    return max(0, found["MemAvailable:"] - round(KEPT * found["MemTotal:"]))
