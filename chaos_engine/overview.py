"""How the engine stands: switches, open faults, the next start, the weights asked for and seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from chaos_engine import approvals as book
from chaos_engine.journal import Journal
from chaos_engine.switches import of_fact

SILENT = 10.0  # seconds without a sign of life after which a daemon is called silent


def overview(
    journal: Journal,
    *,
    running: bool,
    heartbeat_age: float | None,
    now: float,
    file: str | None = None,
    tally: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """As the journal has it, for people and programs. Times are wall times, `heartbeat_age` is in seconds.

    `file`: the text of the HALT file, where somebody has looked; a daemon that runs has told the journal.
    `tally`: how often each scenario was injected, where that is known.
    """
    fact = journal.get("switches") or {}
    switches = of_fact(fact, fact.get("file") if running and file is None else file)
    settings = journal.get("settings") or {}
    return {
        "running": running,
        **switches.shown(),
        "heartbeat_age": heartbeat_age,
        "next": journal.get("next") if running else None,
        "open_faults": [
            {
                "id": fault.id, "scenario": fault.scenario, "target": fault.target.name,
                "experiment": fault.experiment, "parameters": dict(fault.parameters),
                "armed_at": fault.armed_at.wall, "deadline": fault.deadline.wall,
            }
            for fault in journal.open_faults()
        ],
        "experiments": journal.count(),
        "approvals": [
            asdict(one) for one in book.expired(book.of_fact(journal.get(book.FACT)), now) if one.open
        ],
        "ramps": journal.get("ramps") or {},
        "changes": settings.get("changes", {}),
        "weights": _weights(settings.get("weights", {}), journal.tally() if tally is None else tally),
    }  # fmt: skip


def _weights(asked: dict[str, float], seen: Mapping[str, int]) -> dict[str, dict[str, float]]:
    total, injected = sum(asked.values()), sum(seen.values())
    return {
        label: {
            "asked": asked.get(label, 0.0) / total if total else 0.0,
            "seen": seen.get(label, 0) / injected if injected else 0.0,
            "injections": seen.get(label, 0),
        }
        for label in (*asked, *(label for label in seen if label not in asked))
    }
