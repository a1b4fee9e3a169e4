"""Pure: whether an experiment's windows are long enough for what it asks, and whether anything can see it."""

from __future__ import annotations

from collections.abc import Iterator

from chaos_engine import durations
from chaos_engine.model import Experiment, HttpProbe, Probe, PrometheusProbe
from evaluators import prometheus

HTTP_SAMPLES = 3  # the fewest requests that are judged
SCRAPES_A_RANGE = 4  # a range is usually four scrapes or more, where nobody says how often is scraped
WITNESSES = (HttpProbe,)


def misfits(experiment: Experiment, scrape_interval: float | None) -> Iterator[tuple[str, str]]:
    """What is too short: ("hold" | "lookback" | "duration", a sentence that says what would do)."""
    spec = experiment.hypothesis
    if spec.duration is None:
        yield from _short("hold", experiment.hold, spec.probes, scrape_interval)
    else:
        yield from _short("duration", spec.duration, spec.probes, scrape_interval)
    yield from _short("lookback", experiment.lookback, experiment.steady, scrape_interval)


def needed(probe: Probe, scrape_interval: float | None) -> float:
    """The shortest window in which the probe can be judged, in seconds: its range and two scrapes."""
    if isinstance(probe, HttpProbe):
        return HTTP_SAMPLES * probe.every
    if isinstance(probe, PrometheusProbe):
        reach = prometheus.reach(probe.query)
        return reach + 2 * (scrape_interval or reach / SCRAPES_A_RANGE)
    return 0.0


def unwitnessed(experiment: Experiment) -> bool:
    """Whether no client-side probe could notice the fault."""
    probes = (*experiment.steady, *experiment.hypothesis.probes)
    return not any(isinstance(probe, WITNESSES) for probe in probes)


def _short(
    what: str, length: float, probes: tuple[Probe, ...], scrape_interval: float | None
) -> Iterator[tuple[str, str]]:
    for probe in probes:
        least = needed(probe, scrape_interval)
        if length < least:
            yield what, _sentence(what, length, probe, least)


def _sentence(what: str, length: float, probe: Probe, least: float) -> str:
    needs = "three requests" if isinstance(probe, HttpProbe) else "its range and two scrapes"
    have, want = durations.show(length), durations.show(least)
    return f"a {what} of {have} is too short for {probe.label}: it needs {needs}; {want} would do"
