"""Pure: from the documents that users write to the experiments that the engine runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chaos_engine.criteria import needed, show
from chaos_engine.documents import AwsDocument, HypothesisDocument, Judging, SteadyDocument
from chaos_engine.fitness import lag, misfits, unwitnessed
from chaos_engine.model import (
    AlarmProbe,
    AlertFires,
    AwsAccess,
    CloudWatchProbe,
    Experiment,
    Hypothesis,
    Probe,
    PrometheusProbe,
    Step,
)
from chaos_engine.refusals import Draft
from chaos_engine.written import Place
from scenarios.base import Scenario

RECOVERY_TIMEOUT = 120.0  # seconds; CloudWatch knows of it later


@dataclass(frozen=True, slots=True)
class Common:
    """What holds for every experiment of a file."""

    prometheus_url: str | None
    aws: AwsAccess
    steady: SteadyDocument
    hypothesis: Any
    abort_when: tuple[Probe, ...]


def assemble(
    title: str, label: str, steps: tuple[Step, ...], hold: float, own: Judging, common: Common
) -> Experiment:
    """One experiment: its own judging where it has some, else the common one."""
    steady = located(common.steady.probes, common)
    chosen = own.hypothesis if own.hypothesis is not None else common.hypothesis
    abort = own.abort_when if own.abort_when is not None else common.abort_when
    return Experiment(
        title=title,
        label=label,
        steps=steps,
        hold=hold,
        steady=steady,
        lookback=common.steady.lookback if steady else 0.0,
        hypothesis=_hypothesis(chosen, steady, common),
        abort_when=located(abort, common),
        until_repaired=own.until_repaired,
        overlapping_gate=own.gate == "overlapping",
        recovery_timeout=RECOVERY_TIMEOUT + lag(steady),
    )


def _hypothesis(chosen: Any, steady: tuple[Probe, ...], common: Common) -> Hypothesis:
    if not isinstance(chosen, HypothesisDocument):
        return Hypothesis(probes=steady)
    alert = chosen.alert_fires
    return Hypothesis(
        probes=located(chosen.probes, common),
        delay=chosen.delay,
        duration=chosen.duration,
        recovers_within=chosen.recovers_within,
        alert_fires=AlertFires(alert.name, alert.within, common.prometheus_url or "") if alert else None,
        success_threshold=chosen.success_threshold or 1.0,
    )


def located(probes: tuple[Probe, ...], common: Common) -> tuple[Probe, ...]:
    """Probes without an address of their own get the common one."""
    return tuple(_placed(probe, common) for probe in probes)


def _placed(probe: Probe, common: Common) -> Probe:
    if isinstance(probe, PrometheusProbe) and not probe.url:
        return replace(probe, url=common.prometheus_url or "")
    if isinstance(probe, (CloudWatchProbe, AlarmProbe)):
        return replace(probe, access=common.aws)
    return probe


def access_of(document: AwsDocument, otherwise: AwsAccess = AwsAccess()) -> AwsAccess:  # noqa: B008 - frozen
    """How AWS is reached: as it says itself, else as the other says."""
    return AwsAccess(
        document.region or otherwise.region,
        document.profile or otherwise.profile,
        document.role or otherwise.role,
        document.endpoint or otherwise.endpoint,
    )


def hold_of(scenario: Scenario, own: Mapping[str, Any], hold: float) -> float:
    """How long a fault is held; of one that ends by itself: how long is waited for its end at most."""
    if not scenario.runs:
        return hold
    return float(scenario.parameters.model_validate(dict(own)).timeout)  # type: ignore[attr-defined]


def check_experiments(draft: Draft, experiments: Iterable[Experiment], scrape_interval: float | None) -> None:
    """Note windows that are too short for what is asked, and Prometheus probes without a server."""
    for experiment in experiments:
        for what, text in misfits(experiment, scrape_interval):
            draft.wrong(_place(draft, what, experiment), text)
        if _lacks_prometheus(experiment):
            draft.wrong(
                ("prometheus_url",), "is missing, and there are Prometheus probes (or set PROMETHEUS_URL)"
            )
    draft.check()


def _place(draft: Draft, what: str, experiment: Experiment) -> Place:
    """Where the window that is too short was set, or would be."""
    if what == "lookback":
        return ("steady_state", "lookback")
    if "scenarios" in draft.written.data:
        return ("scenarios", experiment.label)
    return ("recovery",) if what == "hold" else ("hypothesis", what)


def _lacks_prometheus(experiment: Experiment) -> bool:
    alert = experiment.hypothesis.alert_fires
    asked = (*experiment.steady, *experiment.hypothesis.probes, *experiment.abort_when)
    return any(isinstance(p, PrometheusProbe) and not p.url for p in asked) or (
        alert is not None and not alert.url
    )


def _idle_threshold(experiment: Experiment) -> Iterator[str]:
    share, total = experiment.hypothesis.success_threshold, len(set(experiment.hypothesis.probes))
    if share < 1 and needed(share, total) == total:
        of_all = "the only criterion" if total == 1 else f"all {total} criteria"
        yield f"{experiment.label}: success_threshold: {show(share)} is {of_all}: none may be missed"


def warnings(experiments: Iterable[Experiment]) -> Iterator[str]:
    """What is allowed, and probably not meant."""
    experiments = tuple(experiments)
    if any(unwitnessed(experiment) for experiment in experiments):
        yield "no http probe: results are marked unwitnessed, since nothing can see whether a fault is felt"
    yield from dict.fromkeys(idle for experiment in experiments for idle in _idle_threshold(experiment))
    for experiment in experiments:
        for step in experiment.steps:
            if (
                str(step.parameters.get("heals_on", "")).startswith("env:")
                and "expect" not in step.parameters
            ):
                yield f"scenarios.{experiment.label}: heals_on without expect waits for a value that is drawn"
