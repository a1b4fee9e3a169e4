"""Pure: one experiment as a report sees it, read from its summary in the journal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

JUDGED = ("supported", "not_supported")
MISSING = ("inconclusive", "no_effect")


class Span(NamedTuple):
    """One judgement: of which probe, over which window (wall times), and what was measured in it."""

    stage: str  # before, during, after
    probe: str
    outcome: str
    start: float
    end: float
    measured: Mapping[str, float | None]
    reason: str  # why it is no pass

    @property
    def availability(self) -> float | None:
        """The share of good requests; of other probes 1 where it held, 0 where it broke; else not known."""
        success = self.measured.get("success")
        if success is not None:
            return success
        return {"pass": 1.0, "broken": 0.0}.get(self.outcome)


@dataclass(frozen=True)
class Trial:
    """One experiment that has ended. Times are wall times; the words are those of `model.Result`.

    Its fields are the columns of the table of summaries, in their order.
    """

    experiment: str
    started_at: float
    ended_at: float | None
    title: str
    scenario: str
    target: str
    injected_at: float | None
    cleared_at: float | None
    verdict: str
    run: str
    hypothesis: str
    recovery: str
    cleanup: str
    witness: str
    time_to_recover: float | None
    ended_by: str
    reason: str
    spans: str = "[]"

    @property
    def judged(self) -> bool:
        """Whether it says something of the system: it held, or it did not."""
        return self.verdict in JUDGED

    @property
    def tried(self) -> bool:
        """Whether it got past its gate."""
        return self.run != "skipped"

    @property
    def succeeded(self) -> bool:
        """Whether it went as planned to its end, whatever it showed, and left nothing."""
        return self.run == "completed" and self.cleanup == "clean"

    @cached_property
    def judgements(self) -> tuple[Span, ...]:
        """Before, during and after; what of them cannot be placed in time is left out."""
        return tuple(
            Span(stage, probe, outcome, start, end, measured or {}, reason or "")
            for stage, probe, outcome, start, end, measured, reason in json.loads(self.spans)
            if start is not None and end is not None
        )
