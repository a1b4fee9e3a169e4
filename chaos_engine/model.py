"""The words of Chaos Engine, as frozen data. Times are seconds; wall times are Unix time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from chaos_engine.containers import Selector

# --- time -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Now:
    """One moment on two clocks: durations are measured on `mono`, samples are dated by `wall`."""

    wall: float
    mono: float

    def plus(self, seconds: float) -> Now:
        """The moment `seconds` later on both clocks."""
        return Now(self.wall + seconds, self.mono + seconds)

    def reached(self, deadline: Now) -> bool:
        """Whether the deadline is behind us on either clock: whichever comes first counts."""
        return self.wall >= deadline.wall or self.mono >= deadline.mono


@dataclass(frozen=True, slots=True)
class Window:
    """A closed interval of wall time."""

    start: float
    end: float

    @property
    def length(self) -> float:
        """Seconds from start to end."""
        return self.end - self.start

    def overlaps(self, other: Window) -> bool:
        """Whether any moment lies in both."""
        return self.start <= other.end and other.start <= self.end


# --- what can be hurt, and how --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """How AWS is reached; what is empty is looked for the AWS way (environment, profile, instance role)."""

    region: str = ""
    profile: str = ""
    role: str = ""  # ARN of a role to assume
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A thing that can be hurt. `state_file` is the failure state that its application reads."""

    name: str
    state_file: Path | None = None
    containers: Selector | None = None
    aws: AwsAccess | None = None  # resources in AWS, which a FIS template or an SSM document names
    flagd_file: Path | None = None  # of the feature flags that its application reads
    role: Literal["", "database"] = ""  # what its containers are to the others; empty: nobody has said


@dataclass(frozen=True, slots=True)
class Fault:
    """One scenario applied to one target until `deadline`, with what is needed to undo it."""

    id: str
    experiment: str
    scenario: str
    target: Target
    parameters: Mapping[str, Any]
    undo: Mapping[str, Any]
    resources: tuple[str, ...]
    owner: str
    epoch: int
    armed_at: Now
    deadline: Now
    patience: float = 1.0  # seconds that clearing it may take where the engine is told to end


class Observation(StrEnum):
    """What a scenario sees of its own fault in the world."""

    FELT = "felt"  # the world shows the effect
    NOT_FELT = "not_felt"  # it looked, and there is no effect
    BLIND = "blind"  # the fault is in, and there is nothing to look with
    GONE = "gone"  # somebody else took the fault away
    ENDED = "ended"  # it has run its course, as it should
    FAILED = "failed"  # it has ended, and not as it should: it proves nothing


