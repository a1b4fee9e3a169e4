"""Judged rightly: labelled experiments against a real Prometheus on compressed time.

    python -m benchmarks.judging [--quick]

Beside it the naive way, from the same run: one instant query when the hold ends.
"""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from benchmarks.judging_naive import Onlooker, next_gates
from benchmarks.judging_plan import (
    BROKEN,
    EXPECTED,
    LABELS,
    LONG_SCRAPE,
    PERIOD,
    RESIDUE,
    SETUPS,
    TRAPS,
    Setup,
    cases,
)
from benchmarks.judging_runs import Finding, findings, place
from benchmarks.table import Row, show
from chaos_engine.model import Outcome, Verdict

SEED = 20_240_607
FULL, QUICK = (10, 40), (2, 10)  # experiments a cell; for each trap
NO_ANSWER = (
    Verdict.INCONCLUSIVE, Verdict.STEADY_STATE_NOT_MET, Verdict.FAILED, Verdict.ABORTED, Verdict.INTERRUPTED
)  # fmt: skip
OF_EACH = {
    "http": ("outage", "slow"),
    "errors": ("outage", "5 % errors"),
    "latency": ("slow",),
}  # what a probe must find broken; the http probe sends too few requests to meet 5 % of errors each time


def rows(*, quick: bool = False) -> list[Row]:
    """Every measurement; some six minutes in all, `quick` two. Without Docker there are none."""
    if not has_docker():
        print("judging: needs Docker for its Prometheus; skipped")
        return []
    drawn = cases(SEED, *(QUICK if quick else FULL))
    with place(drawn) as here:
        found = findings(here, drawn)
        onlooker = Onlooker(here.prometheus)
        judged = [f for f in found if f.case.setup not in TRAPS]
        _print_tables(judged)
        return [
            *_verdicts(judged, onlooker),
            *_recoveries(judged, onlooker),
            *_probes(judged),
            *_traps(found, onlooker, here.prometheus),
        ]


def has_docker() -> bool:
    """Whether there is an engine to run Prometheus in."""
    try:
        return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


# --- verdicts -------------------------------------------------------------------------------------------


def _verdicts(judged: Sequence[Finding], onlooker: Onlooker) -> Iterator[Row]:
    naive = {
        f.case.shop: Verdict.SUPPORTED if onlooker.supports(f) else Verdict.NOT_SUPPORTED for f in judged
    }

    def said(name: str, labels: Sequence[str], *wrong: Verdict) -> Row:
        of = [f for f in judged if f.case.label in labels]
        ours = sum(f.result.verdict in wrong for f in of)
        return _counts(name, ours, sum(naive[f.case.shop] in wrong for f in of), len(of))

    yield said("false support", (*BROKEN, "sham"), Verdict.SUPPORTED)
    yield said("false support, of what was broken", BROKEN, Verdict.SUPPORTED)
    yield said("false support, of what nobody felt", ("sham",), Verdict.SUPPORTED)
    yield said("false refusal", ("none",), Verdict.NOT_SUPPORTED, Verdict.NO_EFFECT)
    yield said("false refusal, of what nobody felt", ("sham",), Verdict.NOT_SUPPORTED)
    yield Row("no answer", sum(f.result.verdict in NO_ANSWER for f in judged), f"of {len(judged)}")
    right = sum(f.result.verdict is f.case.expected for f in judged)
    naively = sum(naive[f.case.shop] is f.case.expected for f in judged)
    yield Row("right verdicts", right, f"of {len(judged)}", naively, right / naively if naively else None)


def _counts(name: str, ours: int, naive: int, of: int) -> Row:
    """Something that should not be. No ratio to nothing at all."""
    return Row(name, ours, f"of {of}", naive, naive / ours if ours else None)


# --- recoveries -----------------------------------------------------------------------------------------


