"""What may be started, how it is listed, and what is refused by name."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.rehearsal_automation.aws import Aws, code, name, nap


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, "InstanceId is required"),
        ({"InstanceId": ["i-1"], "Colour": ["red"]}, "Colour is not defined"),
        ({"InstanceId": ["i-1"], "Duration": ["soon"]}, "Duration.*does not match"),
        ({"InstanceId": ["i-1"], "AutomationAssumeRole": ["me"]}, "assume role ARN"),
    ],
)
def test_parameters_are_refused_by_name(aws: Aws, example: str, parameters: Any, said: str) -> None:
    with pytest.raises(ClientError, match=said) as error:
        aws.start(example, Parameters=parameters)
    assert code(error) == "InvalidAutomationExecutionParametersException"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"Mode": "Interactive"}, "Mode Interactive is not rehearsed"),
        ({"TargetLocations": [{"Accounts": ["1"], "Regions": ["x"]}]}, "TargetLocations is not rehearsed"),
        ({"TargetMaps": [{"InstanceId": ["i-1"]}]}, "TargetMaps is not rehearsed"),
    ],
)
def test_what_is_not_rehearsed_is_refused_by_name(aws: Aws, example: str, keys: Any, said: str) -> None:
    with pytest.raises(ClientError, match=said) as error:
        aws.start(example, Parameters={"InstanceId": ["i-1"]}, **keys)
    assert code(error) == "ValidationException"


def test_unknown_ids_and_documents(aws: Aws) -> None:
    stranger = str(uuid.uuid4())
    for operation in (
        "get_automation_execution",
        "stop_automation_execution",
        "describe_automation_step_executions",
    ):
        with pytest.raises(ClientError) as error:
            getattr(aws.ssm, operation)(AutomationExecutionId=stranger)
        assert code(error) == "AutomationExecutionNotFoundException"
    for document in ("Nothing", "AWSFIS-Run-CPU-Stress"):
        with pytest.raises(ClientError) as error:
            aws.start(document)
        assert code(error) == "AutomationDefinitionNotFoundException"


def test_a_client_token_starts_once(aws: Aws) -> None:
    token, document = str(uuid.uuid4()), aws.document(name(), nap())
    run = aws.start(document, ClientToken=token, Tags=[{"Key": "a", "Value": "b"}])
    assert aws.start(document, ClientToken=token, Tags=[{"Key": "a", "Value": "b"}]) == run
    with pytest.raises(ClientError) as error:
        aws.start(document, ClientToken=token)
    assert code(error) == "IdempotentParameterMismatch"
    tags = aws.ssm.list_tags_for_resource(ResourceType="Automation", ResourceId=run)["TagList"]
    assert tags == [{"Key": "a", "Value": "b"}]


def test_executions_in_pages_and_by_filter(aws: Aws) -> None:
    document = aws.document(name(), nap())
    runs = [aws.start(document) for _ in range(3)]
    for run in runs:
        aws.ended(run)
    filters = [{"Key": "DocumentNamePrefix", "Values": [document[:9]]}]
    first = aws.ssm.describe_automation_executions(Filters=filters, MaxResults=2)
    rest = aws.ssm.describe_automation_executions(Filters=filters, NextToken=first["NextToken"])
    listed = [*first["AutomationExecutionMetadataList"], *rest["AutomationExecutionMetadataList"]]
    assert [one["AutomationExecutionId"] for one in listed] == runs[::-1]
    assert "NextToken" not in rest
    none = [*filters, {"Key": "ExecutionStatus", "Values": ["Failed", "TimedOut"]}]
    assert aws.ssm.describe_automation_executions(Filters=none)["AutomationExecutionMetadataList"] == []
    for keys, wrong in (
        ({"Filters": [{"Key": "OpsItemId", "Values": ["a"]}]}, "InvalidFilterKey"),
        ({"Filters": [{"Key": "StartTimeAfter", "Values": ["soon"]}]}, "InvalidFilterValue"),
        ({"NextToken": "nonsense"}, "InvalidNextToken"),
    ):
        with pytest.raises(ClientError) as error:
            aws.ssm.describe_automation_executions(**keys)
        assert code(error) == wrong


def test_steps_in_pages_in_reverse_and_by_filter(aws: Aws) -> None:
    document = aws.document(name(), nap("a"), nap("b"), nap("c"))
    run = aws.start(document)
    aws.ended(run)

    def steps(**keys: Any) -> list[str]:
        pages = aws.ssm.get_paginator("describe_automation_step_executions").paginate(
            AutomationExecutionId=run, PaginationConfig={"PageSize": 2}, **keys
        )
        return [step["StepName"] for page in pages for step in page["StepExecutions"]]

    assert steps() == ["a", "b", "c"]
    assert steps(ReverseOrder=True) == ["c", "b", "a"]
    assert steps(Filters=[{"Key": "StepName", "Values": ["b"]}]) == ["b"]
    assert steps(Filters=[{"Key": "StepExecutionStatus", "Values": ["Failed"]}]) == []