class Ran(StrEnum):
    """What became of the run."""

    COMPLETED = "completed"
    ABORTED = "aborted"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Seen:
    """An observation with what is worth keeping of it.

    `at`: wall time of the end, where it is known; `began`: from when on it acted, where that was not at once.
    `felt`: it has ended, and has acted before that.
    `again`: its target was restarted, and it is to be injected once more (once seen: it was).
    `ran`: what a failed one makes of the run. `soon`: looking waits by itself, so look again at once.
    `judgements`: what a run has judged itself, beside our own probes.
    """

    observation: Observation
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    at: float | None = None
    began: float | None = None
    felt: bool = False
    again: bool = False
    ran: Ran = Ran.FAILED
    soon: bool = False
    judgements: tuple[Judgement, ...] = ()


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that a fault has done or met, as a sentence for people and as data. `at`: wall time."""

    at: float
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)


# --- probes, and what is asked of them ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Expectation:
    """A bound on a value: `low`/`high` (None: open), `relative` ones are multiples of the baseline."""

    text: str
    low: float | None = None
    high: float | None = None
    low_open: bool = False  # True: the value must be strictly above `low`
    high_open: bool = False
    relative: bool = False
    but: float | None = None  # the one value that it must not have


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """A URL asked in the background every `every` seconds; judged by what a client of it sees."""

    url: str
    name: str = ""
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    every: float = 0.5
    timeout: float = 5.0
    status: tuple[int, ...] = ()  # empty: any 2xx or 3xx
    body: str | None = None  # a regular expression that the body must match
    latency: Mapping[str, Expectation] = field(default_factory=dict, hash=False)  # "p95" -> bound, in seconds
    success: Expectation | None = None  # share of good answers, 0..1; None: every one of them

    @property
    def label(self) -> str:
        """How the probe is called in logs and results."""
        return self.name or f"http {self.url}"


@dataclass(frozen=True, slots=True)
class PrometheusProbe:
    """A PromQL query; every series of its result must meet `expect`.

    `step`: seconds between two evaluations where the Chaos Machine asks; we ask as often as the window needs.
    """

    query: str
    expect: Expectation
    url: str
    name: str = ""
    instant: bool = False  # asked once, at the window's end
    step: float | None = None

    @property
    def label(self) -> str:
        """How the probe is called in logs and results."""
        return self.name or f"prometheus {self.query}"


@dataclass(frozen=True, slots=True)
class AlertFires:
    """A Prometheus alert that must begin to fire within `within` seconds of the injection."""

    alert: str
    within: float
    url: str

    @property
    def label(self) -> str:
        """How the probe is called in logs and results."""
        return f"alert {self.alert}"


@dataclass(frozen=True, slots=True)
class QuietAlerts:
    """Prometheus alerts that must not fire now; `any` among them: all that the server has."""

    alerts: tuple[str, ...]
    url: str

    @property
    def any(self) -> bool:
        """Whether every alert counts."""
        return "any" in self.alerts

    @property
    def label(self) -> str:
        """How the probe is called in logs and results."""
        return f"alerts {_few(self.alerts)}"


def _few(names: tuple[str, ...], most: int = 5) -> str:
    """Hundreds of names are no name."""
    more = len(names) - most
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:most])} and {more} more"


@dataclass(frozen=True, slots=True)
class CloudWatchProbe:
    """Metric data queries of CloudWatch, whose values must meet `expect`.

    `queries` is the JSON text of a `MetricDataQueries` list as GetMetricData takes it. `judged` are the ids
    whose values are looked at. `wait`: seconds after its period from which on a datapoint is final.
    """

    queries: str
    judged: tuple[str, ...]
    expect: Expectation
    period: float = 60.0  # the longest of the queries, in seconds
    name: str = ""
    wait: float = 60.0
    access: AwsAccess = AwsAccess()

    @property
    def label(self) -> str:
        """How the probe is called in logs and results."""
        return self.name or f"cloudwatch {_few(self.judged)}"


@dataclass(frozen=True, slots=True)
class AlarmProbe:
    """CloudWatch alarms, metric or composite: each must be OK, and stay out of ALARM.

    `wait`: seconds that their own delay (a period and an evaluation) is allowed for at most.
    """

    alarms: tuple[str, ...]
    name: str = ""
    wait: float = 180.0
    access: AwsAccess = AwsAccess()

    @property
    def label(self) -> str:
        """How the probe is called in logs and results."""
        return self.name or f"alarm {_few(self.alarms)}"


@dataclass(frozen=True, slots=True)
class OriginalProbe:
    """A probe as the tool judges it that the experiment comes from: told beside ours, and counted nowhere."""

    probe: PrometheusProbe | CloudWatchProbe | AlarmProbe
    gate: bool = False  # asked of the time before the injection
    wait: float = 80.0  # the original asks a minute after the end

    @property
    def label(self) -> str:
        """How the probe is called in logs and results."""
        return f"as the original: {self.probe.label}"


Probe = HttpProbe | PrometheusProbe | AlertFires | QuietAlerts | CloudWatchProbe | AlarmProbe | OriginalProbe


class Purpose(StrEnum):
    """Why a probe is asked; it decides which samples count."""

    GATE = "gate"  # steady before the injection: samples must not overlap a fault of ours
    HYPOTHESIS = "hypothesis"  # over the fault's window: ranges must lie wholly inside it
    ABORT = "abort"  # an instant value, now
    RECOVERY = "recovery"  # since the clearing: from when on is every sample good?
    WITNESS = "witness"  # did a client's view change between the baseline and the window?


@dataclass(frozen=True, slots=True)
class Question:
    """One probe, asked over one window."""

    probe: Probe
    purpose: Purpose
    window: Window
    blackouts: tuple[Window, ...] = ()  # own faults: a sample whose range overlaps one does not count
    baseline: Mapping[str, float] = field(default_factory=dict)  # series -> mean over the gate's window
    before: Window | None = None  # WITNESS: the undisturbed window to compare with


class Outcome(StrEnum):
    """What became of one question. Only PASS is a pass; all but PASS and BROKEN are missing data."""

    PASS = "pass"  # noqa: S105
    BROKEN = "broken"
    NO_DATA = "no_data"  # empty result, no samples at all, or gaps
    TOO_FEW = "too_few_samples"  # fewer than two raw scrapes in the window, or a window not yet full
    REACHES_BACK = "reaches_back"  # every range reaches outside the window
    NAN = "nan"
    LATE = "late"  # not answered within the time budget
    ERROR = "error"  # the source refused the question; its own message is in the reason
    UNREACHABLE = "unreachable"

    @property
    def missing(self) -> bool:
        """Whether the question is unanswered: neither held nor broken."""
        return self not in (Outcome.PASS, Outcome.BROKEN)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The numbers behind a judgement."""

    query: str
    window: Window
    samples: int = 0
    low: float | None = None  # smallest and largest value that was judged
    high: float | None = None
    broke_at: float | None = None  # the first sample that broke the expectation: when, which, how much
    broke_value: float | None = None
    broke_series: str = ""
    measured: Mapping[str, float] = field(default_factory=dict)  # "success" (0..1), "p95" (s), "mean", …


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer to one question: outcome, a sentence that says why, and the numbers."""

    probe: str
    outcome: Outcome
    reason: str
    evidence: Evidence
    baseline: Mapping[str, float] = field(default_factory=dict)  # GATE: series -> mean
    recovered_at: float | None = None  # RECOVERY with PASS: wall time from which on all is well
    resolution: float = 0.0  # seconds by which `recovered_at` may be too late


# --- an experiment --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What must hold. With `delay` and `duration` it is asked of a window after the clearing."""

    probes: tuple[Probe, ...] = ()
    delay: float | None = None
    duration: float | None = None
    whole_minutes: bool = False  # windows end on the next full minute
    recovers_within: float | None = None
    alert_fires: AlertFires | None = None
    success_threshold: float = 1.0  # the share of the probes that must hold; the two above always must

    @property
    def empty(self) -> bool:
        """Whether there is nothing to judge."""
        return not self.probes and self.recovers_within is None and self.alert_fires is None

    @property
    def after_clearing(self) -> bool:
        """Whether its probes look at a window after the fault."""
        return self.delay is not None


