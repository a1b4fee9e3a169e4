"""What a start may ask for, and what becomes of it: one execution, or a fleet. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from chaos_engine.rehearsal import automation_fleet as fleets
from chaos_engine.rehearsal.automation_document import RefusedError
from chaos_engine.rehearsal.automation_fleet import Fleet
from chaos_engine.rehearsal.automation_model import Launch
from chaos_engine.rehearsal.automation_variables import as_text, resolve
from chaos_engine.rehearsal.ssm_parameters import values

Asked = Mapping[str, Any]
_NOT_REHEARSED = ("TargetMaps", "TargetLocations", "TargetLocationsURL", "AlarmConfiguration")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")


def check_rehearsed(asked: Asked) -> None:
    """RefusedError names what is not rehearsed."""
    for key in _NOT_REHEARSED:
        if asked.get(key):
            raise RefusedError(f"{key} is not rehearsed")
    if asked.get("Mode", "Auto") != "Auto":
        raise RefusedError(f"Mode {asked['Mode']} is not rehearsed; allowed: Auto")


def valued(launch: Launch) -> Launch:
    """With the values of its parameters. RefusedError names a parameter that is wrong."""
    launch = replace(launch, values=values(launch.runbook.parameters, launch.given))
    _check_role(launch)
    return launch


def target(asked: Asked, launch: Launch) -> Mapping[str, Any]:
    """The one target of a fleet. RefusedError says what does not fit."""
    targets, parameter = asked.get("Targets"), asked.get("TargetParameterName")
    if not targets or not parameter:
        raise RefusedError("Targets and TargetParameterName go together")
    if parameter not in launch.runbook.parameters:
        raise RefusedError(f"parameter {parameter} is not defined in the document")
    if parameter in launch.given:
        raise RefusedError(f"parameter {parameter} is set by the targets")
    if len(targets) > 1:
        raise RefusedError("Targets has more than one entry")
    only: Mapping[str, Any] = targets[0]
    return only


def fleet(asked: Asked, launch: Launch, found: Sequence[str]) -> Fleet:
    """One parent for these target values. RefusedError names a control or a parameter that is wrong."""
    controls = {
        "max_concurrency": asked.get("MaxConcurrency", fleets.DEFAULT_CONCURRENCY),
        "max_errors": asked.get("MaxErrors", fleets.DEFAULT_ERRORS),
    }
    fleets.check_controls(**controls)
    made = Fleet(launch, asked["TargetParameterName"], tuple(asked["Targets"]), tuple(found), **controls)
    for value in found:
        _check_role(fleets.child(made, value, "", launch.at))
    return made


def _check_role(launch: Launch) -> None:
    """AWS: "The format of the supplied assume role ARN isn't valid". Nobody assumes it here."""
    role = as_text(resolve(launch.runbook.assume_role, lambda name: launch.values.get(name, "")))
    if role and not _ROLE.fullmatch(role):
        raise RefusedError(f"the format of the supplied assume role ARN isn't valid: {role}")
