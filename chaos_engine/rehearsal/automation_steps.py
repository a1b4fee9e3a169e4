"""What each action does at a given moment: go on, be done, or fail. Pure: it asks for calls, and makes none.

A step is looked at when it begins (no answer, no memory), when its call is answered, and when it wakes.
Defaults and inputs from the actions' own pages in AWS's reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter

from chaos_engine.rehearsal import automation_branch as branch
from chaos_engine.rehearsal.automation_document import Output, RefusedError
from chaos_engine.rehearsal.automation_model import Answer, Request
from chaos_engine.rehearsal.automation_selectors import MISSING, cast, matches, select
from chaos_engine.rehearsal.automation_variables import as_text

POLL = 1.0  # AWS does not say how often it looks
LONGEST_SLEEP = 604799.0
VALIDATING, INVOKING, VERIFYING = "InputValidation", "Invocation", "PostVerification"
_NOT_OF_THE_API = frozenset({"Service", "Api", "PropertySelector", "DesiredValues"})
_CHANGES = {"running": "StartInstances", "stopped": "StopInstances", "terminated": "TerminateInstances"}
_DEAD = frozenset({"terminated", "shutting-down"})


@dataclass(frozen=True)
class Moment:
    """All that an action may look at. `inputs` are resolved."""

    now: float
    inputs: Mapping[str, object]
    outputs: tuple[Output, ...] = ()
    memory: str = ""
    answer: Answer | None = None


@dataclass(frozen=True)
class Going:
    """Not done: a call to make, or a moment to look again."""

    memory: str
    request: Request | None = None
    wake: float | None = None


@dataclass(frozen=True)
class Done:
    """The step succeeded. `goes_to` is a branch's choice, None when there was none."""

    outputs: Mapping[str, object] = field(default_factory=dict)
    goes_to: str | None = None


@dataclass(frozen=True)
class Failure:
    """One attempt failed. `stage` is one of AWS's failure stages."""

    stage: str
    why: str


Outcome = Going | Done | Failure


def act(action: str, moment: Moment) -> Outcome:
    """What the action does now. An answer with an error fails it, whatever it is."""
    if moment.answer and moment.answer.error is not None:
        return Failure(INVOKING, moment.answer.error)
    try:
        return _DOES[action](moment)
    except RefusedError as error:
        return Failure(VERIFYING if moment.answer else VALIDATING, str(error))


def _sleep(moment: Moment) -> Outcome:
    if moment.memory:
        return Done()
    until = _moment(moment.inputs["Timestamp"]) if "Timestamp" in moment.inputs else None
    return Going("asleep", wake=_wake(moment) if until is None else max(until, moment.now))


def _wake(moment: Moment) -> float:
    seconds = _seconds(moment.inputs["Duration"])
    if seconds > LONGEST_SLEEP:
        raise RefusedError(f"Duration {moment.inputs['Duration']} is longer than {LONGEST_SLEEP:.0f} seconds")
    return moment.now + seconds


def _seconds(value: object) -> float:
    text = str(value)
    try:
        if text.startswith("P"):
            return TypeAdapter(timedelta).validate_python(text).total_seconds()
    except ValueError:
        pass
    raise RefusedError(f"{text!r} is not an ISO 8601 duration, such as PT10M")


def _moment(value: object) -> float:
    try:
        written = datetime.fromisoformat(str(value))
    except ValueError:
        raise RefusedError(f"{value!r} is not an ISO 8601 timestamp") from None
    return (written if written.tzinfo else written.replace(tzinfo=UTC)).timestamp()


def _execute(moment: Moment) -> Outcome:
    if moment.answer is None:
        return Going("called", _request(moment.inputs))
    return Done(_kept(moment))


def _request(inputs: Mapping[str, object]) -> Request:
    parameters = {key: value for key, value in inputs.items() if key not in _NOT_OF_THE_API}
    return Request(str(inputs["Service"]), str(inputs["Api"]), parameters)


def _kept(moment: Moment) -> dict[str, object]:
    """The outputs that the response has. One that it lacks is not an output: a branch may ask for it."""
    response = moment.answer.value if moment.answer else None
    found = {one: select(one.selector, response) for one in moment.outputs}
    return {one.name: cast(value, one.type) for one, value in found.items() if value is not MISSING}


