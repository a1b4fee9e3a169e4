"""`rollback FOLDER`: the rollbacks of a run that cannot play them itself any more."""

from __future__ import annotations

import json
import logging
import os
import sys
import uuid
from pathlib import Path
from typing import Any

from chaoslib import __version__
from chaoslib.configuration import load_configuration, load_dynamic_configuration
from chaoslib.control import (
    cleanup_controls,
    cleanup_global_controls,
    initialize_controls,
    initialize_global_controls,
    load_global_controls,
)
from chaoslib.log import configure_logger
from chaoslib.run import EventHandlerRegistry
from chaoslib.secret import load_secrets
from chaoslib.settings import CHAOSTOOLKIT_CONFIG_PATH, load_settings
from chaoslib.types import Dry

from chaos_engine.toolkit import owed
from chaos_engine.toolkit.dynamic import kept
from chaos_engine.toolkit.interruption import Interruption
from chaos_engine.toolkit.loading import variables_of
from chaos_engine.toolkit.outcome import described, went_well
from chaos_engine.toolkit.places import Places
from chaos_engine.toolkit.record import Record, hold, read
from chaos_engine.toolkit.spec import Spec, read_spec
from chaos_engine.toolkit.strategies import strategies_of
from chaos_engine.toolkit.watch import Watch

logger = logging.getLogger("chaostoolkit")

FAILED, HELD = 1, 3
Document = dict[str, Any]


def main(arguments: list[str]) -> int:
    """The folder is the one argument."""
    folder = Path(arguments[0]).resolve()
    try:
        if hold(folder) is None:
            print(f"{folder}: another process is at it", file=sys.stderr)
            return HELD
    except OSError as error:
        print(f"{folder}/alive: {error}", file=sys.stderr)  # a full disk stops no clearing
    before = read(folder)
    record = Record(folder, clearing=True)
    record.write("started", pid=os.getpid(), version=__version__, rollback=True)
    configure_logger(context_id=str(uuid.uuid4()))
    failed, skipped = rolled_back(folder, record, before)
    record.write("rollbacks-ended", failed=failed, skipped=skipped)
    return FAILED if failed else 0


def rolled_back(folder: Path, record: Record, before: list[Document]) -> tuple[list[str], bool]:
    """The names of those that did not go well; and whether there was nothing for it to play."""
    spec = read_spec(folder)
    experiment = experiment_of(folder, spec)
    settings: Document = attempted("settings", load_settings, spec.settings or CHAOSTOOLKIT_CONFIG_PATH) or {}
    interruption = Interruption(strict=False)
    interruption.ignore()
    watch = Watch(record, interruption, strict=False)
    watch.experiment = experiment
    watch.journal = {"rollbacks": []}
    if not wanted(strategies_of(spec, settings, experiment).rollbacks, before, strict=spec.strict):
        return [], True
    experiment["dry"] = Dry.from_string(spec.dry)
    watch.configuration, watch.secrets = variables(folder, spec, experiment)
    watch.rollbacks = done(Places(experiment.get("rollbacks", []), experiment), before)
    record.write("rollbacks-started")
    with_controls(watch, spec, settings)
    return watch.rollbacks.failed(), False


def wanted(strategy: str, before: list[Document], *, strict: bool) -> bool:
    """Only for a method that began; and never against the word of whoever wrote it."""
    ended = next((line for line in before if line["event"] == "ended"), None)
    if strict and ended is not None:
        return False  # it was played, or not, as `chaos run` does
    began = any(line["event"] == "method-started" for line in before)
    if strategy == "deviated":  # of what was killed nobody knows whether it has
        return began and (ended is None or bool(ended.get("deviated")))
    return strategy == "always" or (strategy == "default" and began)


def experiment_of(folder: Path, spec: Spec) -> Document:
    """As it was recorded, else as it was armed."""
    try:
        experiment = json.loads((folder / "experiment.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        experiment = spec.experiment
    return experiment if isinstance(experiment, dict) else {}


def done(rollbacks: Places, before: list[Document]) -> Places:
    """What is known to have gone well is not played again; all else is."""
    for line in before:
        if line["event"] == "activity-ended" and line.get("section") == "rollbacks" and went_well(line):
            rollbacks.begun.add(line["index"])
            rollbacks.well.add(line["index"])
    return rollbacks


def variables(folder: Path, spec: Spec, experiment: Document) -> tuple[Document, Document]:
    """As far as they can still be had: one that cannot keeps no rollback from being played."""
    given, given_secrets = attempted("variables", variables_of, spec) or ({}, {})
    configuration: Document = {}
    for key, value in experiment.get("configuration", {}).items():
        found = attempted(f"configuration.{key}", load_configuration, {key: value}, dict(given))
        configuration.update(found or {})
    configuration.update(kept(folder))
    secrets: Document = {}
    for key, value in experiment.get("secrets", {}).items():
        secrets.update(
            attempted(f"secrets.{key}", load_secrets, {key: value}, configuration, given_secrets) or {}
        )
    return attempted(
        "configuration", load_dynamic_configuration, configuration, secrets
    ) or configuration, secrets


def with_controls(watch: Watch, spec: Spec, settings: Document) -> None:
    """They are set up as for a run; one that fails changes nothing."""
    registry = EventHandlerRegistry()
    registry.register(watch)
    told = (watch.experiment, watch.configuration, watch.secrets)
    attempted("controls", load_global_controls, settings, list(spec.control_file))
    attempted("controls", initialize_global_controls, *told, settings, registry)
    attempted("controls", initialize_controls, *told, registry)
    try:
        owed.play(watch)
    finally:
        attempted("controls", cleanup_controls, watch.experiment)
        attempted("controls", cleanup_global_controls)


def attempted(what: str, load: Any, *arguments: Any) -> Any:
    """What it gives, or None and a line in the log."""
    try:
        return load(*arguments)
    except Exception as error:  # noqa: BLE001 - the rollbacks are played all the same
        logger.error("%s: %s", what, described(error))
        return None
