"""Finds the resources that the targets of a template mean, and the alarms of its stop conditions."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from moto.utilities.utils import get_partition

from chaos_engine.rehearsal import calls
from chaos_engine.rehearsal.fis_instances import instances_of
from chaos_engine.rehearsal.fis_targets import Selection, matches, select
from chaos_engine.rehearsal.fis_template import ALARM, Target, Template

Found = Mapping[str, list[str]]


def resolve(template: Template, region: str, account: str, rng: Random) -> dict[str, list[str]]:
    """ARNs by target. ARNs that were given by name are not looked up: what acts on them finds out."""
    described = _described(region, account) if any(t.resource_tags for t in template.targets.values()) else {}
    return {
        name: select(_meant(target, described), Selection.read(target.selection_mode), rng)
        for name, target in template.targets.items()
    }


def _meant(target: Target, described: Mapping[str, Any]) -> list[str]:
    filters = [(one.path, one.values) for one in target.filters]
    return target.resource_arns or [
        arn for arn, one in described.items() if matches(one, target.resource_tags, filters)
    ]


def _described(region: str, account: str) -> dict[str, Any]:
    pages = calls.client("ec2", region, account).get_paginator("describe_instances").paginate()
    prefix = f"arn:{get_partition(region)}:ec2:{region}:{account}:instance/"
    return {prefix + one["InstanceId"]: one for page in pages for one in instances_of(page)}


def alarm_states(template: Template) -> dict[str, str]:
    """State by ARN, for each alarm of the stop conditions: OK, ALARM, INSUFFICIENT_DATA; '' for none."""
    return {
        one.value: _state(one.value)
        for one in template.stop_conditions
        if one.source == "aws:cloudwatch:alarm"
    }


def _state(arn: str) -> str:
    region, account, name = ALARM.fullmatch(arn).groups()  # type: ignore[union-attr] # checked at creation
    answer = calls.client("cloudwatch", region, account).describe_alarms(
        AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    alarms = [*answer["MetricAlarms"], *answer["CompositeAlarms"]]
    return str(alarms[0]["StateValue"]) if alarms else ""
