"""What is judged: labelled shops, the experiments on them, and what each ought to find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from chaos_engine.model import (
    Experiment,
    HttpProbe,
    Hypothesis,
    Probe,
    PrometheusProbe,
    Step,
    Target,
    Verdict,
)
from evaluators import expectation

PERIOD = 0.5  # seconds between two requests of the http probe
MOST_LAG = 4.0  # seconds for which a shop may stay unwell after the clearing
SPARE = 0.5  # seconds of a window beyond range and two scrapes
JUDGE_TIMEOUT = 4.0

EXPECTED = {
    "outage": Verdict.NOT_SUPPORTED,  # every request fails
    "5 % errors": Verdict.NOT_SUPPORTED,
    "slow": Verdict.NOT_SUPPORTED,  # a second more, the bound is half of it
    "none": Verdict.SUPPORTED,  # a tenth of a second more: felt, and within the bound
    "sham": Verdict.NO_EFFECT,  # the state is written, and nobody reads it
}
LABELS = tuple(EXPECTED)
BROKEN = tuple(label for label, verdict in EXPECTED.items() if verdict is Verdict.NOT_SUPPORTED)
_DELAYS = {"slow": "1s", "none": "100ms"}


@dataclass(frozen=True, slots=True)
class Setup:
    """How a group of shops is scraped and judged. `abreast`: experiments at once."""

    name: str
    scrape: float
    scrapes: int  # in a range
    abreast: int
    hold: float  # of the fault; the gate looks back as long
    warmup: float = 0.0  # seconds of scrapes that must be there first
    prometheus_gate: bool = True

    @property
    def range(self) -> float:
        return self.scrape * self.scrapes


def _setup(scrape: float, scrapes: int, abreast: int) -> Setup:
    """The hold is the shortest that `validate` lets pass, and a little more."""
    hold = scrape * (scrapes + 2) + SPARE
    return Setup(f"{scrape:g} s scrapes, rate over {scrapes}", scrape, scrapes, abreast, hold)


# Those that take longer go more abreast, so that all end at about the same time.
SETUPS = (_setup(1, 3, 4), _setup(1, 6, 5), _setup(3, 3, 9), _setup(3, 6, 13))
# The design's traps at a fifth of their times: 30 s hold, rate over 2 m, scrapes of 60 s and of 15 s.
LONG_SCRAPE = Setup("long scrape", 12, 2, 10, 6, warmup=40, prometheus_gate=False)
RESIDUE = Setup("residue", 3, 8, 10, 6, warmup=30, prometheus_gate=False)
TRAPS = (LONG_SCRAPE, RESIDUE)


@dataclass(frozen=True, slots=True)
class Case:
    """One experiment and its shop. `lag`: seconds for which the shop stays unwell after the clearing."""

    number: int
    setup: Setup
    label: str
    lag: float
    http_judges: bool  # else the hypothesis is Prometheus' alone, and the http probe only a witness

    @property
    def shop(self) -> str:
        return f"shop-{self.number}"

    @property
    def expected(self) -> Verdict:
        return EXPECTED[self.label]


def cases(seed: int, a_cell: int, traps: int) -> list[Case]:
    """`a_cell` of each label in each setup, in a drawn order; and so many outages for each trap."""
    rng = Random(seed)
    drawn: list[tuple[Setup, str, float, bool]] = []
    for setup in SETUPS:
        cell = [
            (setup, label, rng.uniform(0, MOST_LAG), i % 2 == 0) for label in LABELS for i in range(a_cell)
        ]
        rng.shuffle(cell)
        drawn += cell
    drawn += [(setup, "outage", 0.0, False) for setup in TRAPS for _ in range(traps)]
    return [Case(number, *rest) for number, rest in enumerate(drawn)]


def rounds(of_setup: list[Case]) -> Iterator[list[Case]]:
    """As many at a time as go abreast, so that only their shops are asked by http probes meanwhile."""
    size = of_setup[0].setup.abreast
    yield from (of_setup[i : i + size] for i in range(0, len(of_setup), size))


# --- the experiments ------------------------------------------------------------------------------------


def experiment(case: Case, states: Path, shops_url: str, prometheus_url: str) -> Experiment:
    """One fault into the case's own shop."""
    http, prometheus = http_probe(case, shops_url), prometheus_probes(case, prometheus_url)
    name = "slowdown" if case.label in _DELAYS else "config_error"
    delay = {"delay": _DELAYS[case.label]} if case.label in _DELAYS else {}
    step = Step(name, Target(case.shop, states / f"{case.shop}.json"), delay)
    setup = case.setup
    steady: tuple[Probe, ...] = (http, *prometheus) if setup.prometheus_gate else (http,)
    return Experiment(
        title=case.shop,
        label=case.label,
        steps=(step,),
        hold=setup.hold,
        steady=steady,
        lookback=setup.hold,
        hypothesis=Hypothesis((http, *prometheus) if case.http_judges else prometheus),
        overlapping_gate=True,
        judge_timeout=JUDGE_TIMEOUT,
    )


def http_probe(case: Case, shops_url: str) -> HttpProbe:
    latency = {"p95": expectation.parse("< 500ms")}
    return HttpProbe(f"{shops_url}/{case.shop}/products", "http", every=PERIOD, latency=latency)


def prometheus_probes(case: Case, url: str) -> tuple[PrometheusProbe, ...]:
    """Queries as people write them: the share of 5xx, and the 95th percentile."""
    shop, over = f'instance="{case.shop}"', f"{case.setup.range:g}s"
    failed = f'sum(rate(shop_requests_total{{{shop},status=~"5.."}}[{over}])) or vector(0)'
    ratio = f"({failed}) / sum(rate(shop_requests_total{{{shop}}}[{over}]))"
    p95 = f"histogram_quantile(0.95, sum by (le) (rate(shop_request_seconds_bucket{{{shop}}}[{over}])))"
    return (
        PrometheusProbe(ratio, expectation.parse("< 1%"), url, "errors"),
        PrometheusProbe(p95, expectation.parse("< 0.5"), url, "latency"),
    )
