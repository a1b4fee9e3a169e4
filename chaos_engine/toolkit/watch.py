"""What chaoslib tells while an experiment runs, into the record; and which rollbacks it may play."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from chaoslib.exceptions import InterruptExecution
from chaoslib.run import RunEventHandler
from chaoslib.types import Dry

from chaos_engine.toolkit.interruption import AT_ONCE, Interruption
from chaos_engine.toolkit.masking import hidden
from chaos_engine.toolkit.outcome import described, outcome_of, provider_of, went_well
from chaos_engine.toolkit.pauses import Pauses
from chaos_engine.toolkit.places import Activity, Places, named
from chaos_engine.toolkit.record import Record, short
from chaos_engine.toolkit.repetition import Repetition

Document = dict[str, Any]


def sure(told: Callable[..., None]) -> Callable[..., None]:
    """chaoslib goes on when a handler fails; here nothing does that is not on record."""

    @wraps(told)
    def wrapped(self: Watch, *args: Any, **kwargs: Any) -> None:
        try:
            told(self, *args, **kwargs)
        except Exception:  # noqa: BLE001 - whatever it is, the record is not what it should be
            self.record.give_up(traceback.format_exc())

    return wrapped


class Watch(RunEventHandler):  # type: ignore[misc] # chaoslib is not typed
    """One run. `strict`: what `chaos run` does is not changed in anything."""

    def __init__(self, record: Record, interruption: Interruption, *, strict: bool) -> None:
        self.record, self.interruption, self.strict = record, interruption, strict
        self.pauses = Pauses(lambda: self._section() == "method")
        self.journal: Document = {}
        self.experiment: Document = {}
        self.configuration: Any = None
        self.secrets: Any = None
        self.on_running: Callable[[Any], None] = lambda _configuration: None
        self.strategies: Document = {}
        self.method_began = False
        self.at_once = False  # left without the rollbacks, by chaoslib's SIGUSR2
        self.rollbacks: Places | None = None  # from the moment they are played
        self.extra = False  # `chaos run` would not have played them: they change nothing of its verdict
        self.when_begun = False  # rollbacks are played whenever the method began: chaoslib is told "always"
        self._method = Places([], {})
        self._phase = ""
        self._asking: dict[str, list[Document]] = {}  # a hypothesis that has no answer yet: its probes
        self._during: int | None = None  # the thread of the continuous hypothesis
        self._repeated = Repetition()
        self._open: dict[int, tuple[str, int | None]] = {}  # by thread: what is under way
        self._withheld: list[Activity] | None = None
        self._status: str | None = None

    def _section(self) -> str:
        return "during" if threading.get_ident() == self._during else self._phase

    # -- the whole

    @sure
    def started(self, experiment: Document, journal: Document) -> None:
        """The first of all."""
        self.experiment, self.journal = experiment, journal
        self.interruption.begin()

    @sure
    def running(self, _experiment: Any, _journal: Any, configuration: Any, secrets: Any, *_: Any) -> None:
        """Controls are initialised."""
        self.configuration, self.secrets = configuration, secrets
        self.on_running(configuration)

    @sure
    def interrupted(self, _experiment: Any, _journal: Any) -> None:
        """A control, or in strict mode a signal."""
        self._cut()

    @sure
    def signal_exit(self) -> None:
        """A signal, or an activity that exits."""
        passing = sys.exc_info()[1]
        self.at_once = isinstance(passing, SystemExit) and passing.code == AT_ONCE
        self._cut()

    def _cut(self) -> None:
        self.unanswered()
        self.record.write("interrupted", why=hidden(why(sys.exc_info()[1]), self.secrets))
        if not self.method_began:
            self._withhold()

    # -- the hypothesis

    @sure
    def start_hypothesis_before(self, _experiment: Any) -> None:
        """The gate."""
        self._ask("before")

    @sure
    def hypothesis_before_completed(self, _experiment: Any, state: Any, _journal: Any) -> None:
        """Out of tolerance: no method, and so nothing to roll back."""
        self._answer("before", state)
        if state is not None and not state["steady_state_met"]:
            self._withhold()

    @sure
    def start_continuous_hypothesis(self, _frequency: Any) -> None:
        """In a thread of its own."""
        self._during = threading.get_ident()
        self._ask("during")

    @sure
    def continuous_hypothesis_iteration(self, iteration_index: int, state: Any) -> None:
        """Once more."""
        self._answer("during", state, iteration=iteration_index)
        self._asking["during"] = []

    @sure
    def continuous_hypothesis_completed(
        self, _experiment: Any, journal: Document, exception: BaseException | None = None
    ) -> None:
        """In the same thread."""
        if self._repeated.held is not None:
            self.record.write("hypothesis", **self._repeated.held)
        if exception is None:
            self._asking.pop("during", None)
        else:
            self.unanswered("during")
            self.record.write("interrupted", why=hidden(why(exception), self.secrets))
        if journal["status"] == "failed":
            self.pauses.fail_fast()
        self._during = None

    @sure
    def start_hypothesis_after(self, _experiment: Any) -> None:
        """The method is over."""
        self._ask("after")

    @sure
    def hypothesis_after_completed(self, _experiment: Any, state: Any, _journal: Any) -> None:
        """Out of tolerance: deviated."""
        self._answer("after", state)

    def _ask(self, when: str) -> None:
        self.record.write("hypothesis-started", when=when)
        self._asking[when] = []
        if when != "during":
            self._phase = when

    def _answer(self, when: str, state: Any, **more: Any) -> None:
        self._asking.pop(when, None)
        probes = [self._answered(run) for run in (state or {}).get("probes", [])]
        met = (state or {}).get("steady_state_met")
        answer = {"when": when, "met": met, "probes": probes, **more}
        if when != "during" or self._repeated.is_news(answer):
            self.record.write("hypothesis", **answer)

    def unanswered(self, *which: str) -> None:
        """What was asked, and will not be answered any more."""
        for when in which or tuple(set(self._asking) - {"during"}):
            probes = self._asking.pop(when, None)
            if probes is not None:
                self.record.write("hypothesis", when=when, met=None, probes=probes)

    # -- method and rollbacks

    @sure
    def start_method(self, experiment: Document) -> None:
        """From here on there may be something to roll back."""
        self._method = Places(experiment.get("method", []), experiment)
        self.record.write("method-started", strategies=self.strategies)
        self.method_began, self._phase = True, "method"

    @sure
    def method_completed(self, _experiment: Any, _state: Any = None) -> None:
        """Also where it was cut."""
        self.record.write("method-ended")
        self._phase = ""

    @sure
    def start_rollbacks(self, experiment: Document) -> None:
        """From now on nothing interrupts."""
        if self._withheld is not None:
            return
        if not self.strict:
            self.interruption.ignore()
        self.record.clearing = True
        if self.when_begun and self.journal.get("status") in ("failed", "interrupted"):
            self.extra, self._status = True, self.journal["status"]
        self._phase = "rollbacks"
        if self.rollbacks is None:
            self.rollbacks = Places(experiment.get("rollbacks", []), experiment)
            self.record.write("rollbacks-started")

    @sure
    def rollbacks_completed(self, experiment: Document, journal: Document) -> None:
        """Also where they were cut."""
        if self._withheld is not None:
            experiment["rollbacks"] = self._withheld
        if self.extra:
            journal["status"] = self._status

    def _withhold(self) -> None:
        """chaoslib would play them; the journal has a copy of its own of the experiment."""
        if self.when_begun and self._withheld is None:
            self._withheld = self.experiment.get("rollbacks", [])
            self.experiment["rollbacks"] = []

    # -- activities

    @sure
    def start_activity(self, activity: Activity) -> None:
        """Before it does anything."""
        if self.pauses.over:
            return
        section = self._section()
        index = self._begin(section, activity)
        self._open[threading.get_ident()] = (section, index)
        if self._is_repeated(section):
            return
        self.record.write(
            "activity-started",
            **labels(section, index, activity),
            background=bool(activity.get("background")),
            dry=is_dry(activity, self.experiment.get("dry")),
        )

    @sure
    def activity_completed(self, activity: Activity, run: Document) -> None:
        """Well, or not: also where it was cut."""
        section, index = self._open.pop(threading.get_ident(), ("", None))
        if not section:
            return
        outcome = self._outcome(activity, run)
        if section in self._asking:
            self._asking[section].append(self._answered(run))
        if section == "rollbacks" and self.rollbacks and index is not None and went_well(outcome):
            self.rollbacks.well.add(index)
        if not self._is_repeated(section):
            self.record.write("activity-ended", **labels(section, index, activity), **outcome)

    def _is_repeated(self, section: str) -> bool:
        """The first round of a continuous hypothesis tells what it asks, the others their answers alone."""
        return section == "during" and self._repeated.answers > 0

    def _outcome(self, activity: Activity, run: Mapping[str, Any]) -> Document:
        found = outcome_of(activity, run)
        return {**found, "said": short(hidden(found["said"], self.secrets))}

    def _answered(self, run: Mapping[str, Any]) -> Document:
        """One probe of a hypothesis."""
        outcome, met = self._outcome(run["activity"], run), bool(run.get("tolerance_met", False))
        told = {"status": outcome["status"], "tolerance_met": met, "said": outcome["said"]}
        return {"name": named(run["activity"]), **told}

    def _begin(self, section: str, activity: Activity) -> int | None:
        if section == "rollbacks" and self.rollbacks:
            return self.rollbacks.begin(activity)
        return self._method.begin(activity) if section == "method" else None


def labels(section: str, index: int | None, activity: Activity) -> Document:
    """Which activity it is; `index` among the method's, or the rollbacks'."""
    found = {"section": section, "kind": activity.get("type"), "name": named(activity)}
    return {**found, "provider": provider_of(activity), **({} if index is None else {"index": index})}


def is_dry(activity: Activity, asked: Any) -> bool:
    """As chaoslib decides it; an activity's own word counts."""
    dry = activity.get("dry", asked)
    return bool(
        dry == Dry.ACTIVITIES
        or (dry == Dry.ACTIONS and activity.get("type") == "action")
        or (dry == Dry.PROBES and activity.get("type") == "probe")
    )


def why(error: BaseException | None) -> str:
    """What ended it."""
    if isinstance(error, KeyboardInterrupt):
        return "SIGINT"
    if isinstance(error, SystemExit):
        return f"exit {error.code}"
    if isinstance(error, InterruptExecution):
        return short(error) or "interrupted"
    return short(described(error)) if error is not None else ""
