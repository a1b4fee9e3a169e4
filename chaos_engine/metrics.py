"""What Prometheus is told of the engine. Imported only where somebody serves it: it is not light.

Everything but three things (sign of life, evaluations, notices) is read out of the log's lines.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase

from chaos_engine import __version__, guardrails
from chaos_engine.adapters.courier import OUTCOMES
from chaos_engine.config import Settings
from chaos_engine.evaluation import source_of
from chaos_engine.happenings import Happening
from chaos_engine.model import Outcome, Recovered, Verdict

MOST_PAIRS = 100  # of a scenario and a target, whose series are there from the start
RULES = (
    "missed", "pause", "halt", "windows", "when_not_recovered", "one_fault_per_target", "max_concurrent",
    "min_interval", "max_per_hour", "max_per_day", *guardrails.NAMES,
)  # fmt: skip
PAIR = ("scenario", "target")
_RECOVERY = (0.5, 1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 300)  # seconds; recovery_timeout is 120 s
_LATENESS = (0, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800)  # a second is promised
_EVALUATION = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)  # judge_timeout is 20 s

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which nobody asks for

M = TypeVar("M", bound=MetricWrapperBase)


@dataclass(frozen=True, slots=True)
class _Open:
    """A fault that may be in: the pair that it counts for, and its deadline in wall time, if it is known."""

    scenario: str
    target: str
    deadline: float | None


class Metrics:
    """A listener of the log. `registry` has all of it; reading it from another thread is safe.

    A counter's series of the pairs, verdicts, rules and sources that `settings` has are 0 from the start:
    `increase()` of a series that begins at 1 would miss the first event.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.registry: Final = CollectorRegistry()
        self._open: dict[tuple[str, str, str], _Open] = {}  # by fault, scenario, target
        self._notes: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "phase": self._begins, "inject": self._injecting, "injected": self._opened,
            "reconcile": self._found, "resumed": self._resumed, "clear_failed": self._not_cleared,
            "cleared": self._cleared, "verdict": self._ended, "skip": self._skipped, "next": self._next,
            "switches": self._switched,
        }  # fmt: skip
        self._make_experiments()
        self._make_faults()
        self._make_engine()
        for rule in RULES:
            self._refusals.labels(rule)
        if settings is not None:
            self.expect(settings)

    # --- what is told ---

    def __call__(self, happening: Happening) -> None:
        """One line of the log."""
        self._last_event.set(happening.at)
        if (note := self._notes.get(happening.kind)) is not None:
            note(happening.fields)

    def evaluated(self, source: str, seconds: float, outcome: str) -> None:
        """A question was answered (or was not): by which source, after how long, and how."""
        self._evaluation_seconds.labels(source).observe(seconds)
        self._evaluations.labels(source, outcome).inc()

    def beat(self, at: float) -> None:
        """The engine's own thread is alive. `at`: wall time."""
        self._heartbeat.set(at)

    def noticed(self, notifier: str, outcome: str) -> None:
        """A notice was sent, failed, or was dropped."""
        self._notices.labels(notifier, outcome).inc()

    def expect(self, settings: Settings) -> None:
        """Series that may come, at 0. Past MOST_PAIRS a pair's series begin when its experiment does."""
        pairs = [(e.label, _joined(e.targets)) for e in settings.experiments.values()]
        for pair in pairs[:MOST_PAIRS]:
            self._expect_experiment(*pair)
        steps = [step for e in settings.experiments.values() for step in e.steps]
        for pair in list(dict.fromkeys((s.scenario, s.target.name) for s in steps))[:MOST_PAIRS]:
            self._expect_fault(*pair)
        for name in settings.notify:
            for outcome in OUTCOMES:
                self._notices.labels(name, outcome)
        for source in dict.fromkeys(map(source_of, settings.probes)):
            self._evaluation_seconds.labels(source)
            for outcome in Outcome:
                self._evaluations.labels(source, outcome.value)

    # --- within ---

    def _begins(self, fields: Mapping[str, Any]) -> None:
        """It ends a hold later, which is longer than a scrape: so the end is seen as an increase."""
        self._expect_experiment(str(fields["label"]), _joined(fields["targets"]))

    def _expect_experiment(self, scenario: str, target: str) -> None:
        for verdict in Verdict:
            self._experiments.labels(scenario, target, verdict.value)
        for recovery in Recovered:
            self._recoveries.labels(scenario, target, recovery.value)
        self._time_to_recover.labels(scenario, target)
        self._not_recovered.labels(target)

    def _expect_fault(self, scenario: str, target: str) -> None:
        self._active.labels(scenario, target)
        for series in (self._injections, self._clear_failures, self._lateness):
            series.labels(scenario, target)

    def _injecting(self, fields: Mapping[str, Any]) -> None:
        self._begins(fields)
        self._opened(fields)
        self._injections.labels(*_pair(fields)).inc()

    def _found(self, fields: Mapping[str, Any]) -> None:
        if "fault" in fields:
            self._opened(fields)

    def _resumed(self, fields: Mapping[str, Any]) -> None:
        self._begins(fields)
        for fault in fields["faults"]:
            self._opened(fault)

    def _not_cleared(self, fields: Mapping[str, Any]) -> None:
        self._opened(fields)
        self._clear_failures.labels(*_pair(fields)).inc()

    def _opened(self, fields: Mapping[str, Any]) -> None:
        scenario, target = _pair(fields)
        self._expect_fault(scenario, target)
        self._open[_key(fields)] = _Open(scenario, target, fields.get("deadline"))
        self._show(scenario, target)

    def _cleared(self, fields: Mapping[str, Any]) -> None:
        scenario, target = _pair(fields)
        self._open.pop(_key(fields), None)
        self._lateness.labels(scenario, target).observe(float(fields["late"]))
        self._show(scenario, target)

    def _show(self, scenario: str, target: str) -> None:
        """How many faults of the pair may be in, and the first of their deadlines."""
        open_ = [each for each in self._open.values() if (each.scenario, each.target) == (scenario, target)]
        self._active.labels(scenario, target).set(len(open_))
        deadlines = [each.deadline for each in open_ if each.deadline is not None]
        if deadlines:
            self._deadline.labels(scenario, target).set(min(deadlines))
        else:
            with suppress(KeyError):  # there was none
                self._deadline.remove(scenario, target)

    def _ended(self, fields: Mapping[str, Any]) -> None:
        pair = str(fields["label"]), _joined(fields["targets"])
        recovery = str(fields["recovery"])
        self._expect_experiment(*pair)
        self._experiments.labels(*pair, str(fields["verdict"])).inc()
        if fields["injected_at"] is None:
            return
        self._recoveries.labels(*pair, recovery).inc()
        if recovery != Recovered.UNKNOWN:
            self._not_recovered.labels(pair[1]).set(recovery == Recovered.NOT_RECOVERED)
        if fields["time_to_recover"] is not None:
            self._time_to_recover.labels(*pair).observe(float(fields["time_to_recover"]))

    def _skipped(self, fields: Mapping[str, Any]) -> None:
        self._refusals.labels(str(fields["rule"])).inc()

    def _switched(self, fields: Mapping[str, Any]) -> None:
        self._paused.set(bool(fields["paused"]))
        self._halted.set(bool(fields["halted"]))

    def _next(self, fields: Mapping[str, Any]) -> None:
        self._next_injection.set(float("nan") if fields["at"] is None else float(fields["at"]))
        self._interval.set(float(fields["every"]))

    # --- the metrics ---

    def _make_experiments(self) -> None:
        self._experiments = self._made(Counter, "experiments", "Experiments that ended", (*PAIR, "verdict"))
        self._recoveries = self._made(
            Counter, "recoveries", "What became of the system after a fault was cleared", (*PAIR, "outcome")
        )
        self._not_recovered = self._made(
            Gauge, "not_recovered", "1 while the target is not known to have recovered from its last fault",
            ("target",),
        )  # fmt: skip
        self._time_to_recover = self._made(
            Histogram, "time_to_recover_seconds", "From the clearing until the system was steady again", PAIR,
            buckets=_RECOVERY,
        )  # fmt: skip
        self._evaluations = self._made(
            Counter, "evaluations", "Questions that probes asked", ("source", "outcome")
        )
        self._evaluation_seconds = self._made(
            Histogram, "evaluation_seconds", "How long an answer took", ("source",), buckets=_EVALUATION
        )

    def _make_faults(self) -> None:
        self._injections = self._made(Counter, "injections", "Faults that the engine began to inject", PAIR)
        self._active = self._made(Gauge, "fault_active", "Faults that are in, or may be", PAIR)
        self._deadline = self._made(
            Gauge, "fault_deadline_timestamp_seconds", "By when the fault that is in must be out", PAIR
        )
        self._lateness = self._made(
            Histogram, "clearing_lateness_seconds", "How long after its deadline a fault was out; 0: in time",
            PAIR, buckets=_LATENESS,
        )  # fmt: skip
        self._clear_failures = self._made(
            Counter, "clear_failures", "Clearings that failed, and were tried again", PAIR
        )

    def _make_engine(self) -> None:
        info = self._made(Info, "build", "What runs")
        info.info({"version": __version__, "python": platform.python_version()})
        self._heartbeat = self._made(
            Gauge, "heartbeat_timestamp_seconds", "Last sign of life of the engine's own thread"
        )
        self._last_event = self._made(
            Gauge, "last_event_timestamp_seconds", "When the engine last said anything"
        )
        self._interval = self._made(
            Gauge, "schedule_interval_seconds", "From one start to the next, as the schedule has it now"
        )
        self._next_injection = self._made(
            Gauge, "next_injection_timestamp_seconds", "When the next start is due; NaN: none is"
        )
        self._halted = self._made(Gauge, "halted", "1 while an operator's halt forbids every injection")
        self._paused = self._made(Gauge, "paused", "1 while the schedule is paused")
        self._refusals = self._made(
            Counter, "refusals", "Starts that a rule of the schedule or a guardrail forbade", ("rule",)
        )
        self._notices = self._made(
            Counter, "notices", "Notices, by what became of them", ("notifier", "outcome")
        )
        self._next_injection.set(float("nan"))

    def _made(self, of: type[M], name: str, says: str, labels: Iterable[str] = (), **more: Any) -> M:
        return of(f"chaos_{name}", says, tuple(labels), registry=self.registry, **more)


def _pair(fields: Mapping[str, Any]) -> tuple[str, str]:
    return str(fields["scenario"]), str(fields["target"])


def _key(fields: Mapping[str, Any]) -> tuple[str, str, str]:
    return (str(fields["fault"]), *_pair(fields))


def _joined(targets: Iterable[str]) -> str:
    """An experiment on several targets is one experiment."""
    return "+".join(targets)
