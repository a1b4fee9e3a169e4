"""What an experiment template may say; everything else is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from chaos_engine.rehearsal.fis_template import RefusedError, read, read_start
from tests.unit.fis_templates import ALARM, TEMPLATE, changed

AUTOMATION = {
    "actionId": "aws:ssm:start-automation-execution",
    "parameters": {
        "documentArn": "arn:aws:ssm:eu-north-1::document/AWS-StopEC2Instance",
        "documentParameters": '{"InstanceId": ["i-1"], "AutomationAssumeRole": "arn"}',
        "maxDuration": "PT3M",
    },
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("targets/half/selectionMode", "ALL"),
        ("targets/half/selectionMode", "COUNT(2)"),
        ("targets/half/parameters", {}),
        ("targets/half/filters", None),
        ("targets/half/filters", [{"path": "Placement.AvailabilityZone", "values": ["a", "b"]}]),
        ("actions/stop/parameters/completeIfInstancesTerminated", "true"),
        ("actions/stop/parameters", {}),
        ("actions/stop/description", "half of them"),
        ("actions/wait/parameters/duration", "PT2S"),
        ("actions/run", AUTOMATION),
        ("stopConditions", [{"source": "aws:cloudwatch:alarm", "value": ALARM}]),
        ("experimentOptions", {"accountTargeting": "single-account", "emptyTargetResolutionMode": "skip"}),
        ("tags", {"Name": "half"}),
        ("clientToken", "once"),
        ("logConfiguration", {"logSchemaVersion": 2, "cloudWatchLogsConfiguration": {"logGroupArn": "arn"}}),
        ("logConfiguration", {"logSchemaVersion": 2, "s3Configuration": {"bucketName": "b", "prefix": "p"}}),
    ],
)  # fmt: skip
def test_what_is_taken(path: str, value: Any) -> None:
    read(changed(path, value))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        # unknown keys, at every level
        ("colour", "red", "colour: the rehearsal does not know this key"),
        ("experimentReportConfiguration", {}, "experimentReportConfiguration: the rehearsal does not know"),
        ("targets/half/resourceTag", {}, "targets.half.resourceTag: the rehearsal does not know"),
        ("targets/half/filters/0/value", "x", "targets.half.filters.0.value: the rehearsal does not know"),
        ("actions/stop/startafter", [], "actions.stop.startafter: the rehearsal does not know"),
        ("stopConditions/0/name", "x", "stopConditions.0.name: the rehearsal does not know"),
        ("experimentOptions", {"mode": "x"}, "experimentOptions.mode: the rehearsal does not know"),
        ("logConfiguration", {"logSchemaVersion": 2, "s3": {}}, "logConfiguration.s3: the rehearsal does"),
        ("actions/wait/parameters/length", "PT1S", "parameters.length: aws:fis:wait has no such"),
        ("actions/stop/targets/Nodes", "half", "actions.stop.targets.Nodes: aws:ec2:stop-instances has no"),
        ("actions/wait/targets", {"Instances": "half"}, "targets.Instances: aws:fis:wait has no"),
        ("targets/half/parameters", {"zone": "a"}, "targets.half.parameters.zone: aws:ec2:instance has no"),
        # what is missing
        ("description", None, "description: is missing"),
        ("roleArn", None, "roleArn: is missing"),
        ("actions", None, "actions: is missing"),
        ("stopConditions", None, "stopConditions: is missing"),
        ("actions/stop/actionId", None, "actions.stop.actionId: is missing"),
        ("actions/stop/targets", {}, "actions.stop.targets.Instances: is missing"),
        ("actions/wait/parameters", {}, "actions.wait.parameters.duration: is missing"),
        ("targets/half/selectionMode", None, "targets.half.selectionMode: is missing"),
        ("targets/half/resourceTags", None, "targets.half: must have either resourceArns or resourceTags"),
        ("actions/stop/parameters", {"completeIfInstancesTerminated": "true"}, "is missing beside"),
        ("stopConditions", [], "stopConditions: []"),
        ("actions", {}, "actions: {}"),
        # what is not supported, or makes no sense
        ("actions/stop/actionId", "aws:rds:failover-db-cluster", "actionId: aws:rds:failover-db-"),
        ("targets/half/resourceType", "aws:rds:cluster", "targets.half.resourceType: aws:rds:cluster is not"),
        ("experimentOptions", {"accountTargeting": "multi-account"}, "accountTargeting: 'multi-account'"),
        ("experimentOptions", {"emptyTargetResolutionMode": "no"}, "emptyTargetResolutionMode: 'no'"),
        ("actions/wait/startAfter", ["begin"], "actions.wait.startAfter: there is no action 'begin'"),
        ("actions/stop/startAfter", ["wait"], "actions: startAfter goes in a circle"),
        ("actions/wait/startAfter", ["wait"], "actions: startAfter goes in a circle: wait after wait"),
        ("actions/stop/targets/Instances", "all", "actions.stop.targets.Instances: there is no target 'all'"),
        ("targets/half/selectionMode", "PERCENT(101)", "targets.half.selectionMode: 'PERCENT(101)'"),
        ("targets/half/selectionMode", "COUNT(0)", "targets.half.selectionMode: 'COUNT(0)'"),
        ("targets/half/selectionMode", "SOME", "targets.half.selectionMode: 'SOME'"),
        ("targets/half/filters/0/values", [], "targets.half.filters.0.values: []"),
        ("targets/half/resourceTags", {"a": 1}, "targets.half.resourceTags.a: 1"),
        ("actions/wait/parameters/duration", "2m", "parameters.duration: '2m' is not a duration"),
        ("actions/wait/parameters/duration", "PT0S", "duration: 'PT0S' is out of range"),
        ("actions/wait/parameters/duration", "PT13H", "duration: 'PT13H' is out of range"),
        ("stopConditions", [{"source": "alarm"}], "stopConditions.0.source: 'alarm'"),
        ("stopConditions", [{"source": "none", "value": ALARM}], "stopConditions.0.value: must not be there"),
        ("stopConditions", [{"source": "aws:cloudwatch:alarm"}], "stopConditions.0.value: '' is not the ARN"),
    ],
)  # fmt: skip
def test_what_is_refused(path: str, value: Any, said: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read(changed(path, value))
    assert said in str(refused.value)


def test_arns_are_given_instead_of_tags_and_filters() -> None:
    arn = "arn:aws:ec2:eu-north-1:123456789012:instance/i-1"
    target = {"resourceType": "aws:ec2:instance", "resourceArns": [arn], "selectionMode": "ALL"}
    assert read(changed("targets/half", target)).targets["half"].resource_arns == [arn]
    for more, said in (
        ({"resourceTags": {"a": "b"}}, "must have either resourceArns or resourceTags"),
        ({"filters": [{"path": "VpcId", "values": ["v"]}]}, "filters: cannot be used with resourceArns"),
        ({"resourceArns": ["i-1"]}, "'i-1' is not the ARN of an instance"),
        ({"resourceArns": [arn] * 6}, "targets.half.resourceArns"),
    ):
        with pytest.raises(RefusedError, match=said):
            read(changed("targets/half", target | more))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("documentParameters", "{", "is not JSON"),
        ("documentParameters", "[]", "is not a JSON object"),
        ("documentParameters", '{"a": 1}', "'a' is neither a string nor a list of strings"),
        ("documentArn", "AWS-StopEC2Instance", "is not the ARN of a document"),
        ("maxDuration", None, "maxDuration: is missing"),
    ],
)
def test_what_an_automation_must_have(name: str, value: str | None, said: str) -> None:
    parameters = {**AUTOMATION["parameters"], name: value}  # type: ignore[dict-item]
    action = {**AUTOMATION, "parameters": {k: v for k, v in parameters.items() if v is not None}}
    with pytest.raises(RefusedError, match=said):
        read(changed("actions/run", action))


def test_all_problems_are_named_at_once() -> None:
    template = changed("actions/stop/actionId", "aws:ecs:stop-task")
    template["targets"]["half"]["selectionMode"] = "MOST"
    with pytest.raises(RefusedError, match=r"MOST.*aws:ecs:stop-task"):
        read(template)


def test_the_options_of_a_start() -> None:
    assert read_start({"experimentTemplateId": "t"}).experiment_options.actions_mode == "run-all"
    preview = {"experimentTemplateId": "t", "experimentOptions": {"actionsMode": "skip-all"}}
    assert read_start(preview).experiment_options.actions_mode == "skip-all"
    for options in ({"actionsMode": "some"}, {"mode": "skip-all"}):
        with pytest.raises(RefusedError, match="experimentOptions"):
            read_start({"experimentTemplateId": "t", "experimentOptions": options})


def test_what_was_not_given_is_not_shown() -> None:
    assert read(TEMPLATE).model_dump(by_alias=True, exclude_unset=True) == TEMPLATE