@dataclass(frozen=True, slots=True)
class Step:
    """One fault of an experiment: which scenario, with which parameters, on which target, when."""

    scenario: str
    target: Target
    parameters: Mapping[str, Any] = field(default_factory=dict)
    after: float = 0.0  # seconds after the first injection
    runs: bool = False  # the fault ends by itself: `hold` is how long is waited for that at most


def shows_only(parameters: Mapping[str, Any]) -> bool:
    """Whether a run with these only shows what it would do: a preview, or a dry run of its actions."""
    return parameters.get("preview") is True or parameters.get("dry") in ("actions", "activities")


@dataclass(frozen=True, slots=True)
class Ramp:
    """A parameter (or `replicas`) that takes one of these values after another, as they are written."""

    parameter: str
    steps: tuple[Any, ...]
    after: int  # supported runs in a row that lead to the next one


@dataclass(frozen=True, slots=True)
class Experiment:
    """What one trip through the phases needs to know. All durations in seconds."""

    title: str
    label: str  # the scenario's key in the configuration
    steps: tuple[Step, ...]
    hold: float
    steady: tuple[Probe, ...] = ()
    lookback: float = 0.0
    hypothesis: Hypothesis = Hypothesis()
    abort_when: tuple[Probe, ...] = ()
    until_repaired: bool = False
    overlapping_gate: bool = False
    ungated: bool = False  # by hand: inject without asking for the steady state first
    judge_timeout: float = 20.0
    recovery_timeout: float = 120.0
    abort_poll: float = 2.0
    recovers: bool = True  # whether it is asked when the steady state holds again
    rollback: str = ""  # what is run on the same target afterwards, since nothing else undoes the faults
    ramp: Ramp | None = None
    urgent: bool = False  # a rollback: no interval keeps it waiting
    as_original: bool = False  # the verdict of the tool that it comes from is told too

    @property
    def runs(self) -> bool:
        """Whether the hold ends when its faults have run their course."""
        return any(step.runs for step in self.steps)

    @property
    def preview(self) -> bool:
        """Whether it only shows what would be hurt: nothing is, and so nothing is proved."""
        return all(step.runs and shows_only(step.parameters) for step in self.steps)

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets, in order, each once."""
        return tuple(dict.fromkeys(step.target.name for step in self.steps))


# --- its result -----------------------------------------------------------------------------


class Judged(StrEnum):
    """What became of the hypothesis."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not_supported"
    INCONCLUSIVE = "inconclusive"
    UNJUDGED = "unjudged"


