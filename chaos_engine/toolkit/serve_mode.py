"""`serve`: waits with everything loaded. A line on stdin is a list of specs to check, or the folder to run.

For whoever is about to run one experiment, and has much to load himself meanwhile.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from chaos_engine.toolkit import run_mode
from chaos_engine.toolkit.check_mode import checked
from chaos_engine.toolkit.spec import spec_of


def main(_arguments: list[str]) -> int:
    """Until it has run something, or nobody is there any more."""
    answers = os.dup(1)
    os.dup2(2, 1)  # modules that are imported may print
    for line in sys.stdin:
        asked = json.loads(line)
        if isinstance(asked, list):
            told = json.dumps([checked(spec_of(spec)) for spec in asked])
            os.write(answers, f"{told}\n".encode())
            continue
        os.close(answers)
        return run(asked)
    return 0


def run(asked: dict[str, str]) -> int:
    """As if it had been started for that: in its directory, with its log, and nothing on stdin."""
    log = os.open(Path(asked["run"], "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for number in (1, 2):
        os.dup2(log, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if asked.get("directory"):
        os.chdir(asked["directory"])
    return run_mode.main([asked["run"]])
