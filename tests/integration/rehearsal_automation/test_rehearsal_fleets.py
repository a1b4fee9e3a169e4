"""One automation over many targets, by tag and by value."""

from __future__ import annotations

import uuid

import pytest
from botocore.exceptions import ClientError

from tests.integration.rehearsal_automation.aws import Aws, statuses


def test_by_tag_a_child_for_each_instance(aws: Aws) -> None:
    role = uuid.uuid4().hex
    ids, other = sorted(aws.instances(3, Role=role)), aws.instances(1, Role="other")
    aws.ec2.terminate_instances(InstanceIds=aws.instances(1, Role=role))
    run = aws.start(
        "AWS-StopEC2Instance",
        TargetParameterName="InstanceId",
        Targets=[{"Key": "tag:Role", "Values": [role]}],
        MaxConcurrency="2",
        MaxErrors="0",
    )
    shown = aws.ended(run)
    assert shown["AutomationExecutionStatus"] == "Success"
    assert aws.states(ids) == ["stopped"] * 3
    assert aws.states(other) == ["running"]
    assert shown["ResolvedTargets"]["ParameterValues"] == ids
    assert shown["TargetsSummary"]["SuccessfulCount"] == 3
    assert statuses(shown) == dict.fromkeys(ids, "Success")
    parents = [{"Key": "ParentExecutionId", "Values": [run]}]
    children = aws.ssm.describe_automation_executions(Filters=parents)["AutomationExecutionMetadataList"]
    assert sorted(child["Target"] for child in children) == ids
    assert aws.get(children[0]["AutomationExecutionId"])["ParentAutomationExecutionId"] == run


def test_an_error_stops_the_rest(aws: Aws) -> None:
    good = aws.instances(1)
    run = aws.start(
        "AWS-StopEC2Instance",
        TargetParameterName="InstanceId",
        Targets=[{"Key": "ParameterValues", "Values": ["i-0123456789abcdef0", *good]}],
        MaxConcurrency="1",
    )
    shown = aws.ended(run)
    assert shown["AutomationExecutionStatus"] == "Failed"
    assert statuses(shown) == {"i-0123456789abcdef0": "Failed"}
    assert aws.states(good) == ["running"]


def test_cancelling_the_parent_cancels_the_children(aws: Aws) -> None:
    document = f"Doc{uuid.uuid4().hex[:8]}"
    doze = {"name": "doze", "action": "aws:sleep", "inputs": {"Duration": "PT1H"}}
    aws.document(document, doze, parameters={"Name": {"type": "String"}})
    targets = [{"Key": "ParameterValues", "Values": ["a", "b"]}]
    run = aws.start(document, TargetParameterName="Name", Targets=targets)
    aws.once(run, lambda shown: "InProgress" in statuses(shown).values())
    aws.ssm.stop_automation_execution(AutomationExecutionId=run)
    shown = aws.ended(run)
    assert shown["AutomationExecutionStatus"] == "Cancelled"
    assert statuses(shown) == {"a": "Cancelled"}


@pytest.mark.parametrize(
    ("key", "values", "parameter", "wrong"),
    [
        ("tag:Role", ["nobody has it"], "InstanceId", "InvalidTarget"),
        ("ResourceGroup", ["group"], "InstanceId", "InvalidTarget"),
        ("ParameterValues", ["a"], "Colour", "InvalidAutomationExecutionParametersException"),
    ],
)
def test_targets_are_refused_by_name(
    aws: Aws, key: str, values: list[str], parameter: str, wrong: str
) -> None:
    with pytest.raises(ClientError) as error:
        aws.start(
            "AWS-StopEC2Instance", TargetParameterName=parameter, Targets=[{"Key": key, "Values": values}]
        )
    assert error.value.response["Error"]["Code"] == wrong