class Recovered(StrEnum):
    """What became of the system after the clearing."""

    RECOVERED = "recovered"
    NOT_RECOVERED = "not_recovered"
    UNKNOWN = "unknown"


class Cleanup(StrEnum):
    """What became of the faults."""

    CLEAN = "clean"
    LEFT = "left"


class Witness(StrEnum):
    """Whether anything but the injector saw the fault."""

    FELT = "felt"
    NOT_FELT = "not_felt"
    UNWITNESSED = "unwitnessed"


class Verdict(StrEnum):
    """The whole result in one word."""

    SUPPORTED = "supported"
    UNJUDGED = "unjudged"
    NOT_SUPPORTED = "not_supported"
    INCONCLUSIVE = "inconclusive"
    NO_EFFECT = "no_effect"
    STEADY_STATE_NOT_MET = "steady_state_not_met"
    FAILED = "failed"
    ABORTED = "aborted"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Result:
    """What one experiment showed."""

    run: Ran
    hypothesis: Judged = Judged.UNJUDGED
    recovery: Recovered = Recovered.UNKNOWN
    cleanup: Cleanup = Cleanup.CLEAN
    witness: Witness = Witness.UNWITNESSED
    time_to_recover: float | None = None  # seconds from the clearing
    repaired_after: float | None = None  # seconds from the injection, where somebody repaired it in the hold
    recovery_asked: bool = False  # there were probes to see a recovery with
    ended_by: str = ""  # time, repair, run, abort, operator, signal, deadline, error
    reason: str = ""
    injected_at: float | None = None
    cleared_at: float | None = None
    judgements: tuple[Judgement, ...] = ()
    details: tuple[Mapping[str, Any], ...] = ()  # what the scenarios told of their faults
    before: tuple[Judgement, ...] = ()  # the steady state at the gate, as it was answered last
    after: tuple[Judgement, ...] = ()  # the steady state after the clearing, as it was answered last

    @property
    def verdict(self) -> Verdict:
        """The worst of the parts; see `docs/verdicts.md`."""
        if self.run is not Ran.COMPLETED:
            return _OF_RUN[self.run]
        if self.hypothesis is Judged.NOT_SUPPORTED or self.recovery is Recovered.NOT_RECOVERED:
            return Verdict.NOT_SUPPORTED
        recovery_unseen = self.recovery_asked and self.recovery is Recovered.UNKNOWN
        if self.hypothesis is Judged.INCONCLUSIVE or recovery_unseen:
            return Verdict.INCONCLUSIVE
        if self.witness is Witness.NOT_FELT:
            return Verdict.NO_EFFECT
        return Verdict(self.hypothesis.value)


_OF_RUN = {
    Ran.SKIPPED: Verdict.STEADY_STATE_NOT_MET,
    Ran.FAILED: Verdict.FAILED,
    Ran.ABORTED: Verdict.ABORTED,
    Ran.INTERRUPTED: Verdict.INTERRUPTED,
}
