"""What the pure parts and the scenarios may ask of the world. The adapters and their twins fulfil it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from chaos_engine.cloud import Alarms, AlarmsQuery, Cloud, MetricData, MetricDataQuery, NoCloud
from chaos_engine.containers import Containers, NoContainers
from chaos_engine.model import Experiment, Fault, HttpProbe, Now, Result, Window
from chaos_engine.toolkit_runs import NoToolkit, ToolkitRuns


class Clock(Protocol):
    """Both clocks at once."""

    def now(self) -> Now:
        """This moment."""
        ...


# --- failure states -------------------------------------------------------------------------


class FailureStates(Protocol):
    """The failure-state files that targets read (`docs/failure-state.schema.json`)."""

    def read(self, path: Path) -> Mapping[str, Any] | None:
        """The state; None where there is no file, empty where it holds none. OSError: unreadable."""
        ...

    def write(self, path: Path, state: Mapping[str, Any]) -> None:
        """Replace the state at once, readable by every user. OSError: it could not be written."""
        ...

    def remove(self, path: Path) -> None:
        """Leave nothing to read, which is healthy, where a state cannot be written. OSError: nor that."""
        ...


class Flags(Protocol):
    """Files of feature flags (https://flagd.dev/reference/flag-definitions/), as text."""

    def read(self, path: Path) -> str | None:
        """Its text; None where there is no file. OSError, ValueError: it cannot be read."""
        ...

    def change(self, path: Path, edit: Callable[[str], str]) -> None:
        """Read, edit and write, with nobody of ours in between; nothing where there is no file.

        Raises what `edit` raises, and OSError where it cannot be written.
        """
        ...


class NoFlags:
    """Fulfils `Flags` where there are none."""

    def read(self, path: Path) -> None:
        """There is no file."""
        del path

    def change(self, path: Path, edit: Callable[[str], str]) -> None:
        """There is none to change."""
        del path, edit


@dataclass(frozen=True, slots=True)
class World:
    """All that a scenario may touch."""

    states: FailureStates
    clock: Clock
    cloud: Cloud = field(default_factory=NoCloud)
    wait: Callable[[float], None] = lambda _: None  # lets so many seconds pass, between two looks
    containers: Containers = field(default_factory=NoContainers)
    flags: Flags = field(default_factory=NoFlags)
    toolkit: ToolkitRuns = field(default_factory=NoToolkit)
    tell: Callable[[str], None] = lambda _: None  # what an operator should know, beside what is observed


# --- metrics --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HttpSample:
    """One request of a probe. `took` is in seconds, and still growing while `done` is False."""

    at: float  # wall time of sending
    took: float
    done: bool = True
    status: int | None = None  # None: no answer
    error: str = ""
    body_matches: bool = True


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a Prometheus result: labels as text, points as (wall time, value)."""

    labels: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class PrometheusQuery:
    """What is sent to a Prometheus server: a range query, or an instant one where step is 0."""

    url: str
    expr: str
    start: float
    end: float
    step: float


@dataclass(frozen=True, slots=True)
class PrometheusAnswer:
    """Its series; warnings (of a partial result, say) are kept, they are not data."""

    series: tuple[Series, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertRule:
    """An alerting rule that a server evaluates. `evaluated_at` is wall time; `error` is why it failed."""

    alert: str
    evaluated_at: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class SourceFailure:
    """A source gave no answer. `kind`: "unreachable", "late", or "error" (it refused the question)."""

    kind: str
    message: str


class CloudWatch(Protocol):
    """CloudWatch's metrics and alarms."""

    def metric_data(self, query: MetricDataQuery, budget: float) -> MetricData | SourceFailure:
        """All pages, within `budget` seconds. Never raises."""
        ...

    def alarms(self, query: AlarmsQuery, budget: float) -> Alarms | SourceFailure:
        """All pages, within `budget` seconds. Never raises."""
        ...


class NoCloudWatch:
    """Fulfils `CloudWatch` where there is none."""

    def metric_data(self, query: MetricDataQuery, budget: float) -> SourceFailure:
        """A failure, always."""
        del query, budget
        return SourceFailure("unreachable", "nothing here can reach CloudWatch")

    def alarms(self, query: AlarmsQuery, budget: float) -> SourceFailure:
        """A failure, always."""
        del query, budget
        return SourceFailure("unreachable", "nothing here can reach CloudWatch")


class HttpSamples(Protocol):
    """What the background probes have seen."""

    def watch(self, probes: Sequence[HttpProbe]) -> None:
        """Begin to ask these, and stop asking those that are not named."""
        ...

    def samples(self, probe: HttpProbe, window: Window) -> tuple[HttpSample, ...]:
        """Requests that were sent in the window, oldest first, unfinished ones among them."""
        ...


class Prometheus(Protocol):
    """A Prometheus server's query API."""

    def ask(self, query: PrometheusQuery, budget: float) -> PrometheusAnswer | SourceFailure:
        """The answer within `budget` seconds. Never raises."""
        ...

    def alert_rules(self, url: str, budget: float) -> tuple[AlertRule, ...] | SourceFailure:
        """The alerting rules of the server at `url`, within `budget` seconds. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Where samples come from."""

    http: HttpSamples
    prometheus: Prometheus
    cloudwatch: CloudWatch = field(default_factory=NoCloudWatch)


# --- the engine's surroundings --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SignalReceived:
    """A message in the inbox: the process got this signal."""

    number: int


class Inbox(Protocol):
    """Where everything that happens reaches the engine's one thread."""

    def put(self, message: object) -> None:
        """Leave a message; whoever waits is woken."""
        ...

    def take(self, timeout: float) -> object | None:
        """The next message, waiting at most so many seconds; None where there was none."""
        ...


class Workers(Protocol):
    """Runs what may take time beside the engine's thread."""

    def start(self, job: Callable[[], None]) -> None:
        """Run the job. It reports by itself, and does not raise."""
        ...


class OperatorCommand(Protocol):
    """What an operator asked for."""

    @property
    def id(self) -> int:
        """Its number in the journal."""
        ...

    @property
    def kind(self) -> str:
        """inject, clear, pause, resume, halt."""
        ...

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What belongs to it."""
        ...


class Journal(Protocol):
    """The durable record, as far as the engine writes it. Every call returns when it is on disk."""

    @property
    def owner(self) -> str:
        """Id of the data folder."""
        ...

    def arm(self, fault: Fault) -> None:
        """The intent, before anything is injected."""
        ...

    def applied(self, fault: Fault, at: float) -> bool:
        """The scenario has acted. False: somebody else has taken the duty over; undo it at once."""
        ...

    def take_over(self, fault: Fault, at: float) -> Fault | None:
        """Take the duty from whoever holds it; the fault with its new epoch. None: another was faster."""
        ...

    def resume(self, fault: Fault) -> Fault | None:
        """Go on holding it; the fault with its new epoch. None: the duty is somebody else's by now."""
        ...

    def cleared(self, fault: Fault, at: float, *, gone: bool = False) -> bool:
        """The fault is out; `gone`: somebody else took it away. False: the duty was somebody else's."""
        ...

    def open_faults(self) -> Sequence[Fault]:
        """Every fault that may still be in the world."""
        ...

    def fault_windows(self, since: float) -> Sequence[Window]:
        """From when to when faults were in that were cleared after `since`."""
        ...

    def begin(self, id_: str, experiment: Experiment, at: float) -> None:
        """An experiment is at its gate."""
        ...

    def phase(self, id_: str, phase: str, at: float) -> None:
        """An experiment entered a phase; what was kept of the one before is void."""
        ...

    def keep(self, id_: str, snapshot: str) -> None:
        """What another engine needs to go on with the experiment."""
        ...

    def kept(self, id_: str) -> str | None:
        """What was kept of it; None: nothing."""
        ...

    def end(self, id_: str, result: Result, at: float) -> None:
        """An experiment has its result."""
        ...

    def unfinished(self) -> Sequence[str]:
        """Experiments without a result."""
        ...

    def last_number(self) -> int:
        """The highest number that an experiment has had; 0: there was none."""
        ...

    def injections_since(self, at: float) -> tuple[float, ...]:
        """Start times of the experiments that injected since then, ascending."""
        ...

    def prune(self, before: float, most: int) -> int:
        """Drop up to `most` experiments that began before then and have ended; how many there were."""
        ...

    def begun_at(self, rank: int) -> float | None:
        """When the experiment began that is the so manieth from the newest; None: there are fewer."""
        ...

    def note(self, at: float, kind: str, **data: Any) -> None:
        """Anything else that is worth keeping."""
        ...

    def take(self, at: float) -> Sequence[OperatorCommand]:
        """Commands that nobody has taken yet."""
        ...

    def answer(self, command: int, outcome: Mapping[str, Any]) -> None:
        """What became of a command."""
        ...

    def get(self, key: str) -> Any:
        """A small fact; None where it was never set."""
        ...

    def put(self, key: str, value: Any) -> None:
        """Remember a small fact."""
        ...
