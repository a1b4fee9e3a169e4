"""`run`: the daemon; and what every command needs that runs experiments."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import engine
from chaos_engine import __version__, durations
from chaos_engine.adapters import folder
from chaos_engine.adapters.threads import Inbox
from chaos_engine.changes import Change, Changes
from chaos_engine.config import Settings
from chaos_engine.configured import Configured
from chaos_engine.console import toolkit_checks
from chaos_engine.console.api import served
from chaos_engine.console.live import Line
from chaos_engine.console.log import log_of_environment
from chaos_engine.console.outcome import NOT_CLEAN, code_of, worst
from chaos_engine.console.refused_start import cleared_if_refused
from chaos_engine.effective import weights
from chaos_engine.journal import Journal
from chaos_engine.model import Experiment
from chaos_engine.narration import Log, about
from chaos_engine.notices import Notices
from chaos_engine.steering import Made, Steering
from chaos_engine.surroundings import Surroundings, of_this_machine
from chaos_engine.web.access import access_of
from chaos_engine.written import ConfigError

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Workplace:
    """A data folder that this process holds, with its journal open."""

    data: Path
    journal: Journal
    log: Log
    inbox: Inbox


@contextmanager
def workplace(log: Log) -> Iterator[Workplace]:
    """Take the data folder. HeldError, JournalError, OSError, ConfigError where that cannot be."""
    _fault_points()
    data = folder.of_environment()
    folder.prepare(data)
    lock = folder.FolderLock(data)
    journal = Journal(data, warn=lambda text: log.warning(text, kind="journal"))
    inbox = Inbox()
    inbox.take_signals(SIGNALS)
    try:
        yield Workplace(data, journal, log, inbox)
    finally:
        journal.close()
        lock.release()


def daemon(path: Path | None) -> int:
    """Until a signal. Returns the exit code: 0, or 4 where something could not be cleared."""
    # What is wrong is told before the data folder is taken.
    configured, settings = cleared_if_refused(lambda: _configured(path), path)
    log = log_of_environment()
    access = access_of(os.environ)
    with (
        telling(settings, log) as notices,
        workplace(log) as place,
        served(access, place.data, log, settings) as api,
    ):
        steering = Steering.over(place.journal, configured.settings, None)
        settings, unfit = steering.fitting()
        api.take(settings)
        if api.metrics is not None:
            notices.counted = api.metrics.noticed
        seed = seed_of(settings)

        def taken(found: Settings) -> Settings:
            return api.take(_told(found, notices))

        outside = _outside(
            place, lambda changes: taken(configured.reread(changes)),
            change=lambda changes: taken(configured.settings(changes)),
            listeners=(notices, *api.listeners), metrics=api.metrics,
        )  # fmt: skip
        outside = replace(outside, beat=api.lively(outside.beat))
        outside.narrator.banner(banner(settings, seed, place.data, steering.changes))
        for warning in (*settings.warnings, *(f"a change is left out: {text}" for text in unfit)):
            log.warning(warning, kind="config")
        steering.begin(settings, seed)
        ended = _perform(settings, outside, seed, place)
        return _farewell(ended, outside.narrator.log)


def _configured(path: Path | None) -> tuple[Configured, Settings]:
    configured = Configured(path, os.environ, ready)
    return configured, configured.settings({})


def code(ended: engine.Engine) -> int:
    """The exit code of all that it has run."""
    found = worst(code_of(end.result.verdict, end.result.cleanup) for end in ended.finished)
    return NOT_CLEAN if ended.left or ended.refused else found


def experiments(
    settings: Settings, place: Workplace, queue: Sequence[Experiment], line: Line
) -> engine.Engine:
    """Run them; returns the engine with what it found."""
    with telling(settings, place.log) as notices:
        outside = _outside(place, None, line, listeners=(notices,))
        for warning in settings.warnings:
            place.log.warning(warning, kind="config")
        ended = _perform(settings, outside, seed_of(settings), place, queue=queue)
    outside.http.watch(())  # the next file has probes of its own
    return ended


@contextmanager
def telling(settings: Settings, log: Log) -> Iterator[Notices]:
    """Those who are to be told. ConfigError: a secret that they need is not there."""
    notices = Notices(log)
    notices.take(settings.notify, os.environ)
    try:
        yield notices
    finally:
        notices.close()


def _told(settings: Settings, notices: Notices) -> Settings:
    """Settings of which those are told who are to be told. ConfigError: they cannot be."""
    notices.take(settings.notify, os.environ)
    return settings


def ready(settings: Settings) -> Settings:
    """The settings, if they may be used here. ConfigError: they may not, or cannot be run."""
    return toolkit_checks.checked(_allowed(settings))


def all_ready(several: Sequence[Settings]) -> list[Settings]:
    """As above. The Chaos Toolkit is asked once."""
    return toolkit_checks.all_checked([_allowed(settings) for settings in several])


def _allowed(settings: Settings) -> Settings:
    """The same. ConfigError: state folders are missing, or it is production."""
    refusals = {
        name: folder.state_file_refusal(target.state_file)
        for name, target in settings.targets.items()
        if target.state_file is not None
    }
    problems = [f"{settings.source}: targets.{n}.state_file: {text}" for n, text in refusals.items() if text]
    if settings.guardrails.in_production and not settings.guardrails.allow_production:
        problems.append(f"{settings.source}: environment: production; allowed: with allow_production: true")
    if problems:
        raise ConfigError(problems)
    return settings


def seed_of(settings: Settings) -> int:
    """The configured seed, or one drawn now; it is logged, so that a history can be had again."""
    return random.SystemRandom().randrange(2**31) if settings.seed is None else settings.seed


def _outside(
    place: Workplace, reload: Made | None, line: Line | None = None, **listening: Any
) -> Surroundings:
    show = line.say if line else lambda _: None
    return of_this_machine(place.data, place.journal, place.log, place.inbox, reload, show, **listening)


def _perform(
    settings: Settings, outside: Surroundings, seed: int, place: Workplace, **ends: Any
) -> engine.Engine:
    if points := _fault_points():
        settings, outside = points.put_in(os.environ["CHAOS_FAULT_POINT"], settings, outside, place.data)
    return engine.main(settings, outside, seed, **ends)


def _fault_points() -> Any:
    """The module, where a test asks for it. ConfigError: it asks for something else."""
    if not os.environ.get("CHAOS_FAULT_POINT"):
        return None
    from chaos_engine import fault_points  # noqa: PLC0415 - not in any engine but theirs

    fault_points.parsed(os.environ["CHAOS_FAULT_POINT"])
    return fault_points


def _farewell(ended: engine.Engine, log: Log) -> int:
    if not ended.left:
        log.info("Stopped; nothing is left injected", kind="stop")
        return 0
    for fault in ended.left:
        log.error(
            f"Left: {fault.scenario} on {fault.target.name}, until it expires or an engine starts again",
            kind="left", **about(fault),
        )  # fmt: skip
    return NOT_CLEAN


def banner(
    settings: Settings, seed: int, data: Path, changes: Changes = MappingProxyType({})
) -> Mapping[str, str]:
    """The effective settings, a line each."""
    rules, show = settings.rules, durations.show
    shares = {label: weight for label, weight in weights(settings).items() if weight > 0}
    total = sum(shares.values())
    return {
        "version": __version__,
        "settings": settings.source,
        "schedule": f"every {show(rules.every)}, first after {show(rules.startup_wait)}, "
        f"held for {show(settings.hold)}{'' if rules.enabled else ', switched off'}",
        "scenarios": ", ".join(f"{label} {weight / total:.0%}" for label, weight in shares.items()),
        "targets": ", ".join(settings.targets),
        "bounds": _bounds(settings),
        "steady state": _steady(settings),
        **({"changed": ", ".join(map(_changed, changes.items()))} if changes else {}),
        "seed": str(seed),
        "data": str(data),
    }


def _changed(item: tuple[str, Change]) -> str:
    name, change = item
    by = " ".join(filter(None, (change.who, change.why and f"({change.why})")))
    return f"{name} {change.value}{by and ' by ' + by}"


def _steady(settings: Settings) -> str:
    probes = dict.fromkeys(p.label for e in settings.experiments.values() for p in e.steady)
    return ", ".join(probes) or "not checked: no probes"


def _bounds(settings: Settings) -> str:
    rules = settings.rules
    said = [f"{rules.max_concurrent} at once", f"{durations.show(rules.min_interval)} apart"]
    said += [f"{rules.max_per_hour} an hour"] * (rules.max_per_hour is not None)
    said += [f"{rules.max_per_day} a day"] * (rules.max_per_day is not None)
    said += [f"within {' or '.join(rules.windows)} {rules.timezone}"] * bool(rules.windows)
    return ", ".join(said)
