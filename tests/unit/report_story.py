"""Experiments as a report sees them, made up for its tests."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import strategies as st

from chaos_engine.model import Verdict
from chaos_engine.report.trials import Trial

RUNS = {
    "failed": "failed",
    "aborted": "aborted",
    "interrupted": "interrupted",
    "steady_state_not_met": "skipped",
}
PLAIN = Trial(
    "e1", 1000.0, 1050.0, "crash on shop", "crash", "shop", 1001.0, 1031.0, "supported", "completed",
    "supported", "recovered", "clean", "felt", 4.0, "time", "all is well",
)  # fmt: skip


def trial(number: int = 1, verdict: str = "supported", **changes: object) -> Trial:
    """One that began in hour `number` of the epoch."""
    at = 3600.0 * number
    skipped = verdict == "steady_state_not_met"
    base = replace(
        PLAIN, experiment=f"e{number}", started_at=at, ended_at=at + 50, verdict=verdict,
        run=RUNS.get(verdict, "completed"), reason=f"{verdict} at {number}",
        injected_at=None if skipped else at + 1, cleared_at=None if skipped else at + 31,
        time_to_recover=None if skipped else 4.0,
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def span(stage: str, probe: str, outcome: str, start: float, end: float, **measured: float) -> list[object]:
    return [stage, probe, outcome, start, end, measured, "" if outcome == "pass" else f"{probe} broke"]


def with_spans(one: Trial, *spans: list[object]) -> Trial:
    return replace(one, spans=json.dumps(spans))


VERDICTS = st.sampled_from([verdict.value for verdict in Verdict])


@st.composite
def trials(draw: st.DrawFn, most: int = 25) -> list[Trial]:
    """Any history, in the order of time."""
    found = []
    for number in range(1, draw(st.integers(0, most)) + 1):
        one = trial(
            number, draw(VERDICTS), scenario=draw(st.sampled_from(["crash", "slow"])),
            target=draw(st.sampled_from(["shop", "db"])),
            time_to_recover=draw(st.one_of(st.none(), st.floats(0, 1e4))),
            cleanup=draw(st.sampled_from(["clean", "left"])),
        )  # fmt: skip
        spans = draw(
            st.lists(
                st.tuples(
                    st.sampled_from(["before", "during", "after"]), st.sampled_from(["http a", "alert b"]),
                    st.sampled_from(["pass", "broken", "no_data"]), st.floats(-100, 100), st.floats(0, 100),
                    st.one_of(st.none(), st.floats(0, 1)),
                ),
                max_size=4,
            )
        )  # fmt: skip
        found.append(with_spans(one, *(
            span(stage, probe, outcome, one.started_at + begins, one.started_at + begins + length,
                 **({} if success is None else {"success": success}))
            for stage, probe, outcome, begins, length, success in spans
        )))  # fmt: skip
    return found