def _recoveries(judged: Sequence[Finding], onlooker: Onlooker) -> Iterator[Row]:
    """How far the time of recovery is from the truth, where there was something to recover from."""
    for label in BROKEN:
        of = [f for f in judged if f.case.label == label]
        ours = [(f.case.setup, abs(error)) for f in of if (error := f.recovery_error) is not None]
        naive = [(f.case.setup, abs(error)) for f in of if (error := onlooker.recovery_error(f)) is not None]
        name = f"error of the recovery, {label}"
        if ours and naive:
            yield _ratio(f"{name}, median", median(e for _, e in ours), median(e for _, e in naive))
            yield _ratio(f"{name}, p95", _p95(e for _, e in ours), _p95(e for _, e in naive))
        yield Row(f"{name}, within a probe period", _within(ours), f"of {len(of)}", _within(naive))
        if (
            label == "5 % errors"
        ):  # a client hardly ever meets them, and under 1 % of a range passes as steady
            within = (sum(error <= setup.scrape for setup, error in side) for side in (ours, naive))
            yield Row(f"{name}, within a scrape", next(within), f"of {len(of)}", next(within))


def _ratio(name: str, ours: float, naive: float) -> Row:
    return Row(name, ours, "s", naive, naive / ours if ours else None)


def _p95(errors: Iterable[float]) -> float:
    ascending = sorted(errors)
    return ascending[math.ceil(0.95 * len(ascending)) - 1]


def _within(errors: Iterable[tuple[Setup, float]]) -> int:
    return sum(error <= PERIOD for _, error in errors)


# --- each kind of probe by itself -----------------------------------------------------------------------


def _probes(judged: Sequence[Finding]) -> Iterator[Row]:
    """Whether each found broken what it can see broken, and nothing else."""
    for probe, breaks in OF_EACH.items():
        asked = [f for f in judged if probe in f.outcomes]
        must = [f for f in asked if f.case.label in breaks]
        may_not = [f for f in asked if f.case.label in ("none", "sham")]
        for what, of, wrong in (("passed what was broken", must, Outcome.PASS),
                                ("broke what held", may_not, Outcome.BROKEN)):  # fmt: skip
            count = sum(f.outcomes[probe] is wrong for f in of)
            yield Row(f"{probe} probe {what}", count, f"of {len(of)}")
        unanswered = sum(f.outcomes[probe].missing for f in asked)
        yield Row(f"{probe} probe without an answer", unanswered, f"of {len(asked)}")


# --- traps ----------------------------------------------------------------------------------------------


def _traps(found: Sequence[Finding], onlooker: Onlooker, url: str) -> Iterator[Row]:
    """A hold shorter than range and two scrapes; and the next gate, which looks back at the last fault."""
    short = [f for f in found if f.case.setup is LONG_SCRAPE and f.result.injected_at is not None]
    verdicts = Counter(f.result.verdict for f in short)
    supported, silent = verdicts[Verdict.SUPPORTED], verdicts[Verdict.INCONCLUSIVE]
    naive = sum(map(onlooker.supports, short))
    yield _counts("trap, scrapes of 12 s: an outage is supported", supported, naive, len(short))
    yield Row("trap, scrapes of 12 s: it is inconclusive", silent, f"of {len(short)}")
    passed = next_gates(url, [f for f in found if f.case.setup is RESIDUE])
    ours, theirs = sum(not a for a, _ in passed), sum(not b for _, b in passed)
    yield _counts("trap, residue: the next gate fails", ours, theirs, len(passed))


# --- printing -------------------------------------------------------------------------------------------


def _print_tables(judged: Sequence[Finding]) -> None:
    for setup in SETUPS:
        of = [f for f in judged if f.case.setup.name == setup.name]
        _print_table(f"{setup.name}, held for {setup.hold:g} s", of)
    _print_table("all", judged)
    for f in judged:
        if f.result.verdict is not f.case.expected:
            print(f"  wrong: {f.case.label}, {f.case.setup.name}: {f.result.verdict}: {f.result.reason}")


def _print_table(title: str, of: Sequence[Finding]) -> None:
    verdicts = [v for v in Verdict if any(f.result.verdict is v for f in of)]
    print(f"\n{title:42}" + "".join(f"{verdict:>22}" for verdict in verdicts))
    for label in LABELS:
        counts = Counter(f.result.verdict for f in of if f.case.label == label)
        wanted = f"{label} (expected: {EXPECTED[label]})"
        print(f"  {wanted:40}" + "".join(f"{counts[verdict]:>22}" for verdict in verdicts))


def main() -> None:
    started = time.monotonic()
    measured = rows(quick="--quick" in sys.argv[1:])
    if measured:
        show("Judged rightly", measured)
        print(f"\n{time.monotonic() - started:.0f} s in all; a probe period is {PERIOD:g} s")


if __name__ == "__main__":
    main()
