"""`run FILE…`: experiments from files, one after another."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

import engine
from chaos_engine.adapters import toolkit_waiting
from chaos_engine.config import DEFAULT_FILE, Settings, guardrails_of, load_settings
from chaos_engine.console import preflight
from chaos_engine.console.junit_report import JunitReport
from chaos_engine.console.live import Line, waiting
from chaos_engine.console.log import log_of_environment
from chaos_engine.console.outcome import NOT_CLEAN, worst
from chaos_engine.console.run import Workplace, all_ready, code, experiments, workplace
from chaos_engine.experiment_file import load_experiment
from chaos_engine.toolkit_files import strict_code
from chaos_engine.written import ConfigError

STRICTLY_BAD = 1  # what `chaos run` makes of bad input


def run(
    paths: Sequence[Path],
    config: Path | None,
    changes: Sequence[str] = (),
    junit: Path | None = None,
    options: Mapping[str, Any] = MappingProxyType({}),
) -> int:
    """One experiment a file. All are read, and looked at in the world, before the first begins.

    `junit`: where the report for CI servers goes. `options`: for experiments of the Chaos Toolkit. Returns
    the worst exit code; where `strict` is among the options: that of `chaos run`.
    """
    try:
        return _run(paths, config, changes, JunitReport(junit, paths), options)
    except ConfigError as error:
        if not options.get("strict"):
            raise
        for problem in error.problems:
            click.echo(f"chaos-engine: {problem}", err=True)
        return STRICTLY_BAD


def _run(
    paths: Sequence[Path],
    config: Path | None,
    changes: Sequence[str],
    report: JunitReport,
    options: Mapping[str, Any],
) -> int:
    with report.told():
        named = config or os.environ.get("CHAOS_CONFIG") or DEFAULT_FILE.exists()
        base = load_settings(config, os.environ) if named else None
        told, rails = (base.notify, base.guardrails) if base else ({}, guardrails_of(os.environ))
        read = [load_experiment(path, os.environ, base, changes, options) for path in paths]
        loaded = all_ready([replace(settings, notify=told, guardrails=rails) for settings in read])
        report.named([experiment.title for each in loaded for experiment in each.experiments.values()])
        preflight.check((settings, tuple(settings.experiments.values())) for settings in loaded)
        with waiting("begins") as line, workplace(log_of_environment()) as place:
            return _one_by_one(paths, loaded, place, line, report)


def _one_by_one(
    paths: Sequence[Path], loaded: Sequence[Settings], place: Workplace, line: Line, report: JunitReport
) -> int:
    codes = []
    for index, settings in enumerate(loaded):
        if index + 1 < len(paths):
            toolkit_waiting.begin(paths[index + 1])
        began = time.monotonic()
        ended = experiments(settings, place, tuple(settings.experiments.values()), line)
        report.ended(index, next(iter(ended.finished), None), time.monotonic() - began)
        strict = _strict(ended)
        codes.append(code(ended) if strict is None else strict)
        if ended.stopping:
            return NOT_CLEAN if strict is None else strict
    return worst(codes)


def _strict(ended: engine.Engine) -> int | None:
    """The Chaos Toolkit's exit code of a strict run that came to an end; None: ours counts."""
    if ended.left:
        return None
    found = (
        strict_code(details)
        for finished in ended.finished
        if any(step.parameters.get("strict") for step in finished.experiment.steps)
        for details in finished.result.details
    )
    return next((one for one in found if one is not None), None)
