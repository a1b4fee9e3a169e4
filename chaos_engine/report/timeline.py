"""Pure: a period as a picture: faults over the availability of each probe, in slices of equal length."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from chaos_engine.report.trials import Span, Trial

SLICES = 180
FEW = 240  # faults that are drawn one by one; more are counted by slice


def timeline(trials: Sequence[Trial]) -> dict[str, Any] | None:
    """From the first beginning to the last end; None: there is nothing to draw."""
    if not trials:
        return None
    start = min(trial.started_at for trial in trials)
    end = max(_end(trial) for trial in trials)
    width = max(end - start, 1.0) / SLICES
    injected = [trial for trial in trials if trial.injected_at is not None]
    return {
        "start": start,
        "end": start + width * SLICES,
        "faults": [_fault(trial) for trial in injected] if len(injected) <= FEW else [],
        "counts": _counts(injected, start, width) if len(injected) > FEW else [],
        "injections": len(injected),
        "lanes": _lanes(trials, start, width),
    }


def _end(trial: Trial) -> float:
    spans = [span.end for span in trial.judgements]
    return max([trial.started_at, trial.ended_at or 0.0, trial.cleared_at or 0.0, *spans])


def _fault(trial: Trial) -> dict[str, Any]:
    start = trial.injected_at or trial.started_at
    return {
        "experiment": trial.experiment, "scenario": trial.scenario, "target": trial.target,
        "verdict": trial.verdict, "start": start, "end": max(start, trial.cleared_at or start),
    }  # fmt: skip


def _counts(injected: Iterable[Trial], start: float, width: float) -> list[dict[str, Any]]:
    """How many faults of each verdict began in a slice."""
    slices: dict[int, Counter[str]] = defaultdict(Counter)
    for trial in injected:
        slices[_slice(trial.injected_at or trial.started_at, start, width)][trial.verdict] += 1
    return [
        {
            "start": start + index * width,
            "end": start + (index + 1) * width,
            "verdicts": dict(sorted(n.items())),
        }
        for index, n in sorted(slices.items())
    ]


def _lanes(trials: Iterable[Trial], start: float, width: float) -> list[dict[str, Any]]:
    """For each probe the mean availability of each slice that it was judged in, by the seconds judged."""
    sums: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
    for trial in trials:
        for span in trial.judgements:
            share = span.availability
            if share is None or span.probe == "recovers_within" or span.probe.startswith("alert "):
                continue
            for index, seconds in _pieces(span, start, width):
                sums[span.probe][index][0] += share * seconds
                sums[span.probe][index][1] += seconds
    return [
        {"probe": probe, "mean": _mean(slices.values()), "slices": _told(slices, start, width)}
        for probe, slices in sorted(sums.items())
    ]


def _told(slices: dict[int, list[float]], start: float, width: float) -> list[dict[str, float]]:
    return [
        {
            "start": start + index * width, "end": start + (index + 1) * width,
            "availability": weighed / seconds, "seconds": seconds,
        }
        for index, (weighed, seconds) in sorted(slices.items())
    ]  # fmt: skip


def _mean(slices: Iterable[list[float]]) -> float:
    found = list(slices)
    return sum(weighed for weighed, _ in found) / sum(seconds for _, seconds in found)


def _pieces(span: Span, start: float, width: float) -> list[tuple[int, float]]:
    """Which slices a window touches, and for how many seconds; one without length counts for a moment."""
    first, last = _slice(span.start, start, width), _slice(span.end, start, width)
    if first == last:
        return [(first, max(span.end - span.start, 0.001))]
    pieces = []
    for index in range(first, last + 1):
        left, right = max(span.start, start + index * width), min(span.end, start + (index + 1) * width)
        pieces.append((index, max(right - left, 0.001)))
    return pieces


def _slice(at: float, start: float, width: float) -> int:
    return min(max(int((at - start) / width), 0), SLICES - 1)
