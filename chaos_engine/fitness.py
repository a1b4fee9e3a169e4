"""Pure: whether an experiment's windows are long enough for what it asks, and whether anything can see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chaos_engine import durations
from chaos_engine.metric_queries import common_period
from chaos_engine.model import AlarmProbe, CloudWatchProbe, Experiment, HttpProbe, Probe, PrometheusProbe
from evaluators import prometheus

HTTP_SAMPLES = 3  # the fewest requests that are judged
SCRAPES_A_RANGE = 4  # a range is usually four scrapes or more, where nobody says how often is scraped
PERIODS = 2  # one whole period lies in any window of two, wherever it begins
MINUTE = 60.0
WITNESSES = (HttpProbe,)


def misfits(experiment: Experiment, scrape_interval: float | None) -> Iterator[tuple[str, str]]:
    """What is too short: ("hold" | "lookback" | "duration", a sentence that says what would do).

    Faults that end by themselves are held for as long as they take: nobody knows it before.
    """
    spec = experiment.hypothesis
    if spec.duration is not None:
        extra = MINUTE if spec.whole_minutes else 0.0
        yield from _short("duration", spec.duration, spec.probes, scrape_interval, extra)
    elif not experiment.runs:
        yield from _short("hold", experiment.hold, spec.probes, scrape_interval)
    yield from _short("lookback", experiment.lookback, experiment.steady, scrape_interval)


def needed(probe: Probe, scrape_interval: float | None) -> float:
    """The shortest window in which the probe can be judged, in seconds, wherever it begins."""
    if isinstance(probe, HttpProbe):
        return HTTP_SAMPLES * probe.every
    if isinstance(probe, PrometheusProbe):
        reach = prometheus.reach(probe.query)
        return reach + 2 * (scrape_interval or reach / SCRAPES_A_RANGE)
    if isinstance(probe, CloudWatchProbe):
        return float(PERIODS * common_period(probe.queries, probe.period))
    return 0.0


def lag(probes: Iterable[Probe]) -> float:
    """Seconds by which a recovery is known later than to a client: CloudWatch's periods, and its delay."""
    return max((_lag(probe) for probe in probes), default=0.0)


def _lag(probe: Probe) -> float:
    if isinstance(probe, CloudWatchProbe):
        return needed(probe, None) + probe.wait
    return probe.wait if isinstance(probe, AlarmProbe) else 0.0


def unwitnessed(experiment: Experiment) -> bool:
    """Whether nothing could notice the fault: no client-side probe, nor AWS, which tells of its own runs."""
    probes = (*experiment.steady, *experiment.hypothesis.probes)
    return not experiment.runs and not any(isinstance(probe, WITNESSES) for probe in probes)


def _short(
    what: str, length: float, probes: tuple[Probe, ...], scrape_interval: float | None, extra: float = 0.0
) -> Iterator[tuple[str, str]]:
    """`extra`: seconds by which a window is made longer at most, for datapoints of CloudWatch."""
    for probe in probes:
        least = needed(probe, scrape_interval)
        if extra and isinstance(probe, CloudWatchProbe):
            least = max(least / PERIODS, least - extra)
        if length < least:
            yield what, _sentence(what, length, probe, least)


def _sentence(what: str, length: float, probe: Probe, least: float) -> str:
    have, want = durations.show(length), durations.show(least)
    return f"a {what} of {have} is too short for {probe.label}: it needs {_needs(probe)}; {want} would do"


def _needs(probe: Probe) -> str:
    if isinstance(probe, HttpProbe):
        return "three requests"
    if isinstance(probe, CloudWatchProbe):
        return "one whole period, wherever it begins"
    return "its range and two scrapes"
