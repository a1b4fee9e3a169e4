"""Pure: what an experiment template may say. Everything else is refused by name, never ignored.

From the AWS FIS API reference, CreateExperimentTemplate, and the user guide, "Targets for AWS FIS" and
"Experiment options for AWS FIS".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from chaos_engine.rehearsal.fis_catalog import ACTIONS, RESOURCE_TYPES, KnownAction
from chaos_engine.rehearsal.fis_targets import Selection

ALARM = re.compile(r"arn:[^:]+:cloudwatch:([^:]+):([^:]+):alarm:(.+)")
ALARM_FORM = "allowed: arn:aws:cloudwatch:region:account:alarm:name"
INSTANCE_ARN = re.compile(r"arn:[^:]+:ec2:([^:]+):([^:]*):instance/(\S+)")


Model = TypeVar("Model", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)


class Filter(_Strict):
    """A path into what the Describe call returns, and the values that it may have."""

    path: str = Field(min_length=1)
    values: list[str] = Field(min_length=1)


class Target(_Strict):
    """Resources of one type: by ARN, or by tag and filter; all of them, a count or a percentage."""

    resource_type: str
    selection_mode: str
    resource_arns: list[str] = Field(default=[], max_length=5)
    resource_tags: dict[str, str] = {}
    filters: list[Filter] = []
    parameters: dict[str, str] = {}


class Action(_Strict):
    """One step: what it does, with what, to which targets, after which others."""

    action_id: str
    description: str = ""
    parameters: dict[str, str] = {}
    targets: dict[str, str] = {}
    start_after: list[str] = []


class StopCondition(_Strict):
    """`none`, or an alarm that stops the experiment."""

    source: Literal["none", "aws:cloudwatch:alarm"]
    value: str = ""


class Options(_Strict):
    """Experiment options of the template, with the defaults of AWS."""

    account_targeting: Literal["single-account"] = "single-account"
    empty_target_resolution_mode: Literal["fail", "skip"] = "fail"


class _CloudWatchLogs(_Strict):
    log_group_arn: str


class _S3(_Strict):
    bucket_name: str
    prefix: str = ""


class LogConfiguration(_Strict):
    """Accepted and shown; no log is written."""

    log_schema_version: int
    cloud_watch_logs_configuration: _CloudWatchLogs | None = None
    s3_configuration: _S3 | None = Field(default=None, alias="s3Configuration")


class Template(_Strict):
    """The body of CreateExperimentTemplate."""

    client_token: str = ""
    description: str = Field(max_length=512)
    stop_conditions: list[StopCondition] = Field(min_length=1)
    targets: dict[str, Target] = {}
    actions: dict[str, Action] = Field(min_length=1)
    role_arn: str = Field(min_length=20)
    tags: dict[str, str] = {}
    log_configuration: LogConfiguration | None = None
    experiment_options: Options = Options()


class StartOptions(_Strict):
    """Experiment options of one start."""

    actions_mode: Literal["run-all", "skip-all"] = "run-all"


class Start(_Strict):
    """The body of StartExperiment."""

    client_token: str = ""
    experiment_template_id: str
    experiment_options: StartOptions = StartOptions()
    tags: dict[str, str] = {}


class RefusedError(ValueError):
    """The text names each field by its path, and what is wrong with it."""


def read(body: Mapping[str, Any]) -> Template:
    """A template that can be run here; RefusedError names everything that cannot."""
    template = _read(Template, body)
    if found := [*_in_targets(template), *_in_actions(template), *_in_stop_conditions(template)]:
        raise RefusedError("; ".join(found))
    return template


def read_start(body: Mapping[str, Any]) -> Start:
    """What StartExperiment was asked for; RefusedError as with `read`."""
    return _read(Start, body)


def _read(model: type[Model], body: Mapping[str, Any]) -> Model:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise RefusedError("; ".join(_sentence(one) for one in error.errors())) from None


def _sentence(error: Any) -> str:
    path = ".".join(str(part) for part in error["loc"]) or "the request"
    if error["type"] == "extra_forbidden":
        return f"{path}: the rehearsal does not know this key"
    if error["type"] == "missing":
        return f"{path}: is missing"
    return f"{path}: {error['input']!r}: {error['msg'][0].lower()}{error['msg'][1:]}"


def _in_targets(template: Template) -> Iterator[str]:
    for name, target in template.targets.items():
        path = f"targets.{name}"
        if target.resource_type not in RESOURCE_TYPES:
            yield f"{path}.resourceType: {target.resource_type} is not known here; {_one_of(RESOURCE_TYPES)}"
        if bool(target.resource_arns) == bool(target.resource_tags):
            yield f"{path}: must have either resourceArns or resourceTags"
        if target.resource_arns and target.filters:
            yield f"{path}.filters: cannot be used with resourceArns"
        for arn in target.resource_arns:
            if not INSTANCE_ARN.fullmatch(arn):
                yield f"{path}.resourceArns: {arn!r} is not the ARN of an instance"
        for key in target.parameters:
            yield f"{path}.parameters.{key}: {target.resource_type} has no such parameter"
        try:
            Selection.read(target.selection_mode)
        except ValueError as error:
            yield f"{path}.selectionMode: {error}"


def _in_actions(template: Template) -> Iterator[str]:
    for name, action in template.actions.items():
        path = f"actions.{name}"
        for other in action.start_after:
            if other not in template.actions:
                yield f"{path}.startAfter: there is no action {other!r}"
        known = ACTIONS.get(action.action_id)
        if known is None:
            yield f"{path}.actionId: {action.action_id} is not known here; {_one_of(ACTIONS)}"
            continue
        yield from _in_parameters(f"{path}.parameters", action, known)
        yield from _in_targets_of_action(f"{path}.targets", action, known, template)
    yield from _in_order(template)


def _in_parameters(path: str, action: Action, known: KnownAction) -> Iterator[str]:
    for name in known.required:
        if name not in action.parameters:
            yield f"{path}.{name}: is missing"
    for name, value in action.parameters.items():
        if name not in known.parameters:
            yield f"{path}.{name}: {known.id} has no such parameter; {_one_of(known.parameters)}"
            continue
        try:
            known.parameters[name].check(value)
        except ValueError as error:
            yield f"{path}.{name}: {error}"
    for name, needed in known.together.items():
        if name in action.parameters and needed not in action.parameters:
            yield f"{path}.{needed}: is missing beside {name}"


def _in_targets_of_action(path: str, action: Action, known: KnownAction, template: Template) -> Iterator[str]:
    for key in known.targets:
        if key not in action.targets:
            yield f"{path}.{key}: is missing"
    for key, name in action.targets.items():
        if key not in known.targets:
            yield f"{path}.{key}: {known.id} has no such target; {_one_of(known.targets)}"
        elif name not in template.targets:
            yield f"{path}.{key}: there is no target {name!r}"


def _in_order(template: Template) -> Iterator[str]:
    try:
        TopologicalSorter({name: action.start_after for name, action in template.actions.items()}).prepare()
    except CycleError as error:
        yield f"actions: startAfter goes in a circle: {' after '.join(reversed(error.args[1]))}"


def _in_stop_conditions(template: Template) -> Iterator[str]:
    for number, condition in enumerate(template.stop_conditions):
        path = f"stopConditions.{number}.value"
        if condition.source == "none" and condition.value:
            yield f"{path}: must not be there when the source is none"
        if condition.source != "none" and not ALARM.fullmatch(condition.value):
            yield f"{path}: {condition.value!r} is not the ARN of an alarm; {ALARM_FORM}"


def _one_of(names: Mapping[str, Any]) -> str:
    return f"allowed: {', '.join(sorted(names)) or 'none'}"
