"""`doctor`'s part for AWS: who we are there, what we may not do, and whether it has what is named.

Permissions are asked of IAM. Where that is not allowed the harmless calls are made: they read a template, a
document, a metric, an alarm. What only starting or stopping something would show is named as not checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from random import SystemRandom

from chaos_engine.adapters.aws import Aws
from chaos_engine.adapters.real_world import world_of
from chaos_engine.cloud import Cloud, CloudError
from chaos_engine.config import Settings
from chaos_engine.console.findings import BAD, NOTE, OK, Finding
from chaos_engine.console.permissions import Identity, Need, allowed, aws_probes, needs
from chaos_engine.model import AlarmProbe, AwsAccess, CloudWatchProbe, Step
from chaos_engine.ports import World
from scenarios.aws import CloudScenario, RefusedError

MOST_NAMES = 100  # alarms in one call
READS = frozenset(
    {
        "fis:GetExperimentTemplate",
        "lambda:GetFunctionConcurrency",
        "lambda:GetFunctionConfiguration",
        "lambda:GetLayerVersion",
        "lambda:ListTags",
        "ssm:DescribeDocument",
        "ssm:DescribeParameters",
        "ssm:GetParameter",
        "cloudwatch:GetMetricData",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:DescribeAlarmHistory",
    }
)


def examine(settings: Settings, cloud: Cloud | None = None) -> Iterator[Finding]:
    """Everything that has to do with AWS."""
    cloud, wanted = cloud or Aws(), needs(settings)
    if not wanted:
        yield Finding("aws", OK, "not needed by this configuration")
    for access, list_ in wanted.items():
        try:
            who = _identity(cloud, access)
        except CloudError as error:
            yield Finding(_named(access), BAD, _said(error))
            continue
        yield Finding(_named(access), OK, f"account {who.account}, {who.arn}, region {who.region}")
        yield from _permissions(cloud, access, who, list_)
        yield from _steps(settings, cloud, access)
        yield from _probes(settings, cloud, access)


def _identity(cloud: Cloud, access: AwsAccess) -> Identity:
    region = cloud.region(access)
    if not region:
        text = "no region is known: set aws.region, AWS_REGION, or one in the profile"
        raise CloudError("", text)
    answer = cloud.call(access, "sts", "get_caller_identity")
    return Identity(str(answer["Account"]), str(answer["Arn"]), region)


def _named(access: AwsAccess) -> str:
    said = (("profile", access.profile), ("role", access.role), ("endpoint", access.endpoint))
    return " ".join(("aws", *(f"{key} {value}" for key, value in said if value)))


def _said(error: CloudError) -> str:
    return str(error) if error.code in ("", "NotInstalled") else f"{error.code}: {error}"


# --- permissions ------------------------------------------------------------------------------


def _permissions(cloud: Cloud, access: AwsAccess, who: Identity, wanted: Iterable[Need]) -> Iterator[Finding]:
    missing, unsaid = [], ""
    wanted = tuple(wanted)
    for need in wanted:
        try:
            if not allowed(cloud, access, who, need):
                missing.append(need)
        except CloudError as error:
            unsaid = _said(error)
            break
    if unsaid:
        left = sorted({need.action for need in wanted} - READS)
        text = f"not checked, since iam:SimulatePrincipalPolicy said {unsaid}: {', '.join(left)}"
        yield Finding("aws permissions", NOTE, text)
        return
    for need in missing:
        on = f" on {', '.join(need.resources)}" if need.resources else ""
        yield Finding("aws permissions", BAD, f"{need.action} is missing{on}: {need.wanted_by} needs it")
    if not missing:
        yield Finding("aws permissions", OK, f"{len({need.action for need in wanted})} actions are allowed")


# --- what is named ----------------------------------------------------------------------------


def _steps(settings: Settings, cloud: Cloud, access: AwsAccess) -> Iterator[Finding]:
    """Each is prepared, which reads its template or document, and starts nothing."""
    world = world_of(cloud=cloud)
    for experiment in settings.experiments.values():
        for step in experiment.steps:
            scenario = settings.scenarios[step.scenario]
            if isinstance(scenario, CloudScenario) and step.target.aws == access:
                yield _prepared(experiment.label, scenario, step, world)


def _prepared(label: str, scenario: CloudScenario, step: Step, world: World) -> Finding:
    parameters = scenario.parameters.model_validate(dict(step.parameters))
    try:
        found = scenario.prepare(step.target, parameters, SystemRandom(), world)
    except RefusedError as error:
        return Finding(label, BAD, str(error))
    except CloudError as error:
        return Finding(label, BAD, _said(error))
    return Finding(label, OK, f"can be started: {', '.join(found.resources)}")


def _probes(settings: Settings, cloud: Cloud, access: AwsAccess) -> Iterator[Finding]:
    for probe in aws_probes(settings):
        if probe.access == access:
            try:
                yield _metrics(cloud, probe) if isinstance(probe, CloudWatchProbe) else _alarms(cloud, probe)
            except CloudError as error:
                yield Finding(probe.label, BAD, _said(error))


def _metrics(cloud: Cloud, probe: CloudWatchProbe) -> Finding:
    now = datetime.now(UTC)
    answer = cloud.call(
        probe.access,
        "cloudwatch",
        "get_metric_data",
        MetricDataQueries=json.loads(probe.queries),
        StartTime=now - timedelta(seconds=10 * probe.period),
        EndTime=now,
    )
    points = {result["Id"]: len(result["Values"]) for result in answer["MetricDataResults"]}
    empty = [id_ for id_ in probe.judged if not points.get(id_)]
    if empty:
        return Finding(probe.label, BAD, f"no datapoints of late: {', '.join(empty)}")
    return Finding(probe.label, OK, f"{sum(points[id_] for id_ in probe.judged)} datapoints of late")


def _alarms(cloud: Cloud, probe: AlarmProbe) -> Finding:
    states: dict[str, str] = {}
    for first in range(0, len(probe.alarms), MOST_NAMES):
        answer = cloud.call(
            probe.access,
            "cloudwatch",
            "describe_alarms",
            AlarmNames=list(probe.alarms[first : first + MOST_NAMES]),
            AlarmTypes=["MetricAlarm", "CompositeAlarm"],
            MaxRecords=MOST_NAMES,
        )
        found = (*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ()))
        states |= {str(alarm["AlarmName"]): str(alarm["StateValue"]) for alarm in found}
    absent = [name for name in probe.alarms if name not in states]
    if absent:
        return Finding(probe.label, BAD, f"there is no alarm {', '.join(absent)}")
    name = probe.alarms[0]
    cloud.call(probe.access, "cloudwatch", "describe_alarm_history", AlarmName=name, MaxRecords=1)
    return Finding(probe.label, OK, ", ".join(f"{name} {state}" for name, state in states.items()))
