"""The lines of an exported journal as shapes: what is not of one of these is refused, by line and field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    ValidationError,
)

from chaos_engine.model import Verdict

ExperimentId = Annotated[str, StringConstraints(pattern=r"^e[1-9][0-9]{0,14}$")]
FaultId = Annotated[str, StringConstraints(pattern=r"^e[1-9][0-9]{0,14}-[0-9]{1,9}$")]
Json = dict[str, Any]


class ArchiveError(Exception):
    """The file cannot be taken in; the message says where and why. The journal is as it was."""


class Line(BaseModel):
    """One line, as its kind says."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Head(Line):
    """The first one."""

    format: Literal["chaos-engine journal"]
    version: int
    owner: str
    exported_at: FiniteFloat
    highest: int = Field(ge=0, lt=10**15)


class _Part(BaseModel):
    """Of a result: as far as a report reads it."""

    model_config = ConfigDict(extra="allow", strict=True)


class _Window(_Part):
    start: FiniteFloat | None
    end: FiniteFloat | None


class _Evidence(_Part):
    window: _Window
    measured: dict[str, FiniteFloat | None] = {}


class _Judgement(_Part):
    probe: str
    outcome: str
    reason: str
    evidence: _Evidence


class _Result(_Part):
    run: str
    reason: str = ""
    time_to_recover: FiniteFloat | None = None
    cleared_at: FiniteFloat | None = None
    before: list[_Judgement] = []
    judgements: list[_Judgement] = []
    after: list[_Judgement] = []


def _readable(result: Json | None) -> Json | None:
    if result is not None:
        _Result.model_validate(result)
    return result


class ExperimentLine(Line):
    """An experiment; without a verdict it had not ended."""

    id: ExperimentId
    started_at: FiniteFloat
    ended_at: FiniteFloat | None
    title: str
    scenario: str
    target: str
    phase: str
    plan: Json
    injected_at: FiniteFloat | None
    verdict: Annotated[Verdict, Field(strict=False)] | None
    result: Annotated[Json | None, AfterValidator(_readable)]


class FaultLine(Line):
    """A fault of the ledger."""

    id: FaultId
    experiment: ExperimentId
    owner: str
    epoch: int
    status: Literal["intent", "applied", "taken over", "cleared", "gone"]
    armed_at: FiniteFloat
    applied_at: FiniteFloat | None
    taken_at: FiniteFloat | None
    cleared_at: FiniteFloat | None
    deadline: FiniteFloat
    fault: Json


class NoteLine(Line):
    """What somebody added to an experiment."""

    experiment: ExperimentId
    at: FiniteFloat
    kind: Literal["observation", "issue", "improvement"]
    who: str
    text: str


class EventLine(Line):
    """What else was kept of an experiment, such as its phases."""

    experiment: ExperimentId
    at: FiniteFloat
    kind: str
    data: Json


KINDS: Mapping[str, type[Line]] = {
    "experiment": ExperimentLine, "fault": FaultLine, "note": NoteLine, "event": EventLine,
}  # fmt: skip
L = TypeVar("L", bound=Line)


def parsed(number: int, text: str) -> dict[str, Any]:
    """The object on a line."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ArchiveError(f"line {number}: is no JSON object; is it an exported journal?")
    return found


def shaped(shape: type[L], data: object, number: int) -> L:
    """The line as its shape."""
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ArchiveError(f"line {number}: {where}: {first['msg']}") from None
