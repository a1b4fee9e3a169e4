"""Automations over the real API: boto3 against the server, EC2 instances of moto as targets."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.rehearsal_automation.aws import Aws, clients, code, name, nap, statuses

IDS = {"InstanceId": {"type": "StringList"}}
LOOK = {"Service": "ec2", "Api": "DescribeInstances", "InstanceIds": "{{ InstanceId }}"}
STATE = "$.Reservations[0].Instances[0].State.Name"


def api(step: str, operation: str, **keys: Any) -> dict[str, Any]:
    inputs = {**LOOK, "Api": operation}
    return {"name": step, "action": "aws:executeAwsApi", "inputs": inputs, **keys}


def prop(step: str, action: str, wanted: str, **keys: Any) -> dict[str, Any]:
    inputs = {**LOOK, "PropertySelector": STATE, "DesiredValues": [wanted]}
    return {"name": step, "action": action, "inputs": inputs, **keys}


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
