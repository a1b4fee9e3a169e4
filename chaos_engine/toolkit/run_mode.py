"""`run FOLDER`: the experiment of `FOLDER/spec.json`, as `chaos run` runs it, on record."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
import uuid
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from chaoslib import __version__
from chaoslib.exceptions import ChaosException, InterruptExecution
from chaoslib.experiment import ensure_experiment_is_valid, run_experiment
from chaoslib.log import configure_logger, encoder
from chaoslib.notification import RunFlowEvent, notify
from chaoslib.run import RunEventHandler
from chaoslib.types import Dry, Schedule, Strategy

from chaos_engine.toolkit import journal_file, owed
from chaos_engine.toolkit.dynamic import keep_dynamic
from chaos_engine.toolkit.findings import Findings
from chaos_engine.toolkit.interruption import Interruption
from chaos_engine.toolkit.loading import Loaded, Refused, load
from chaos_engine.toolkit.masking import hidden
from chaos_engine.toolkit.outcome import described
from chaos_engine.toolkit.problems import check_options, problems_of
from chaos_engine.toolkit.record import Record, hold, short, synced
from chaos_engine.toolkit.spec import Spec, read_spec
from chaos_engine.toolkit.strategies import DEFAULT, Strategies, strategies_of
from chaos_engine.toolkit.watch import Watch

logger = logging.getLogger("chaostoolkit")

REFUSED, HELD = 2, 3


def main(arguments: list[str]) -> int:
    """The folder is the one argument."""
    folder = Path(arguments[0]).resolve()
    if hold(folder) is None:
        print(f"{folder}: another process is at it", file=sys.stderr)
        return HELD
    if (folder / "told").exists():  # looked at with the lock in hand: nobody has taken it for dead in between
        print(f"{folder}: told to end before it began", file=sys.stderr)
        return REFUSED
    record = Record(folder)
    record.write("started", pid=os.getpid(), version=__version__, rollback=False)
    configure_logger(context_id=str(uuid.uuid4()))
    try:
        spec = read_spec(folder)
        loaded = ready(spec)
    except Refused as refused:
        return refuse(record, refused)
    except Exception as error:
        logger.error("It could not be loaded", exc_info=True)
        return refuse(record, Refused([{"path": "", "text": short(described(error))}]))
    keep(folder, record, loaded)
    return Run(folder, record, spec, loaded).perform()


def keep(folder: Path, record: Record, loaded: Loaded) -> None:
    """What the rollbacks are taken from, should this process be killed."""
    try:
        synced(folder / "experiment.json", json.dumps(loaded.experiment, default=encoder))
    except OSError as error:
        record.give_up(f"the experiment cannot be kept: {error}")


def refuse(record: Record, refused: Refused) -> int:
    """Nothing was done."""
    for problem in refused.problems:
        logger.error("%s: %s", problem["path"], problem["text"])
    record.write("refused", problems=refused.problems)
    return REFUSED


def ready(spec: Spec) -> Loaded:
    """Loaded and valid, or `Refused`."""
    if not hasattr(RunEventHandler, "start_activity"):
        raise Refused([{"path": "", "text": f"chaostoolkit-lib {__version__} is too old: 1.31 is needed"}])
    findings = Findings()
    check_options(findings, spec)
    if findings.problems:
        raise Refused(findings.problems)
    loaded = load(spec)
    notify(loaded.settings, RunFlowEvent.RunStarted, loaded.experiment)
    if not spec.no_validation:
        validate(spec, loaded)
    return loaded


def validate(spec: Spec, loaded: Loaded) -> None:
    """Theirs stops at the first problem, ours tells all of them."""
    said = ""
    try:
        ensure_experiment_is_valid(loaded.experiment)
    except Exception as error:  # noqa: BLE001 - chaoslib trips over what has another shape
        said = str(error) if isinstance(error, ChaosException) else described(error)
    if spec.strict and not said:
        return
    problems = problems_of(spec, loaded)
    if said and not problems:
        problems = [{"path": "", "text": said}]
    if problems:
        raise Refused(problems)


class Run:
    """From the document to the verdict."""

    def __init__(self, folder: Path, record: Record, spec: Spec, loaded: Loaded) -> None:
        self.folder, self.record, self.spec, self.loaded = folder, record, spec, loaded
        self.strategies = strategies_of(spec, loaded.settings, loaded.experiment)
        self.interruption = Interruption(strict=spec.strict)
        self.watch = Watch(record, self.interruption, strict=spec.strict)
        self.watch.strategies = asdict(self.strategies)
        self.watch.when_begun = not spec.strict and self.strategies.rollbacks == DEFAULT
        self.watch.on_running = lambda configuration: keep_dynamic(folder, loaded.experiment, configuration)
        if spec.fail_fast and not spec.strict:
            self.watch.pauses.take_over()

    def perform(self) -> int:
        """Returns the exit code of `chaos run`."""
        began = time.time()
        self.loaded.experiment["dry"] = Dry.from_string(self.spec.dry)
        self.interruption.stand_by()
        error = self.experiment()
        if not self.watch.journal:
            return refuse(self.record, Refused([{"path": "", "text": described(error or ValueError())}]))
        if error is not None:
            self.complete(error, began)
        self.clear()
        return self.conclude(error)

    def experiment(self) -> BaseException | None:
        """What chaoslib let out, if anything: not all that goes wrong is a status to it."""
        try:
            run_experiment(
                self.loaded.experiment,
                settings=self.settings(),
                strategy=Strategy.from_string(self.strategies.hypothesis),
                schedule=Schedule(self.spec.hypothesis_frequency, self.spec.fail_fast),
                experiment_vars=self.loaded.variables,
                event_handlers=[self.watch],
            )
        except BaseException as error:  # whatever it is, there are rollbacks
            self.interruption.ignore()
            logger.error("The run ended unexpectedly", exc_info=True)
            return error
        self.interruption.ignore()
        return None

    def settings(self) -> dict[str, Any]:
        """chaoslib's `default` leaves what failed as it is; ours does not."""
        if not self.watch.when_begun:
            return self.loaded.settings
        runtime = self.loaded.settings["runtime"]
        return {**self.loaded.settings, "runtime": {**runtime, "rollbacks": {"strategy": "always"}}}

    def complete(self, error: BaseException, began: float) -> None:
        """The journal of a run that chaoslib did not end."""
        ended = isinstance(error, (InterruptExecution, KeyboardInterrupt, SystemExit))
        journal = self.watch.journal
        if not self.watch.extra:
            journal["status"] = "interrupted" if ended else "aborted"
        journal.setdefault("end", datetime.now(timezone.utc).isoformat())  # noqa: UP017 - any Python
        journal.setdefault("duration", time.time() - began)
        self.watch.unanswered()
        if not self.watch.extra:
            self.record.write("interrupted", why=short(hidden(described(error), self.watch.secrets)))

    def clear(self) -> None:
        """What is left of the rollbacks; and that they are over."""
        watch, self.record.clearing = self.watch, True
        if not self.spec.strict and owed.are_owed(watch, self.strategies.rollbacks):
            owed.play(watch)
        played = watch.rollbacks
        self.record.write("rollbacks-ended", failed=played.failed() if played else [], skipped=played is None)

    def conclude(self, error: BaseException | None) -> int:
        """The journal, the verdict, the notifications: in the order of `chaos run`."""
        journal = self.watch.journal
        journal["experiment"]["dry"] = self.spec.dry
        journal_path = None if error is not None and self.spec.strict else self.spec.journal_path
        written = journal_file.write(journal, self.folder, journal_path)
        failed = journal["status"] != "completed" or journal["deviated"]
        code = 1 if failed or error is not None or written.error is not None else 0
        self.record.write("ended", **verdict(journal, code, self.spec, self.strategies), **written.told())
        tell(self.loaded.settings, journal)
        if journal["status"] == "interrupted" and not self.spec.strict:
            leave_behind(code)
        return code


def leave_behind(code: int) -> None:
    """What still works in the background would keep the process, and nobody waits for it any more."""
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def verdict(journal: dict[str, Any], code: int, spec: Spec, strategies: Strategies) -> dict[str, Any]:
    """As `chaos run` has it."""
    return {
        "status": journal["status"],
        "deviated": journal["deviated"],
        "exit_code": code,
        "dry": spec.dry,
        "strategies": asdict(strategies),
    }


def tell(settings: dict[str, Any], journal: dict[str, Any]) -> None:
    """Whoever the settings name."""
    completed = journal["status"] == "completed"
    notify(settings, RunFlowEvent.RunCompleted if completed else RunFlowEvent.RunFailed, journal)
    if journal["deviated"]:
        notify(settings, RunFlowEvent.RunDeviated, journal)