def _wait(moment: Moment) -> Outcome:
    if moment.answer is None:
        return Going("called", _request(moment.inputs))
    if _has_property(moment):
        return Done(_kept(moment))
    return Going("waiting", wake=moment.now + POLL)


def _assert(moment: Moment) -> Outcome:
    if moment.answer is None:
        return Going("called", _request(moment.inputs))
    if _has_property(moment):
        return Done(_kept(moment))
    value = _property(moment)
    shown = "nothing" if value is MISSING else as_text(value)
    wanted = as_text(moment.inputs["DesiredValues"])
    return Failure(VERIFYING, f"{moment.inputs['PropertySelector']} is {shown}, which is not one of {wanted}")


def _property(moment: Moment) -> object:
    response = moment.answer.value if moment.answer else None
    return select(str(moment.inputs["PropertySelector"]), response)


def _has_property(moment: Moment) -> bool:
    return matches(_property(moment), moment.inputs["DesiredValues"])


def _branch(moment: Moment) -> Outcome:
    choices, default = moment.inputs["Choices"], moment.inputs.get("Default")
    step = branch.chosen(choices) if isinstance(choices, list) else None
    return Done(goes_to=step or (str(default) if default else None))


def _change_state(moment: Moment) -> Outcome:
    if moment.answer is None and not moment.memory and not _flag(moment, "CheckStateOnly"):
        return Going("changing", _change(moment))
    if moment.answer is None or moment.memory == "changing":
        return Going("looking", _about(moment, "DescribeInstances"))
    return _seen(moment) if moment.memory == "looking" else _checked(moment)


def _change(moment: Moment) -> Request:
    desired = str(moment.inputs["DesiredState"])
    if desired not in _CHANGES:
        raise RefusedError(f"DesiredState {desired!r}; allowed: {', '.join(_CHANGES)}")
    request = _about(moment, _CHANGES[desired])
    forced = {"Force": True} if desired == "stopped" and _flag(moment, "Force") else {}
    return Request(request.service, request.api, {**request.parameters, **forced})


def _about(moment: Moment, api: str, **more: object) -> Request:
    ids = moment.inputs["InstanceIds"]
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        raise RefusedError(f"InstanceIds is a list of instance ids, not {as_text(ids)}")
    return Request("ec2", api, {"InstanceIds": ids, **more})


def _seen(moment: Moment) -> Outcome:
    desired = str(moment.inputs["DesiredState"])
    states = _states(moment)
    if desired not in _DEAD and (dead := _DEAD & set(states)):
        return Failure(VERIFYING, f"an instance entered unexpected state: {min(dead)}")
    if not states or any(state != desired for state in states):
        return Going("looking again", wake=moment.now + POLL)
    if desired == "running":
        return Going("checking", _about(moment, "DescribeInstanceStatus", IncludeAllInstances=True))
    return Done({"InstanceStates": states})


def _states(moment: Moment) -> list[str]:
    found = select("$.Reservations[*].Instances[*].State.Name", moment.answer.value if moment.answer else {})
    return [str(state) for state in found] if isinstance(found, list) else []


def _checked(moment: Moment) -> Outcome:
    """Running means: "the Instance Status to be OK, and the System Status to be OK before completing"."""
    response = moment.answer.value if moment.answer else {}
    every = [
        select(f"$.InstanceStatuses[*].{part}.Status", response)
        for part in ("InstanceStatus", "SystemStatus")
    ]
    if all(isinstance(part, list) and part and set(part) == {"ok"} for part in every):
        ids = moment.inputs["InstanceIds"]
        return Done({"InstanceStates": ["running"] * (len(ids) if isinstance(ids, list) else 1)})
    return Going("looking again", wake=moment.now + POLL)


def _flag(moment: Moment, name: str) -> bool:
    return str(moment.inputs.get(name, False)).lower() == "true"


_DOES: dict[str, Callable[[Moment], Outcome]] = {
    "aws:sleep": _sleep,
    "aws:executeAwsApi": _execute,
    "aws:waitForAwsResourceProperty": _wait,
    "aws:assertAwsResourceProperty": _assert,
    "aws:branch": _branch,
    "aws:changeInstanceState": _change_state,
}
