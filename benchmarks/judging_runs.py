"""Runs the experiments with real engines, and asks the naive way what it would have said of the same run."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import engine
from benchmarks.judging_plan import Case, Setup, experiment, rounds
from benchmarks.judging_shops import Spec, Truth
from chaos_engine.adapters import folder
from chaos_engine.adapters.prometheus import PrometheusApi
from chaos_engine.adapters.terminal import logger
from chaos_engine.adapters.threads import Inbox
from chaos_engine.config import Settings
from chaos_engine.course import Finished
from chaos_engine.journal import Journal
from chaos_engine.model import Experiment, Outcome, Result
from chaos_engine.surroundings import Surroundings, of_this_machine
from scenarios.registry import load
from scheduler import Rules
from tests.integration.prometheus_server import free_port, prometheus

NEVER = Rules(every=3600.0, startup_wait=3600.0, choices=(), enabled=False)  # only the queue is run


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run takes place."""

    root: Path
    shops: str  # addresses
    prometheus: str

    @property
    def states(self) -> Path:
        return self.root / "states"


@dataclass(frozen=True, slots=True)
class Finding:
    """What the engine found of one case, and the truth about its shop."""

    case: Case
    result: Result
    truth: Truth

    @property
    def outcomes(self) -> Mapping[str, Outcome]:
        """By probe."""
        return {judgement.probe: judgement.outcome for judgement in self.result.judgements}

    @property
    def recovery_error(self) -> float | None:
        """Seconds by which the recovery was read late; negative: early."""
        cleared, took = self.result.cleared_at, self.result.time_to_recover
        return None if cleared is None or took is None else self.error_of(cleared + took)

    def error_of(self, recovered: float) -> float | None:
        """Seconds to the true moment: it lies between the last bad request and when none was any more."""
        earliest, latest = self.truth.last_bad_at, self.truth.whole_at
        if earliest is None or latest is None:
            return None
        return recovered - min(max(recovered, earliest), latest)


@contextmanager
def place(cases: Sequence[Case]) -> Iterator[Place]:
    """All shops and a Prometheus that scrapes them, on loopback; gone afterwards."""
    with TemporaryDirectory(prefix="chaos-bench-") as name:
        root, port = Path(name), free_port()
        (root / "states").mkdir()
        with _shops(root, port, cases), prometheus(_config(port, cases)) as url:
            here = Place(root, f"http://127.0.0.1:{port}", url)
            _wait_until_scraped(here, len(cases))
            yield here


def findings(here: Place, cases: Sequence[Case]) -> list[Finding]:
    """One engine a setup, each in a process of its own, all at the same time."""
    groups = [list(group) for _, group in groupby(cases, key=lambda case: case.setup.name)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(groups), mp_context=context) as pool:
        results = dict(pair for found in pool.map(_run, [here] * len(groups), groups) for pair in found)
    with urllib.request.urlopen(f"{here.shops}/truth", timeout=10) as answer:
        truth = json.load(answer)
    return [Finding(case, results[case.shop], Truth(**truth[case.shop])) for case in cases]


# --- one engine -----------------------------------------------------------------------------------------


def _run(here: Place, cases: list[Case]) -> list[tuple[str, Result]]:
    """The cases of one setup, a round after another. Results by shop."""
    setup = cases[0].setup
    data = here.root / f"data-{setup.name}"
    folder.prepare(data)
    time.sleep(setup.warmup)
    with (data / "log.jsonl").open("w") as log:
        journal = Journal(data)
        outside = of_this_machine(data, journal, logger("json", out=log), Inbox())
        found = [one for some in rounds(cases) for one in _round(here, setup, some, outside)]
        journal.close()
    return [(one.experiment.title, one.result) for one in found]


def _round(here: Place, setup: Setup, cases: list[Case], outside: Surroundings) -> list[Finished]:
    queue = [experiment(case, here.states, here.shops, here.prometheus) for case in cases]
    settings = _settings(setup, queue)
    return engine.main(settings, outside, seed=1, queue=queue, abreast=setup.abreast).finished


def _settings(setup: Setup, queue: Sequence[Experiment]) -> Settings:
    return Settings(
        source="benchmark",
        rules=NEVER,
        seed=1,
        hold=setup.hold,
        targets={step.target.name: step.target for one in queue for step in one.steps},
        scenarios=load(),
        experiments={(one.label, one.title): one for one in queue},
        scrape_interval=setup.scrape,
    )


# --- the shops and their Prometheus ---------------------------------------------------------------------


@contextmanager
def _shops(root: Path, port: int, cases: Sequence[Case]) -> Iterator[None]:
    specs = [Spec(c.shop, c.label, c.lag, str(root / "states" / f"{c.shop}.json")) for c in cases]
    (root / "shops.json").write_text(json.dumps([asdict(spec) for spec in specs]))
    command = [sys.executable, "-m", "benchmarks.judging_shops", str(port), str(root / "shops.json")]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _config(port: int, cases: Sequence[Case]) -> str:
    """A job for each scrape interval. Each shop is an instance of its own, as if it had an address."""
    jobs = []
    for scrape in sorted({case.setup.scrape for case in cases}):
        shops = (case.shop for case in cases if case.setup.scrape == scrape)
        targets = "".join(
            f"      - targets: ['127.0.0.1:{port}']\n"
            f"        labels: {{instance: {shop}, __metrics_path__: /{shop}/metrics}}\n"
            for shop in shops
        )
        every = f"{scrape:g}s"
        jobs.append(
            f"  - job_name: every-{every}\n    scrape_interval: {every}\n    scrape_timeout: {every}\n"
            f"    static_configs:\n{targets}"
        )
    return "scrape_configs:\n" + "".join(jobs)


def _wait_until_scraped(here: Place, shops: int) -> None:
    deadline = time.monotonic() + 60
    while _up(here.prometheus) < shops:
        if time.monotonic() > deadline:
            raise RuntimeError(f"Prometheus scrapes {_up(here.prometheus)} of {shops} shops")
        time.sleep(0.5)


def _up(url: str) -> int:
    targets = PrometheusApi().targets(url)
    return sum(target.health == "up" for target in targets) if isinstance(targets, tuple) else 0
