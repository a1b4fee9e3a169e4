"""The scenarios `ssm_automation` and `ssm_command`: every outcome, and that nothing is left running."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from chaos_engine.cloud import CloudError
from chaos_engine.model import Observation, Seen
from scenarios.aws import AwsScenario, NotStartedError, RefusedError
from scenarios.ssm_scenarios import SsmAutomation, SsmCommand
from tests.unit.cloud_twin import NOW, prepared, started
from tests.unit.ssm_twin import API, WEB, SsmTwin, step

RUNBOOK, COMMAND = SsmAutomation(), SsmCommand()
STRESS = {"document": "AWSFIS-Run-CPU-Stress", "instances": [WEB, API]}


@pytest.fixture
def twin() -> SsmTwin:
    return SsmTwin()


# --- what is refused, and what is sent --------------------------------------------------------


@pytest.mark.parametrize(
    ("scenario", "own", "said"),
    [(RUNBOOK, {"document": "Nothing"}, "document Nothing: InvalidDocument: .* does not exist"),
     (RUNBOOK, {"document": "Policy"}, "Policy is of type Policy; allowed: Automation"),
     (RUNBOOK, {"document": "AWSFIS-Run-CPU-Stress"}, "is of type Command; allowed: Automation"),
     (COMMAND, {"document": "Outage", "instances": [WEB]}, "is of type Automation; allowed: Command")],
)  # fmt: skip
def test_what_is_no_such_document_is_refused(
    twin: SsmTwin, scenario: AwsScenario, own: dict[str, Any], said: str
) -> None:
    with pytest.raises(RefusedError, match=said):
        prepared(scenario, twin, **own)


@pytest.mark.parametrize(
    ("scenario", "own"),
    [(RUNBOOK, {}), (RUNBOOK, {"document": "Outage", "target_parameter": "Id"}),
     (RUNBOOK, {"document": "Outage", "resources": [{"key": "tag:a", "values": ["b"]}]}),
     (COMMAND, {"document": "Stress"}), (COMMAND, {**STRESS, "resources": [{"key": "a", "values": ["b"]}]}),
     (COMMAND, {"document": "Stress", "resources": [{"key": "tag:a", "values": []}]})],
)  # fmt: skip
def test_bad_parameters_are_refused(scenario: AwsScenario, own: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        scenario.parameters.model_validate(own)


def test_an_automation_is_started_as_it_was_written(twin: SsmTwin) -> None:
    own = {
        "document": "Outage", "version": "3", "target_parameter": "InstanceId", "max_errors": "0",
        "parameters": {"Wait": 30, "Hard": True, "Names": ["a", "b"], "Map": {"x": 1}},
        "resources": [{"key": "tag:Name", "values": ["web"]}], "tags": {"team": "pets"},
    }  # fmt: skip
    started(RUNBOOK, twin, **own)
    (sent,) = twin.asked("ssm:start_automation_execution")
    assert UUID(sent["ClientToken"])
    assert {"Key": "chaos-engine:fault", "Value": "0123456789ab/e1-0"} in sent["Tags"]
    assert {"Key": "team", "Value": "pets"} in sent["Tags"]
    assert {k: v for k, v in sent.items() if k not in ("ClientToken", "Tags")} == {
        "DocumentName": "Outage",
        "DocumentVersion": "3",
        "Parameters": {"Wait": ["30"], "Hard": ["true"], "Names": ["a", "b"], "Map": ['{"x": 1}']},
        "Targets": [{"Key": "tag:Name", "Values": ["web"]}],
        "TargetParameterName": "InstanceId",
        "MaxErrors": "0",
    }


@pytest.mark.parametrize(("timeout", "delivery"), [("10s", 30), ("2m", 120), ("1h", 3600)])
def test_a_command_is_sent_as_it_was_written(twin: SsmTwin, timeout: str, delivery: int) -> None:
    started(COMMAND, twin, **STRESS, parameters={"DurationSeconds": 60}, timeout=timeout)
    (sent,) = twin.asked("ssm:send_command")
    assert sent == {
        "DocumentName": "AWSFIS-Run-CPU-Stress",
        "Comment": "chaos-engine 0123456789ab/e1-0",
        "InstanceIds": [WEB, API],
        "Parameters": {"DurationSeconds": ["60"]},
        "TimeoutSeconds": delivery,
    }


def test_a_repeated_automation_is_the_same_one(twin: SsmTwin) -> None:
    fault = prepared(RUNBOOK, twin, document="Outage")
    assert RUNBOOK.inject(fault, twin.world) == RUNBOOK.inject(fault, twin.world)


@pytest.mark.parametrize(
    ("scenario", "own", "operation"),
    [(RUNBOOK, {"document": "Outage"}, "start_automation_execution"), (COMMAND, STRESS, "send_command")],
)
def test_a_refused_start_says_aws_s_words(
    twin: SsmTwin, scenario: AwsScenario, own: dict[str, Any], operation: str
) -> None:
    twin.refusals[operation] = CloudError("InvalidParameters", "CPU is missing")
    with pytest.raises(NotStartedError, match=r"^InvalidParameters: CPU is missing$"):
        started(scenario, twin, **own)


# --- an Automation's states -------------------------------------------------------------------


def automation(twin: SsmTwin, status: str, *steps: Any, **more: Any) -> Seen:
    own = (
        {"target_parameter": "Id", "resources": [{"key": "a", "values": ["b"]}]} if "targets" in more else {}
    )
    more.pop("targets", None)
    fault = started(RUNBOOK, twin, document="Outage", **own)
    twin.put(status, *steps, **more)
    return RUNBOOK.observe(fault, twin.world)


SLEEP = step("Sleep", "InProgress", "aws:sleep")
CALL = step("Call", "Success", "aws:executeAwsApi", Inputs={"Service": '"ec2"', "Api": '"StopInstances"'})
READ = step("Read", "Success", "aws:executeAwsApi", Inputs={"Service": '"ec2"', "Api": '"DescribeInstances"'})


@pytest.mark.parametrize(
    ("steps", "seen"),
    [((), Observation.BLIND), ((SLEEP,), Observation.BLIND), ((READ, SLEEP), Observation.BLIND),
     ((CALL, SLEEP), Observation.FELT), ((step("Stop", "InProgress"),), Observation.FELT),
     ((step("Stop", "Pending"),), Observation.BLIND), ((step("Stop", "Failed"),), Observation.BLIND)],
)  # fmt: skip
def test_felt_is_a_step_that_can_have_changed_anything(
    twin: SsmTwin, steps: tuple[Any, ...], seen: Observation
) -> None:
    assert automation(twin, "InProgress", *steps).observation is seen


@pytest.mark.parametrize(
    "status", ["Pending", "InProgress", "Waiting", "Cancelling", "PendingApproval", "Scheduled"]
)
def test_an_automation_that_is_not_over_is_in(twin: SsmTwin, status: str) -> None:
    assert automation(twin, status, stops=NOW + 60.0).observation is Observation.BLIND


@pytest.mark.parametrize("status", ["Success", "CompletedWithSuccess"])
def test_an_automation_that_ends_well_has_ended(twin: SsmTwin, status: str) -> None:
    seen = automation(twin, status, CALL)
    assert (seen.observation, seen.felt) == (Observation.ENDED, True)
    assert seen.at == (NOW if status == "Success" else None)


@pytest.mark.parametrize(
    "status",
    ["Failed", "TimedOut", "Cancelled", "Rejected", "CompletedWithFailure", "Exited",
     "ChangeCalendarOverrideRejected"],
)  # fmt: skip
def test_any_other_end_is_failed_with_its_message_and_the_step(twin: SsmTwin, status: str) -> None:
    broken = step("Stop", "Failed", FailureMessage="no such instance")
    seen = automation(twin, status, CALL, broken, FailureMessage="Step fails when it is running")
    assert seen.observation is Observation.FAILED
    assert f"(?) {status}" not in seen.reason
    assert f"(Outage) {status}: Step fails when it is running; step Stop Failed: no such" in seen.reason


def test_an_automation_without_anything_to_act_on_has_failed(twin: SsmTwin) -> None:
    seen = automation(twin, "Success", targets=True)
    assert (seen.observation, "nothing was targeted" in seen.reason) == (Observation.FAILED, True)


def test_an_automation_on_targets_has_ended(twin: SsmTwin) -> None:
    seen = automation(twin, "Success", targets=True, ResolvedTargets={"ParameterValues": [WEB]})
    assert (seen.observation, seen.details["targets"]) == (Observation.ENDED, [WEB])


def test_every_step_is_in_the_details_however_many(twin: SsmTwin) -> None:
    twin.truncates = True
    seen = automation(twin, "InProgress", CALL, step("Wait", "Pending", "aws:sleep"))
    assert json.loads(json.dumps(seen.details))["steps"] == [
        {"step": "Call", "action": "aws:executeAwsApi", "status": "Success", "reason": ""},
        {"step": "Wait", "action": "aws:sleep", "status": "Pending", "reason": ""},
    ]
    assert seen.details["document"] == "Outage"


# --- a command's states -----------------------------------------------------------------------


def command(twin: SsmTwin, status: str, details: str = "", **instances: str) -> Seen:
    fault = started(COMMAND, twin, **STRESS)
    twin.send(status, details, **instances)
    return COMMAND.observe(fault, twin.world)


@pytest.mark.parametrize(
    ("web", "api", "seen"),
    [("Pending", "Pending", Observation.BLIND), ("Delayed", "Pending", Observation.BLIND),
     ("InProgress", "Pending", Observation.FELT), ("Success", "InProgress", Observation.FELT)],
)  # fmt: skip
def test_felt_is_an_instance_that_runs_it(twin: SsmTwin, web: str, api: str, seen: Observation) -> None:
    assert command(twin, "InProgress", web=web, api=api).observation is seen


def test_a_command_that_every_instance_has_run_has_ended(twin: SsmTwin) -> None:
    fault = started(COMMAND, twin, **STRESS)
    twin.clock.wait(20.0)
    twin.send("Success", web="Success", api="Success")
    seen = COMMAND.observe(fault, twin.world)
    assert (seen.observation, seen.at, seen.felt) == (Observation.ENDED, NOW + 20.0, True)
    assert seen.details["instances"][API] == {"status": "Success", "reason": "Success"}


@pytest.mark.parametrize(
    "api",
    ["Failed", "TimedOut/Delivery Timed Out", "TimedOut/Execution Timed Out", "Cancelled/Terminated",
     "Failed/Undeliverable", "Failed/Access Denied", "Failed/Invalid Platform"],
)  # fmt: skip
@pytest.mark.parametrize("status", ["InProgress", "Failed", "Success"])
def test_one_instance_on_which_it_failed_fails_the_whole_and_is_named(
    twin: SsmTwin, status: str, api: str
) -> None:
    seen = command(twin, status, web="Success", api=api)
    assert seen.observation is Observation.FAILED
    assert seen.reason.endswith(f"(AWSFIS-Run-CPU-Stress): {API} {api.rpartition('/')[2]}")


@pytest.mark.parametrize("status", ["Failed", "TimedOut", "Cancelled"])
def test_a_command_that_fails_on_the_whole_has_failed(twin: SsmTwin, status: str) -> None:
    seen = command(twin, status, "Rate Exceeded", web="Success", api="Success")
    assert (seen.observation, "Rate Exceeded" in seen.reason) == (Observation.FAILED, True)


@pytest.mark.parametrize("status", ["Success", "Failed"])
def test_a_command_for_nobody_has_failed(twin: SsmTwin, status: str) -> None:
    twin.on = ()
    own = {"document": "AWSFIS-Run-CPU-Stress", "resources": [{"key": "tag:Name", "values": ["web"]}]}
    fault = started(COMMAND, twin, **own)
    twin.send(status, "NoInstancesInTag")
    seen = COMMAND.observe(fault, twin.world)
    assert seen.observation is Observation.FAILED
    assert "nothing was targeted" in seen.reason or "NoInstancesInTag" in seen.reason
