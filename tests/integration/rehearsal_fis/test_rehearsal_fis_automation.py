"""FIS of the rehearsal starts an Automation of the rehearsal."""

from __future__ import annotations

from typing import Any

from tests.integration.engine_process import until
from tests.integration.rehearsal_fis.rehearsal_server import Aws, wait

SLEEPING = """
schemaVersion: "0.3"
mainSteps:
  - {name: sleep, action: aws:sleep, inputs: {Duration: DURATION}}
"""


def automation_of(aws: Aws, duration: str) -> dict[str, Any]:
    """An action that runs an Automation which sleeps so long."""
    name = f"sleep-{aws.tag}"
    aws.client("ssm").create_document(
        Content=SLEEPING.replace("DURATION", duration),
        Name=name,
        DocumentType="Automation",
        DocumentFormat="YAML",
    )
    arn = f"arn:aws:ssm:{aws.region}:123456789012:document/{name}"
    return {
        "actionId": "aws:ssm:start-automation-execution",
        "parameters": {"documentArn": arn, "maxDuration": "PT1M"},
    }


def executions(aws: Aws) -> list[str]:
    found = aws.client("ssm").describe_automation_executions()["AutomationExecutionMetadataList"]
    return [one["AutomationExecutionStatus"] for one in found if one["DocumentName"] == f"sleep-{aws.tag}"]


def test_an_automation_is_run_and_waited_for(aws: Aws) -> None:
    ended = aws.at(
        aws.run({"sleep": automation_of(aws, "PT2S"), "after": wait("PT1S", "sleep")}), "completed"
    )
    sleep = ended["actions"]["sleep"]
    assert (sleep["endTime"] - sleep["startTime"]).total_seconds() >= 2
    assert executions(aws) == ["Success"]


def test_an_automation_is_cancelled_when_the_experiment_stops(aws: Aws) -> None:
    run = aws.run({"sleep": automation_of(aws, "PT1H")})
    aws.at(run, "running", "sleep")
    aws.fis.stop_experiment(id=run)
    aws.at(run, "stopped")
    until(lambda: executions(aws) == ["Cancelled"], what="cancelled")
