"""What an experiment has shown, as text and as a few words, for those who read it in a test report."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from chaos_engine.console.history import detail
from chaos_engine.course import Finished
from chaos_engine.model import Cleanup, Result, Verdict

PASSED = (Verdict.SUPPORTED, Verdict.UNJUDGED)
LEFT = "left"


def word_of(finished: Finished) -> str:
    """The verdict; or that something could not be cleared, which is worse than any."""
    left = finished.result.cleanup is Cleanup.LEFT or finished.left
    return LEFT if left else finished.result.verdict.value


def passed(finished: Finished) -> bool:
    """Whether it is a pass: exit code 0. What could not be judged is none."""
    return finished.result.verdict in PASSED and word_of(finished) != LEFT


def text_of(finished: Finished) -> str:
    """All that `chaos-engine history ID` tells."""
    return "\n".join(detail(_row(finished)))


def properties_of(finished: Finished) -> dict[str, str]:
    """What a report may be sorted by. Times are seconds."""
    result, seconds = finished.result, finished.result.time_to_recover
    found = {
        "experiment": finished.id,
        "verdict": result.verdict.value,
        "scenario": finished.experiment.label,
        "target": ", ".join(finished.experiment.targets),
        "ended_by": result.ended_by,
        "witness": result.witness.value,
        "time_to_recover": "" if seconds is None else f"{seconds:.3f}",
    }
    return {name: value for name, value in found.items() if value}


def _row(finished: Finished) -> dict[str, Any]:
    """As the journal has it: also where that could not be written."""
    result = json.loads(TypeAdapter(Result).dump_json(finished.result))
    return {
        "id": finished.id,
        "title": finished.experiment.title,
        "started_at": finished.began,
        "verdict": finished.result.verdict.value,
        "phase": "done",
        "result": result,
    }
