# ruff: noqa: N815 - the names are the library's own
"""Pure: the failure states that libraries in Lambda functions read out of an SSM parameter, as JSON.

failure-lambda (https://github.com/gunnargrosch/failure-lambda): one state in 0.x, flags from 1.0 on.
chaos_lambda (https://github.com/adhorn/aws-lambda-chaos-injection): one state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from scenarios.base import Parameters

State = Mapping[str, Any]
ParameterName = Annotated[str, Field(pattern=r"^/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$", max_length=1011)]
Rate = Annotated[float, Field(gt=0, le=1)]
Milliseconds = Annotated[int, Field(ge=0, strict=True)]
Status = Annotated[int, Field(ge=100, le=599, strict=True)]
PERCENT = 1e-9  # how far a rate may be from whole percents


class FormError(Exception):
    """What the parameter holds is no state that a fault can begin from; the message says why."""


class FailureLambdaParameters(Parameters):
    """As in failure-lambda's own state, in the SSM parameter that the function reads.

    `parameter`: its name. `rate`: the share of the invocations that are hurt, above 0 and up to 1.
    `minLatency` and `maxLatency` are milliseconds, `diskSpace` is megabytes of /tmp.
    `exceptionMsg` is thrown, `statusCode` is answered. `denylist`: regular expressions of hosts.
    """

    parameter: ParameterName
    isEnabled: Literal[True] = True
    failureMode: Literal["latency", "exception", "statuscode", "diskspace", "denylist"]
    rate: Rate = 1.0
    minLatency: Milliseconds | None = None
    maxLatency: Milliseconds | None = None
    exceptionMsg: str | None = Field(default=None, min_length=1)
    statusCode: Status | None = None
    diskSpace: int | None = Field(default=None, ge=1, le=10240, strict=True)
    denylist: list[Annotated[str, Field(min_length=1)]] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> FailureLambdaParameters:
        _check_given(self, "failureMode", self.failureMode, FLAGS[self.failureMode])
        if self.minLatency is not None and self.maxLatency is not None:
            _check_latencies(self.minLatency, self.maxLatency)
        return self


class ChaosLambdaParameters(Parameters):
    """As in chaos_lambda's own state, in the SSM parameter that the function reads.

    `parameter`: its name. `rate`: the share of the invocations that are hurt, above 0 and up to 1.
    `delay` is milliseconds. `exception_msg` is raised, `error_code` is answered.
    """

    parameter: ParameterName
    is_enabled: Literal[True] = True
    fault_type: Literal["latency", "exception", "status_code"]
    rate: Rate = 1.0
    delay: int | None = Field(default=None, ge=1, strict=True)
    error_code: Status | None = None
    exception_msg: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> ChaosLambdaParameters:
        needs = {"latency": "delay", "exception": "exception_msg", "status_code": "error_code"}
        _check_given(self, "fault_type", self.fault_type, {needs[self.fault_type]: ""})
        return self


# What each mode needs, and its name in the flags of failure-lambda 1.0.
FLAGS: Mapping[str, Mapping[str, str]] = {
    "latency": {"minLatency": "min_latency", "maxLatency": "max_latency"},
    "exception": {"exceptionMsg": "exception_msg"},
    "statuscode": {"statusCode": "status_code"},
    "diskspace": {"diskSpace": "disk_space"},
    "denylist": {"denylist": "deny_list"},
}
MODES = frozenset({*FLAGS, "timeout", "corruption"})


def failure_lambda(text: str, parameters: FailureLambdaParameters) -> str:
    """The state with this failure enabled, in the form that it has. FormError: it has none, or is enabled."""
    before, given = _object(text), _given(parameters)
    flags = {mode: flag for mode, flag in before.items() if mode in MODES and isinstance(flag, dict)}
    if flags:
        enabled = sorted(mode for mode, flag in flags.items() if flag.get("enabled"))
        if enabled:
            raise FormError(f"is enabled already: {', '.join(enabled)}")
        return json.dumps({**before, parameters.failureMode: _flag(flags, given)})
    if not {"isEnabled", "failureMode"} & before.keys():
        raise FormError("holds no state of failure-lambda: neither isEnabled nor a flag such as latency")
    if before.get("isEnabled"):
        raise FormError("is enabled already")
    return json.dumps({**before, **given})


def chaos_lambda(text: str, parameters: ChaosLambdaParameters) -> str:
    """The state with this fault enabled. FormError: it is none, or is enabled."""
    before = _object(text)
    if "is_enabled" not in before:
        raise FormError("holds no state of chaos_lambda: it has no is_enabled")
    if before["is_enabled"]:
        raise FormError("is enabled already")
    return json.dumps({**before, **_given(parameters)})


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise FormError(f"holds no JSON: {error}") from None
    if not isinstance(found, dict):
        raise FormError("holds no JSON object")
    return found


def _given(parameters: Parameters) -> dict[str, Any]:
    """By the library's names; whole rates as they are usually written."""
    found = parameters.model_dump(exclude_none=True, exclude={"parameter"})
    return {**found, "rate": 1 if found["rate"] == 1 else found["rate"]}


def _flag(flags: Mapping[str, State], given: State) -> dict[str, Any]:
    mode, percent = given["failureMode"], given["rate"] * 100
    if abs(percent - round(percent)) > PERCENT:
        raise FormError(f"has flags, whose percentages are whole: a rate of {given['rate']} is none")
    values = {name: given[key] for key, name in FLAGS[mode].items()}
    return {**flags.get(mode, {}), "enabled": True, "percentage": round(percent), **values}


def _check_given(parameters: BaseModel, kind: str, mode: str, needs: Mapping[str, str]) -> None:
    given = parameters.model_dump(exclude_none=True)
    if missing := [name for name in needs if name not in given]:
        raise ValueError(f"{kind} {mode} needs {' and '.join(missing)}")


def _check_latencies(least: int, most: int) -> None:
    if most < max(least, 1):
        raise ValueError(f"maxLatency {most} is less than minLatency {least}, or no latency")
