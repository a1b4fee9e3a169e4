"""What the scenarios and the evaluators may ask of AWS, and what they are told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chaos_engine.model import AwsAccess, Window


class CloudError(Exception):
    """AWS refused, or did not answer. `code` is AWS's own (`ResourceNotFoundException`), or ours."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Cloud(Protocol):
    """AWS's API, as far as scenarios need it. Operations have boto3's names (`start_experiment`)."""

    def call(self, access: AwsAccess, service: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """One call; retried as botocore does. CloudError: refused, or not answered."""
        ...

    def pages(
        self, access: AwsAccess, service: str, operation: str, **parameters: Any
    ) -> Iterator[Mapping[str, Any]]:
        """Every page of a listing. CloudError as above."""
        ...

    def region(self, access: AwsAccess) -> str:
        """The region that is used; empty where none is known. CloudError: there is no such profile."""
        ...


class NoCloud:
    """Fulfils `Cloud` where there is none."""

    def call(self, access: AwsAccess, service: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """CloudError, always."""
        del access, parameters
        raise CloudError("NoCloud", f"nothing here can reach AWS ({service} {operation})")

    def pages(
        self, access: AwsAccess, service: str, operation: str, **parameters: Any
    ) -> Iterator[Mapping[str, Any]]:
        """CloudError, always."""
        yield self.call(access, service, operation, **parameters)

    def region(self, access: AwsAccess) -> str:
        """The one that is named."""
        return access.region


# --- CloudWatch ---


@dataclass(frozen=True, slots=True)
class MetricDataQuery:
    """One GetMetricData: `queries` is the JSON text of its MetricDataQueries; wall times."""

    access: AwsAccess
    queries: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class MetricResult:
    """What one query gave: points as (wall time of the period's start, value), ascending."""

    id: str
    label: str
    points: tuple[tuple[float, float], ...]
    status: str = "Complete"  # also PartialData, InternalError, Forbidden
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricData:
    """All pages of a GetMetricData. `messages` are about the whole of it."""

    results: tuple[MetricResult, ...]
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlarmsQuery:
    """The state of these alarms now and, with a window, what their history has of it."""

    access: AwsAccess
    names: tuple[str, ...]
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class AlarmState:
    """An alarm now. `since`: wall time of its last change.

    `delay`: seconds after which it has evaluated a moment (infinite: nobody knows); `reach`: for how long a
    moment keeps its state from changing back.
    """

    name: str
    state: str  # OK, ALARM, INSUFFICIENT_DATA
    since: float
    reason: str = ""
    delay: float = 0.0
    reach: float = 0.0
    flaw: str = ""  # PARTIAL_DATA, EVALUATION_ERROR, EVALUATION_FAILURE: its state stands on little


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """An alarm went from one state to another."""

    name: str
    at: float  # wall time
    old: str
    new: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Alarms:
    """States of those that exist; changes in and after the window, ascending."""

    states: tuple[AlarmState, ...]
    changes: tuple[AlarmChange, ...] = ()
