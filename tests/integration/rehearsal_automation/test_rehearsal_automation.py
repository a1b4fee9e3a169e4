"""Automations over the real API: boto3 against the server, EC2 instances of moto as targets."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.rehearsal_automation.aws import Aws, clients, statuses

EXAMPLE = Path(__file__).parents[3] / "examples/aws/stop-for-a-while.automation.yml"
IDS = {"InstanceId": {"type": "StringList"}}
LOOK = {"Service": "ec2", "Api": "DescribeInstances", "InstanceIds": "{{ InstanceId }}"}
STATE = "$.Reservations[0].Instances[0].State.Name"


def name() -> str:
    return f"Doc{uuid.uuid4().hex[:8]}"


def nap(step: str = "nap", duration: str = "PT0.2S", **keys: Any) -> dict[str, Any]:
    return {"name": step, "action": "aws:sleep", "inputs": {"Duration": duration}, **keys}


def api(step: str, operation: str, **keys: Any) -> dict[str, Any]:
    inputs = {**LOOK, "Api": operation}
    return {"name": step, "action": "aws:executeAwsApi", "inputs": inputs, **keys}


def prop(step: str, action: str, wanted: str, **keys: Any) -> dict[str, Any]:
    inputs = {**LOOK, "PropertySelector": STATE, "DesiredValues": [wanted]}
    return {"name": step, "action": action, "inputs": inputs, **keys}


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


@pytest.fixture(scope="module")
def example(endpoint: str) -> str:
    clients(endpoint).create("StopForAWhile", EXAMPLE.read_text())
    return "StopForAWhile"


def test_the_example_stops_holds_and_starts_again(aws: Aws, example: str) -> None:
    ids = aws.instances(2)
    shown = aws.ended(aws.start(example, Parameters={"InstanceId": ids, "Duration": ["PT1S"]}))
    assert shown["AutomationExecutionStatus"] == "Success"
    assert aws.states(ids) == ["running", "running"]
    assert shown["Outputs"] == {
        "stop.InstanceStates": ["stopped"] * 2,
        "start.InstanceStates": ["running"] * 2,
    }
    stop, hold, _ = shown["StepExecutions"]
    assert stop["Inputs"] == {"InstanceIds": f'["{ids[0]}", "{ids[1]}"]', "DesiredState": '"stopped"'}
    assert hold["ExecutionEndTime"].timestamp() - hold["ExecutionStartTime"].timestamp() >= 1
    assert shown["ExecutedBy"].startswith("arn:aws:")
    assert shown["DocumentVersion"] == "1"


def test_cancelled_it_starts_them_again(aws: Aws, example: str) -> None:
    ids = aws.instances()
    run = aws.start(example, Parameters={"InstanceId": ids, "Duration": ["PT1H"]})
    aws.at(run, "hold")
    assert aws.states(ids) == ["stopped"]
    aws.ssm.stop_automation_execution(AutomationExecutionId=run, Type="Cancel")
    assert aws.get(run)["AutomationExecutionStatus"] in ("Cancelling", "Cancelled")
    shown = aws.ended(run)
    assert shown["AutomationExecutionStatus"] == "Cancelled"
    assert statuses(shown) == {"stop": "Success", "hold": "Cancelled", "start": "Success"}
    assert aws.states(ids) == ["running"]
    with pytest.raises(ClientError) as error:
        aws.ssm.stop_automation_execution(AutomationExecutionId=run)
    assert code(error) == "InvalidAutomationStatusUpdateException"


def test_completed_ends_after_the_current_step(aws: Aws) -> None:
    document = aws.document(name(), nap("first", "PT5S"), nap("second", "PT1H"))
    run = aws.start(document)
    aws.at(run, "first")
    aws.ssm.stop_automation_execution(AutomationExecutionId=run, Type="Complete")
    shown = aws.ended(run)
    assert (shown["AutomationExecutionStatus"], statuses(shown)["second"]) == ("Success", "Pending")


def test_an_api_changes_the_world_and_a_property_is_waited_for_and_asserted(aws: Aws) -> None:
    ids = aws.instances()
    outputs = [{"Name": "Was", "Selector": "$.StoppingInstances[0].PreviousState.Name", "Type": "String"}]
    document = aws.document(
        name(),
        api("stop", "StopInstances", outputs=outputs),
        prop("wait", "aws:waitForAwsResourceProperty", "stopped"),
        prop("claim", "aws:assertAwsResourceProperty", "stopped"),
        parameters=IDS,
        outputs=["stop.Was"],
    )
    shown = aws.ended(aws.start(document, Parameters={"InstanceId": ids}))
    assert shown["AutomationExecutionStatus"] == "Success"
    assert shown["Outputs"] == {"stop.Was": ["running"]}
    assert aws.states(ids) == ["stopped"]


def test_waiting_sees_what_others_do(aws: Aws) -> None:
    ids = aws.instances()
    wait = prop("wait", "aws:waitForAwsResourceProperty", "stopped")
    run = aws.start(aws.document(name(), wait, parameters=IDS), Parameters={"InstanceId": ids})
    aws.at(run, "wait")
    time.sleep(1.5)
    assert aws.get(run)["AutomationExecutionStatus"] == "InProgress"
    aws.ec2.stop_instances(InstanceIds=ids)
    assert aws.ended(run)["AutomationExecutionStatus"] == "Success"


def test_an_assertion_that_is_wrong_fails(aws: Aws) -> None:
    claim = prop("claim", "aws:assertAwsResourceProperty", "stopped")
    document = aws.document(name(), claim, nap(), parameters=IDS)
    shown = aws.ended(aws.start(document, Parameters={"InstanceId": aws.instances()}))
    assert shown["AutomationExecutionStatus"] == "Failed"
    assert f"{STATE} is running" in shown["FailureMessage"]
    assert statuses(shown) == {"claim": "Failed", "nap": "Pending"}
    assert shown["StepExecutions"][0]["FailureDetails"]["FailureType"] == "Verification"


def test_waiting_times_out(aws: Aws) -> None:
    wait = prop("wait", "aws:waitForAwsResourceProperty", "stopped", timeoutSeconds=1)
    document = aws.document(name(), wait, parameters=IDS)
    shown = aws.ended(aws.start(document, Parameters={"InstanceId": aws.instances()}))
    assert shown["AutomationExecutionStatus"] == "TimedOut"
    assert statuses(shown) == {"wait": "TimedOut"}


def test_an_error_of_the_api_is_the_steps_failure_and_continue_goes_on(aws: Aws) -> None:
    document = aws.document(
        name(), api("stop", "stop_instances", onFailure="Continue"), nap(), parameters=IDS
    )
    shown = aws.ended(aws.start(document, Parameters={"InstanceId": ["i-0123456789abcdef0"]}))
    assert statuses(shown) == {"stop": "Failed", "nap": "Success"}
    assert shown["AutomationExecutionStatus"] == "Success"
    assert "InvalidInstanceID.NotFound" in shown["StepExecutions"][0]["FailureMessage"]


def test_an_api_that_moto_does_not_have_is_a_failure_that_names_it(aws: Aws) -> None:
    step = {
        "name": "call",
        "action": "aws:executeAwsApi",
        "inputs": {"Service": "ssm", "Api": "DescribeOpsItems"},
    }
    shown = aws.ended(aws.start(aws.document(name(), step)))
    assert shown["AutomationExecutionStatus"] == "Failed"
    assert "describe_ops_items" in shown["FailureMessage"]


@pytest.mark.parametrize(("os", "ran"), [("Linux", "linux"), ("Windows", "windows"), ("Other", "none")])
def test_branch(aws: Aws, os: str, ran: str) -> None:
    choices = [
        {"NextStep": "windows", "Variable": "{{ Os }}", "StringEquals": "Windows"},
        {"NextStep": "linux", "Not": {"Variable": "{{ Os }}", "StringEquals": "Other"}},
    ]
    fork = {"name": "fork", "action": "aws:branch", "inputs": {"Choices": choices, "Default": "none"}}
    ends = [nap(step, isEnd=True) for step in ("windows", "linux", "none")]
    document = aws.document(name(), fork, *ends, parameters={"Os": {"type": "String"}})
    shown = aws.ended(aws.start(document, Parameters={"Os": [os]}))
    assert [step for step, status in statuses(shown).items() if status == "Success"] == ["fork", ran]


def test_stopping_and_starting_by_aws_own_documents(aws: Aws) -> None:
    ids = aws.instances()
    assert aws.ssm.describe_document(Name="AWS-StopEC2Instance")["Document"]["Owner"] == "Amazon"
    for document, state in (("AWS-StopEC2Instance", "stopped"), ("AWS-StartEC2Instance", "running")):
        shown = aws.ended(aws.start(document, Parameters={"InstanceId": ids}))
        assert shown["AutomationExecutionStatus"] == "Success"
        assert aws.states(ids) == [state]
    with pytest.raises(ClientError) as error:
        aws.ssm.delete_document(Name="AWS-StopEC2Instance")
    assert code(error) == "AccessDeniedException"


def test_a_document_is_refused_by_name(aws: Aws) -> None:
    with pytest.raises(ClientError, match="action aws:runScript is not rehearsed") as error:
        aws.document(name(), {**nap(), "action": "aws:runScript"})
    assert code(error) == "InvalidDocumentContent"
    with pytest.raises(ClientError, match="unknown input Colour for aws:executeAwsApi"):
        aws.document(
            name(), {**api("a", "StopInstances"), "inputs": {**LOOK, "Colour": "red"}}, parameters=IDS
        )
    with pytest.raises(ClientError, match="ec2 has no API operation StopEverything"):
        aws.document(name(), api("a", "StopEverything"), parameters=IDS)
    with pytest.raises(ClientError, match="there is no service ec3"):
        aws.document(
            name(), {**api("a", "StopInstances"), "inputs": {**LOOK, "Service": "ec3"}}, parameters=IDS
        )
    with pytest.raises(ClientError, match="not YAML"):
        aws.create(name(), "{a: [")


def test_an_update_is_checked_too_and_versions_can_be_chosen(aws: Aws) -> None:
    document = aws.document(name(), nap("old"))

    def update(step: str) -> None:
        content = f'{{"schemaVersion": "0.3", "mainSteps": [{step}]}}'
        aws.ssm.update_document(Name=document, Content=content, DocumentVersion="$LATEST")

    with pytest.raises(ClientError, match="one of Duration and Timestamp"):
        update('{"name": "new", "action": "aws:sleep"}')
    update('{"name": "new", "action": "aws:sleep", "inputs": {"Duration": "PT0.2S"}}')
    for version, step in ((None, "old"), ("$LATEST", "new"), ("2", "new"), ("$DEFAULT", "old")):
        shown = aws.ended(aws.start(document, **({"DocumentVersion": version} if version else {})))
        assert list(statuses(shown)) == [step]
    with pytest.raises(ClientError) as error:
        aws.start(document, DocumentVersion="7")
    assert code(error) == "AutomationDefinitionVersionNotFoundException"


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


def test_regions_do_not_see_each_other(aws: Aws, endpoint: str) -> None:
    run = aws.start(aws.document(name(), nap()))
    with pytest.raises(ClientError):
        clients(endpoint, "us-east-1").get(run)


def test_steps_act_in_the_account_of_their_automation(aws: Aws, endpoint: str) -> None:
    other = clients(endpoint, account="111111111111")
    (one,) = ids = other.instances()
    shown = other.ended(other.start("AWS-StopEC2Instance", Parameters={"InstanceId": ids}))
    assert shown["AutomationExecutionStatus"] == "Success"
    assert other.states(ids) == ["stopped"]
    here = aws.ended(aws.start("AWS-StopEC2Instance", Parameters={"InstanceId": ids}))
    assert here["AutomationExecutionStatus"] == "Failed"
    assert one in here["FailureMessage"]
