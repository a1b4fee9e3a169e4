"""Made-up histories, drawn from a seed, of any length: for the example of a report, and for measurements.

Nothing in them has happened. Two toy targets, three scenarios, an alert that never fires.
`python -m benchmarks.made_up examples/report.html` makes the example anew.
"""

from __future__ import annotations

import json
import random
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from chaos_engine import summaries
from chaos_engine.console.report import told
from chaos_engine.journal import Journal
from chaos_engine.ledger import codec
from chaos_engine.model import (
    Evidence,
    Experiment,
    Fault,
    Judged,
    Judgement,
    Now,
    Outcome,
    Ran,
    Recovered,
    Result,
    Step,
    Target,
    Window,
    Witness,
)
from chaos_engine.report.document import Order
from chaos_engine.report.pages import page

WEIGHTS = {"crash": 0.3, "slowdown": 0.4, "config_error": 0.3, "partition": 0.1}
TARGETS = ("toy-shop", "toy-payments")
HOLD, LOOKBACK = 30.0, 30.0
_SUPPORTED = {  # how often a target stands a scenario
    ("crash", "toy-shop"): 0.62, ("crash", "toy-payments"): 0.9, ("slowdown", "toy-shop"): 0.93,
    ("slowdown", "toy-payments"): 0.97, ("config_error", "toy-shop"): 0.85,
    ("config_error", "toy-payments"): 0.95,
}  # fmt: skip
_RECOVERY = {"crash": 8.0, "slowdown": 2.5, "config_error": 14.0}
_MOMENT = 7_000_001_000.0  # moments of a pattern lie about it: no other number looks like it
_MOMENTS = re.compile(r"(?<![\d.])70000\d{5}(?:\.\d+)?")


_RESULT, _EXPERIMENT = TypeAdapter(Result), TypeAdapter(Experiment)


@dataclass(frozen=True, slots=True)
class Lived:
    """One experiment with its result. Times are wall times."""

    experiment: Experiment
    result: Result
    started_at: float
    ended_at: float


def lived(rng: random.Random, at: float, number: int) -> Lived:
    """One that begins then."""
    scenario = rng.choices(list(_RECOVERY), [WEIGHTS[name] for name in _RECOVERY])[0]
    target = rng.choice(TARGETS)
    steps = (Step(scenario, Target(target, Path(f"/toys/{target}.json")), {}),)
    experiment = Experiment(f"{scenario} on {target}", scenario, steps, HOLD, lookback=LOOKBACK)
    luck = rng.random()
    if luck < 0.04:
        result = _refused(rng, target, at)
    elif luck < 0.08:
        result = replace(
            _ended(rng, scenario, target, at, holds=True),
            run=Ran.FAILED, reason=f"{scenario} could not be injected: the toy box of run {number} is shut",
        )  # fmt: skip
    else:
        holds = rng.random() < _SUPPORTED[scenario, target]
        result = _ended(rng, scenario, target, at, holds=holds)
    took = (result.time_to_recover or 0.0) + LOOKBACK + HOLD + 5
    return Lived(experiment, result, at, at + took)


def _probe(target: str) -> str:
    return f"http http://{target}.example/products"


def _judgement(
    target: str, outcome: Outcome, window: Window, success: float, p95: float, reason: str = ""
) -> Judgement:
    measured = {"success": success, "p50": round(p95 / 2, 4), "p95": round(p95, 4)}
    evidence = Evidence(f"GET http://{target}.example/products", window, 60, p95 / 3, p95, measured=measured)
    told = reason or f"success {success:.0%}, p95 {p95:.3f} s of 60 requests"
    return Judgement(_probe(target), outcome, told, evidence)


def _refused(rng: random.Random, target: str, at: float) -> Result:
    share = rng.uniform(0.7, 0.95)
    reason = f"success {share:.0%} of 60 requests, expected >= 99%"
    broken = _judgement(target, Outcome.BROKEN, Window(at - LOOKBACK, at), share, 0.2, reason)
    return Result(Ran.SKIPPED, reason=f"{broken.probe}: {reason}", before=(broken,))


def _ended(rng: random.Random, scenario: str, target: str, at: float, *, holds: bool) -> Result:
    injected, cleared = at + 1, at + 1 + HOLD
    seconds = round(_RECOVERY[scenario] * rng.lognormvariate(0, 0.4), 2)
    share = rng.uniform(0.991, 1.0) if holds else rng.uniform(0.2, 0.9)
    slow = 1.4 if scenario == "slowdown" else 0.2
    reason = "" if holds else f"success {share:.0%} of 60 requests, expected >= 99%"
    outcome = Outcome.PASS if holds else Outcome.BROKEN
    before = _judgement(target, Outcome.PASS, Window(at - LOOKBACK, at), 1.0, rng.uniform(0.05, 0.09))
    during = _judgement(
        target, outcome, Window(injected, cleared), share, rng.uniform(slow / 2, slow), reason
    )
    window = Window(cleared, cleared + seconds + 3)
    after = _judgement(target, Outcome.PASS, window, 1.0, rng.uniform(0.05, 0.1))
    alert = Judgement(
        "alert ToyShopDown", Outcome.BROKEN, "did not fire within 20 s",
        Evidence("ALERTS{alertname=ToyShopDown}", Window(injected, injected + 20)),
    )  # fmt: skip
    asks_alert = scenario == "crash" and target == "toy-shop" and not holds
    return Result(
        run=Ran.COMPLETED,
        hypothesis=Judged.SUPPORTED if holds else Judged.NOT_SUPPORTED,
        recovery=Recovered.RECOVERED,
        witness=Witness.FELT,
        time_to_recover=seconds,
        recovery_asked=True,
        ended_by="time",
        reason=f"{during.probe}: {during.reason}",
        injected_at=injected,
        cleared_at=cleared,
        judgements=(during, alert) if asks_alert else (during,),
        before=(before,),
        after=(after,),
    )


