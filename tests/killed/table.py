"""The outcomes as a table in Markdown: a row an ending, a column a way to run the same experiment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.killed.matrix import Ending
from tests.killed.outcome import Outcome

Columns = Mapping[str, Sequence[Outcome]]


def table(ours: Columns, peers: Columns) -> str:
    """`ours` and `peers`: outcomes by the title of their column."""
    columns = {title: (outcomes, _own) for title, outcomes in ours.items()}
    columns |= {title: (outcomes, _peer) for title, outcomes in peers.items()}
    rows = [["the engine is", *columns], ["---", *("---" for _ in columns)]]
    rows += [
        [ending.value, *(tell(_of(outs, ending)) for outs, tell in columns.values())]
        for ending in Ending
        if any(_of(outs, ending) for outs, _ in columns.values())
    ]
    rows.append(["**all**", *(f"**{tell(outs)}**" for outs, tell in columns.values())])
    return "\n".join([*(f"| {' | '.join(row)} |" for row in rows), "", *_lines(ours)])


def _of(outcomes: Sequence[Outcome], ending: Ending) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.case.ending is ending]


def _own(outcomes: Sequence[Outcome]) -> str:
    if not outcomes:
        return ""
    left = sum(bool(outcome.left) for outcome in outcomes)
    return f"{len(outcomes)} runs, {left} left, {_latest(outcomes)}"


def _peer(outcomes: Sequence[Outcome]) -> str:
    """As a plain reader has it, since `expires_at` is of our contract; in brackets as ours has it."""
    if not outcomes:
        return ""
    plain, kept = (sum(outcome.stale_file for outcome in outcomes), sum(bool(o.left) for o in outcomes))
    return f"{len(outcomes)} runs, {plain} left ({kept}), {_latest(outcomes)}"


def _latest(outcomes: Sequence[Outcome]) -> str:
    """Of those that were cleared."""
    return f"{max(max(0.0, outcome.late) for outcome in outcomes):.1f} s"


def _lines(ours: Columns) -> Iterator[str]:
    for title, outcomes in ours.items():
        again = max((o.after for o in _of(outcomes, Ending.RESTARTED)), default=0.0)
        thaw = max((o.after for o in _of(outcomes, Ending.LONG)), default=0.0)
        back = max((o.back for o in outcomes), default=0.0)
        yield (
            f"{title}: cleared {again:.1f} s after the next start at the latest, {thaw:.1f} s after a thaw;"
            f" what a thawed engine put in late was out within {back:.2f} s;"
            f" {sum(o.litter for o in outcomes)} temporary files of writes that were cut short;"
            f" looked every 0.02 s, the longest gap was {max((o.gap for o in outcomes), default=0.0):.2f} s."
        )
