"""A local AWS over HTTP, with one instance and a few templates and documents in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import boto3
import requests
from botocore.config import Config

from chaos_engine.adapters.aws import Aws
from chaos_engine.adapters.clock import SystemClock
from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.model import AwsAccess, Fault, Target
from chaos_engine.ports import World
from scenarios.aws import AwsScenario
from tests.integration.rehearsal_fis.rehearsal_server import serving

REGION = "eu-central-1"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
}
NO_ALARM = [{"source": "none"}]
RUNBOOK = {  # stops an instance, waits; whoever cancels it meanwhile has the instance started again
    "schemaVersion": "0.3",
    "parameters": {
        "InstanceId": {"type": "String", "default": "i-0123456789abcdef0"},
        "Wait": {"type": "String", "default": "PT1S"},
    },
    "mainSteps": [
        {
            "name": "Stop", "action": "aws:executeAwsApi",
            "inputs": {"Service": "ec2", "Api": "StopInstances", "InstanceIds": ["{{InstanceId}}"]},
        },
        {
            "name": "Wait", "action": "aws:sleep", "onCancel": "step:Start", "nextStep": "Start",
            "inputs": {"Duration": "{{Wait}}"},
        },
        {
            "name": "Start", "action": "aws:executeAwsApi", "isEnd": True,
            "inputs": {"Service": "ec2", "Api": "StartInstances", "InstanceIds": ["{{InstanceId}}"]},
        },
    ],
}  # fmt: skip
STRESS = {
    "schemaVersion": "2.2",
    "mainSteps": [{"name": "Burn", "action": "aws:runShellScript", "inputs": {"runCommand": ["true"]}}],
}


@dataclass(frozen=True)
class Endpoint:
    """Where it is."""

    url: str

    def client(self, service: str) -> Any:
        # No proxies: to look for some is to read an environment that pytest changes meanwhile.
        return boto3.client(
            service, region_name=REGION, endpoint_url=self.url, aws_access_key_id="testing",
            aws_secret_access_key="testing", config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )  # fmt: skip

    def reset(self) -> None:
        """As new."""
        requests.post(f"{self.url}/moto-api/reset", timeout=10)

    def instance(self) -> str:
        image = self.client("ec2").describe_images()["Images"][0]["ImageId"]
        run = self.client("ec2").run_instances(ImageId=image, MinCount=1, MaxCount=1)
        return str(run["Instances"][0]["InstanceId"])

    def template(self, *arns: str, **parameters: str) -> str:
        """One that stops these instances; it takes as long as `startInstancesAfterDuration` says."""
        asked = {
            "clientToken": "-".join(("t", *parameters, *parameters.values())),
            "description": "Stop instances",
            "roleArn": "arn:aws:iam::123456789012:role/fis",
            "stopConditions": NO_ALARM,
            "targets": {
                "some": {
                    "resourceType": "aws:ec2:instance", "resourceArns": list(arns), "selectionMode": "ALL",
                }
            },
            "actions": {
                "Stop": {
                    "actionId": "aws:ec2:stop-instances", "parameters": parameters,
                    "targets": {"Instances": "some"},
                }
            },
        }  # fmt: skip
        return str(self.client("fis").create_experiment_template(**asked)["experimentTemplate"]["id"])

    def document(self, name: str, kind: str, content: dict[str, Any]) -> str:
        ssm = self.client("ssm")
        ssm.create_document(Name=name, DocumentType=kind, Content=json.dumps(content), DocumentFormat="JSON")
        return name

    def state_of(self, instance: str) -> str:
        found = self.client("ec2").describe_instances(InstanceIds=[instance])
        return str(found["Reservations"][0]["Instances"][0]["State"]["Name"])

    def automations(self) -> list[dict[str, Any]]:
        return list(self.client("ssm").describe_automation_executions()["AutomationExecutionMetadataList"])

    def experiments(self) -> list[dict[str, Any]]:
        return list(self.client("fis").list_experiments()["experiments"])


def real_world() -> World:
    clock = SystemClock()
    return World(StateFiles(), clock, Aws(), clock.wait)


def prepared(
    endpoint: Endpoint, world: World, scenario: AwsScenario, *, target: Target | None = None, **own: Any
) -> Fault:
    """A fault whose intent is on disk, and nothing more."""
    target = target or Target("petsite", aws=AwsAccess(region=REGION, endpoint=endpoint.url))
    found = scenario.prepare(target, scenario.parameters.model_validate(own), Random(), world)
    now = world.clock.now()
    return Fault(
        "e1-0", "e1", scenario.name, target, found.parameters, found.undo, found.resources, "owner", 0, now,
        now.plus(60.0),
    )  # fmt: skip


def put_in(fault: Fault, scenario: AwsScenario, world: World) -> Fault:
    facts = scenario.inject(fault, world)
    assert facts is not None
    return replace(fault, undo={**fault.undo, **facts})


@contextmanager
def serving_aws() -> Iterator[Endpoint]:
    """The rehearsal, as a process of its own."""
    with serving() as (_, url):
        yield Endpoint(url)