def tell(journal: Journal, seed: int, count: int, start: float, every: float) -> None:
    """Write a short history in the ordinary way, a start each `every` seconds, some of them late."""
    rng = random.Random(seed)
    journal.put("settings", {"weights": WEIGHTS})
    for number in range(1, count + 1):
        one = lived(rng, start + number * every + rng.uniform(0, every / 4), number)
        journal.begin(f"e{number}", one.experiment, one.started_at)
        journal.end(f"e{number}", one.result, one.ended_at)


# --- by the million -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pattern:
    """The rows of an experiment, whose moments are put in anew for each that follows it."""

    lived: Lived
    plan: str
    result: str  # a format string
    offsets: tuple[float, ...]

    def row(self, number: int, at: float) -> tuple[Any, ...]:
        """For the table of experiments."""
        one, shift = self.lived, at - _MOMENT
        injected = one.result.injected_at
        result = self.result % tuple(at + offset for offset in self.offsets)
        return (
            f"e{number}", at, one.ended_at + shift, one.experiment.title, one.experiment.label,
            one.experiment.targets[0], "done", self.plan, None if injected is None else injected + shift,
            one.result.verdict.value, result, None,
        )  # fmt: skip


def _pattern(one: Lived) -> Pattern:
    plain = json.loads(_RESULT.dump_json(one.result))
    text = json.dumps({**plain, "verdict": one.result.verdict.value}).replace("%", "%%")
    offsets = tuple(float(found) - _MOMENT for found in _MOMENTS.findall(text))
    plan = _EXPERIMENT.dump_json(one.experiment).decode()
    return Pattern(one, plan, _MOMENTS.sub("%.3f", text), offsets)


def _rows(seed: int, count: int, start: float, every: float) -> Iterator[tuple[Any, ...]]:
    rng = random.Random(seed)
    patterns = [_pattern(lived(rng, _MOMENT, number)) for number in range(1000)]
    for number in range(1, count + 1):
        yield rng.choice(patterns).row(number, start + number * every)


def _faults(count: int, start: float, every: float, owner: str) -> Iterator[tuple[Any, ...]]:
    now = Now(start, 5.0)
    target = Target(TARGETS[0], Path("/toys/toy-shop.json"))
    fault = Fault("e0-0", "e0", "crash", target, {}, {"state_file": "/toys/toy-shop.json"}, ("toy",), owner,
                  0, now, now.plus(50))  # fmt: skip
    text = codec().dump_json(fault).decode()
    for number in range(1, count + 1):
        at = start + number * every
        yield f"e{number}-0", f"e{number}", owner, 0, "cleared", at, at, None, at + 31, at + 51, text


def many(journal: Journal, seed: int, count: int, start: float, every: float) -> None:
    """Write a long history at once: as many rows of the same shape, not made safe one by one."""
    db = journal._db  # noqa: SLF001 - the way in for one at a time takes hours
    journal.put("settings", {"weights": WEIGHTS})
    db.execute("PRAGMA journal_mode = OFF")
    db.execute("PRAGMA synchronous = OFF")
    with db:
        db.executemany(
            f"INSERT INTO experiments VALUES ({', '.join('?' * 12)})", _rows(seed, count, start, every)
        )
        db.executemany(
            f"INSERT INTO faults VALUES ({', '.join('?' * 11)})", _faults(count, start, every, journal.owner)
        )
        summaries.fill(db)
    db.execute("PRAGMA journal_mode = WAL")


# --- the example ----------------------------------------------------------------------------------

_SINCE, _MONTH = 1767571200.0, 30 * 86400.0  # 5 January 2026


def example() -> str:
    """`examples/report.html`: a report of a history that never was."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        tell(journal, seed=7, count=140, start=_SINCE - _MONTH, every=42300.0)
        journal.annotate("e120", _SINCE, "improvement", "", "toy-payments has a second instance now")
        order = Order(_SINCE, _SINCE + _MONTH, _SINCE + _MONTH, ZoneInfo("UTC"), shown=12)
        found = told(journal, order)
        journal.close()
    return page(found, "html")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(example(), encoding="utf-8")
