"""`run FILE…`: experiments from files, one after another."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import engine
from chaos_engine.config import DEFAULT_FILE, Settings, guardrails_of, load_settings
from chaos_engine.console import preflight
from chaos_engine.console.junit_report import JunitReport
from chaos_engine.console.live import Line, waiting
from chaos_engine.console.log import log_of_environment
from chaos_engine.console.outcome import NOT_CLEAN, worst
from chaos_engine.console.run import Workplace, all_ready, code, experiments, workplace
from chaos_engine.experiment_file import load_experiment
from chaos_engine.toolkit_files import strict_code


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
    report = JunitReport(junit, paths)
    with report.told():
        named = config or os.environ.get("CHAOS_CONFIG") or DEFAULT_FILE.exists()
        base = load_settings(config, os.environ) if named else None
        told, rails = (base.notify, base.guardrails) if base else ({}, guardrails_of(os.environ))
        read = [load_experiment(path, os.environ, base, changes, options) for path in paths]
        loaded = all_ready([replace(settings, notify=told, guardrails=rails) for settings in read])
        report.named([experiment.title for each in loaded for experiment in each.experiments.values()])
        preflight.check((settings, tuple(settings.experiments.values())) for settings in loaded)
        with waiting("begins") as line, workplace(log_of_environment()) as place:
            return _one_by_one(loaded, place, line, report)


def _one_by_one(loaded: Sequence[Settings], place: Workplace, line: Line, report: JunitReport) -> int:
    codes = []
    for index, settings in enumerate(loaded):
        began = time.monotonic()
        ended = experiments(settings, place, tuple(settings.experiments.values()), line)
        report.ended(index, next(iter(ended.finished), None), time.monotonic() - began)
        codes.append(_code(ended))
        if ended.stopping:
            return NOT_CLEAN
    return worst(codes)


def _code(ended: engine.Engine) -> int:
    """The verdict's; of a strict run that came to an end, the Chaos Toolkit's."""
    strict = [
        strict_code(details)
        for finished in ended.finished
        if any(step.parameters.get("strict") for step in finished.experiment.steps)
        for details in finished.result.details
    ]
    found = next((one for one in strict if one is not None), None)
    return code(ended) if found is None or ended.left else found
