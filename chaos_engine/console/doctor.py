"""`doctor`: is everything there that this configuration needs?"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from chaos_engine import durations
from chaos_engine.adapters import folder
from chaos_engine.adapters.http_prober import HttpProber
from chaos_engine.adapters.prometheus import PrometheusApi, ScrapeTarget
from chaos_engine.config import Settings
from chaos_engine.console import doctor_aws, doctor_docker, doctor_notify
from chaos_engine.console.findings import BAD, NOTE, OK, Finding
from chaos_engine.console.live import waiting
from chaos_engine.console.validate import load
from chaos_engine.fitness import misfits
from chaos_engine.journal import Journal, JournalError
from chaos_engine.model import AlertFires, HttpProbe, Probe, PrometheusProbe, Window
from chaos_engine.ports import HttpSample, PrometheusQuery, SourceFailure

BUDGET = 5.0


def check(config: Path | None, *, as_json: bool, send: bool = False) -> int:
    """Print the findings. `send`: notifiers are sent a test notice. Exit code 1 where something is bad."""
    settings = load(config, os.environ)
    with waiting("looking"):
        findings = [*examine(settings), *doctor_notify.examine(settings, os.environ, send=send)]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            state = click.style(f"{finding.state:<5}", fg=_COLOURS[finding.state])
            click.echo(f"{state} {finding.what}: {finding.text}")
    return int(any(finding.state == BAD for finding in findings))


_COLOURS = {OK: "green", BAD: "red", NOTE: "yellow"}


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything, one finding a thing."""
    yield Finding("settings", OK, settings.source)
    yield from (Finding("settings", NOTE, warning) for warning in settings.warnings)
    yield _data_folder(folder.of_environment())
    yield from _state_files(settings)
    yield from _http(settings)
    yield from _prometheus(settings)
    yield from doctor_docker.examine(settings)
    yield from doctor_aws.examine(settings)


def _data_folder(data: Path) -> Finding:
    try:
        folder.prepare(data)
        Journal(data).close()
    except (OSError, JournalError) as error:
        return Finding("data folder", BAD, str(error))
    running = " (an engine runs on it)" if folder.is_held(data) else ""
    return Finding("data folder", OK, f"{data}{running}")


def _state_files(settings: Settings) -> Iterator[Finding]:
    for name, target in settings.targets.items():
        if target.state_file is None:
            elsewhere = "is in AWS" if target.aws else "has containers" if target.containers else ""
            yield Finding(f"target {name}", OK if elsewhere else NOTE, elsewhere or "has no state_file")
            continue
        refusal = folder.state_file_refusal(target.state_file)
        yield Finding(
            f"target {name}", BAD if refusal else OK, refusal or f"{target.state_file} can be written"
        )


def _http(settings: Settings) -> Iterator[Finding]:
    prober = HttpProber()
    prober.watch(settings.http_probes)
    for probe in {probe.label: probe for probe in settings.http_probes}.values():
        sample = _first(prober, probe)
        good = sample is not None and sample.status is not None and _accepted(probe, sample.status)
        yield Finding(probe.label, OK if good else BAD, _told(sample))
    prober.stop()


def _first(prober: HttpProber, probe: HttpProbe) -> HttpSample | None:
    """The first finished request; None where none ended in its time."""
    ends = time.monotonic() + probe.timeout + 1.0
    while time.monotonic() < ends:
        seen = prober.samples(probe, Window(0.0, time.time()))
        if seen and seen[0].done:
            return seen[0]
        time.sleep(0.02)
    return None


def _told(sample: HttpSample | None) -> str:
    if sample is None:
        return "no answer"
    return f"HTTP {sample.status} after {sample.took * 1000:.0f} ms" if sample.status else sample.error


def _accepted(probe: HttpProbe, status: int) -> bool:
    return status in probe.status if probe.status else 200 <= status < 400  # noqa: PLR2004


def _prometheus(settings: Settings) -> Iterator[Finding]:
    api = PrometheusApi()
    probes = _prometheus_probes(settings)
    for url in dict.fromkeys(probe.url for probe in probes):
        info = api.buildinfo(url, BUDGET)
        if isinstance(info, SourceFailure):
            yield Finding(f"prometheus {url}", BAD, info.message)
            continue
        yield Finding(f"prometheus {url}", OK, f"version {info.get('version', 'unknown')}")
        yield from _scrapes(api, url, settings)
        yield from _queries(api, [p for p in probes if p.url == url and isinstance(p, PrometheusProbe)])
    if not probes:
        yield Finding("prometheus", OK, "not needed by this configuration")


def _prometheus_probes(settings: Settings) -> list[PrometheusProbe | AlertFires]:
    alerts = [e.hypothesis.alert_fires for e in settings.experiments.values()]
    probes: list[Probe] = [*settings.probes, *(alert for alert in alerts if alert)]
    return [probe for probe in probes if isinstance(probe, (PrometheusProbe, AlertFires))]


def _scrapes(api: PrometheusApi, url: str, settings: Settings) -> Iterator[Finding]:
    """Whether it scrapes, and often enough for the windows that are judged."""
    targets = api.targets(url, BUDGET)
    if isinstance(targets, SourceFailure):
        yield Finding(f"scrapes of {url}", BAD, targets.message)
        return
    if not targets:
        yield Finding(f"scrapes of {url}", BAD, "it scrapes nothing")
    for target in targets:
        yield _scrape(target)
    slowest = max((target.interval for target in targets), default=0.0)
    for text in dict.fromkeys(t for e in settings.experiments.values() for _, t in misfits(e, slowest)):
        yield Finding("windows", BAD, f"scraping every {durations.show(slowest)}, {text}")


def _scrape(target: ScrapeTarget) -> Finding:
    every = f"every {durations.show(target.interval)}"
    return Finding(
        f"scrape of {target.job}", OK if target.health == "up" else BAD, f"{target.health}, {every}"
    )


def _queries(api: PrometheusApi, probes: list[PrometheusProbe]) -> Iterator[Finding]:
    now = time.time()
    for probe in probes:
        answer = api.ask(PrometheusQuery(probe.url, probe.query, now, now, 0.0), BUDGET)
        if isinstance(answer, SourceFailure):
            yield Finding(probe.label, BAD, answer.message)
        elif not answer.series:
            yield Finding(probe.label, BAD, "answers nothing: no such series now")
        else:
            yield Finding(probe.label, OK, f"{len(answer.series)} series")
