"""send_command over the real API: commands take their time."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.rehearsal_automation.aws import PATIENCE, Aws

STRESS = "AWSFIS-Run-CPU-Stress"


def send(aws: Aws, seconds: int = 3600, document: str = STRESS, **keys: Any) -> str:
    parameters = {"DurationSeconds": [str(seconds)]}
    sent = aws.ssm.send_command(DocumentName=document, Parameters=parameters, **keys)["Command"]
    assert sent["Status"] == "Pending"
    return str(sent["CommandId"])


def part(aws: Aws, command: str, instance: str) -> Any:
    return aws.ssm.get_command_invocation(CommandId=command, InstanceId=instance)


def once(aws: Aws, command: str, instance: str, status: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while (shown := part(aws, command, instance))["Status"] != status:
        assert time.monotonic() < deadline, shown
        time.sleep(0.05)
    return shown


def test_it_is_in_progress_for_as_long_as_it_says(aws: Aws) -> None:
    (one,) = aws.instances()
    command = send(aws, 2, InstanceIds=[one])
    shown = once(aws, command, one, "Success")
    assert datetime.now(UTC) >= datetime.fromisoformat(shown["ExecutionEndDateTime"])
    assert shown["ResponseCode"] == 0
    assert shown["ExecutionElapsedTime"] == "PT2.000S"
    listed = aws.ssm.list_commands(CommandId=command)["Commands"][0]
    assert (listed["Status"], listed["CompletedCount"], listed["TargetCount"]) == ("Success", 1, 1)


def test_cancelled_on_one_of_two(aws: Aws) -> None:
    one, two = aws.instances(2)
    command = send(aws, InstanceIds=[one, two])
    once(aws, command, one, "InProgress")
    aws.ssm.cancel_command(CommandId=command, InstanceIds=[one])
    once(aws, command, one, "Cancelled")
    assert part(aws, command, two)["Status"] == "InProgress"
    aws.ssm.cancel_command(CommandId=command)
    once(aws, command, two, "Cancelled")
    assert aws.ssm.list_commands(CommandId=command)["Commands"][0]["Status"] == "Cancelled"


def test_by_tag_and_a_stopped_instance_is_undeliverable(aws: Aws) -> None:
    role = uuid.uuid4().hex
    one, two = aws.instances(2, Role=role)
    aws.ec2.stop_instances(InstanceIds=[two])
    command = send(aws, 1, Targets=[{"Key": "tag:Role", "Values": [role]}])
    assert once(aws, command, two, "Failed")["StatusDetails"] == "Undeliverable"
    once(aws, command, one, "Success")
    assert aws.ssm.list_commands(CommandId=command)["Commands"][0]["Status"] == "Success"


def test_unknown_instances(aws: Aws) -> None:
    stranger = "i-0123456789abcdef0"
    with pytest.raises(ClientError) as error:
        send(aws, InstanceIds=[stranger])
    assert error.value.response["Error"]["Code"] == "InvalidInstanceId"
    command = send(aws, Targets=[{"Key": "InstanceIds", "Values": [stranger]}])
    assert once(aws, command, stranger, "Failed")["StatusDetails"] == "Undeliverable"
    assert aws.ssm.list_commands(CommandId=command)["Commands"][0]["Status"] == "Failed"


def test_invocations_in_pages(aws: Aws) -> None:
    ids = sorted(aws.instances(3))
    command = send(aws, InstanceIds=ids)
    first = aws.ssm.list_command_invocations(CommandId=command, MaxResults=2, Details=True)
    rest = aws.ssm.list_command_invocations(CommandId=command, NextToken=first["NextToken"])
    shown = [*first["CommandInvocations"], *rest["CommandInvocations"]]
    assert [one["InstanceId"] for one in shown] == ids
    assert first["CommandInvocations"][0]["CommandPlugins"][0]["Name"] == "aws:runShellScript"
    done = [{"key": "Status", "value": "Success"}]
    assert aws.ssm.list_command_invocations(CommandId=command, Filters=done)["CommandInvocations"] == []


@pytest.mark.parametrize(
    ("document", "parameters", "wrong"),
    [
        ("Nothing", {}, "InvalidDocument"),
        ("AWS-StopEC2Instance", {}, "InvalidDocument"),
        (STRESS, {}, "InvalidParameters"),
        (STRESS, {"DurationSeconds": ["soon"]}, "InvalidParameters"),
        (STRESS, {"DurationSeconds": ["1"], "Colour": ["red"]}, "InvalidParameters"),
    ],
)
def test_refused_by_name(aws: Aws, document: str, parameters: Any, wrong: str) -> None:
    with pytest.raises(ClientError) as error:
        aws.ssm.send_command(DocumentName=document, Parameters=parameters, InstanceIds=aws.instances())
    assert error.value.response["Error"]["Code"] == wrong


def test_what_is_not_rehearsed_is_refused_by_name(aws: Aws) -> None:
    with pytest.raises(ClientError, match="AlarmConfiguration is not rehearsed"):
        send(aws, InstanceIds=aws.instances(), AlarmConfiguration={"Alarms": [{"Name": "a"}]})


def test_a_document_by_arn_and_one_of_ones_own(aws: Aws) -> None:
    (one,) = aws.instances()
    arn = f"arn:aws:ssm:eu-west-1::document/{STRESS}"
    once(aws, send(aws, 1, document=arn, InstanceIds=[one]), one, "Success")
    content = (
        '{"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "a", "inputs": {}}]}'
    )
    aws.create("Own", content, kind="Command", form="JSON")
    sent = aws.ssm.send_command(DocumentName="Own", InstanceIds=[one])["Command"]["CommandId"]
    once(aws, sent, one, "Success")


def test_unknown_commands(aws: Aws) -> None:
    for operation, keys in (
        ("cancel_command", {}),
        ("get_command_invocation", {"InstanceId": "i-0123456789abcdef0"}),
    ):
        with pytest.raises(ClientError) as error:
            getattr(aws.ssm, operation)(CommandId=str(uuid.uuid4()), **keys)
        assert error.value.response["Error"]["Code"] == "InvalidCommandId"
