"""boto3 against the rehearsal: what the tests look at is what any client sees."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError

REGION = "eu-west-1"
UNDER_WAY = ("Pending", "InProgress", "Cancelling")
PATIENCE = 60.0  # a step takes a few ticks; a busy machine may take its time


@dataclass(frozen=True)
class Aws:
    """Clients of one account and region."""

    ssm: Any
    ec2: Any

    def instances(self, count: int = 1, **tags: str) -> list[str]:
        """New ones that run."""
        image = self.ec2.describe_images()["Images"][0]["ImageId"]
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        tagged = [{"ResourceType": "instance", "Tags": listed}] if listed else []
        made = self.ec2.run_instances(ImageId=image, MinCount=count, MaxCount=count, TagSpecifications=tagged)
        return [one["InstanceId"] for one in made["Instances"]]

    def states(self, ids: list[str]) -> list[str]:
        """As EC2 says."""
        found = self.ec2.describe_instances(InstanceIds=ids)["Reservations"]
        return [one["State"]["Name"] for reservation in found for one in reservation["Instances"]]

    def document(self, name: str, *steps: dict[str, Any], **more: Any) -> str:
        """A runbook in YAML."""
        content = yaml.safe_dump({"schemaVersion": "0.3", "mainSteps": list(steps), **more})
        self.create(name, content)
        return name

    def create(self, name: str, content: str, kind: str = "Automation", form: str = "YAML") -> None:
        """Any document."""
        self.ssm.create_document(Name=name, Content=content, DocumentType=kind, DocumentFormat=form)

    def start(self, name: str, **keys: Any) -> str:
        """The execution's id."""
        return str(self.ssm.start_automation_execution(DocumentName=name, **keys)["AutomationExecutionId"])

    def get(self, id_: str) -> Any:
        """As the API shows it."""
        return self.ssm.get_automation_execution(AutomationExecutionId=id_)["AutomationExecution"]

    def ended(self, id_: str) -> Any:
        """Once it has ended."""
        return self.once(id_, lambda shown: shown["AutomationExecutionStatus"] not in UNDER_WAY)

    def at(self, id_: str, step: str) -> Any:
        """Once this step is under way."""
        return self.once(id_, lambda shown: shown.get("CurrentStepName") == step)

    def once(self, id_: str, true: Any) -> Any:
        """Once something is true of the execution."""
        deadline = time.monotonic() + PATIENCE
        while not true(shown := self.get(id_)):
            assert time.monotonic() < deadline, shown
            time.sleep(0.05)
        return shown


def clients(url: str, region: str = REGION, account: str | None = None) -> Aws:
    """Any credentials do; those of a role that was assumed are of the role's account."""
    session = boto3.Session("any", "any", region_name=region)
    if account:
        arn = f"arn:aws:iam::{account}:role/any"
        role = session.client("sts", endpoint_url=url).assume_role(RoleArn=arn, RoleSessionName="any")
        keys = role["Credentials"]
        session = boto3.Session(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=region
        )
    return Aws(session.client("ssm", endpoint_url=url), session.client("ec2", endpoint_url=url))


def statuses(shown: Any) -> dict[str, str]:
    """By step."""
    return {step["StepName"]: step["StepStatus"] for step in shown["StepExecutions"]}


def name() -> str:
    """A document's name that nobody has."""
    return f"Doc{uuid.uuid4().hex[:8]}"


def nap(step: str = "nap", duration: str = "PT0.2S", **keys: Any) -> dict[str, Any]:
    return {"name": step, "action": "aws:sleep", "inputs": {"Duration": duration}, **keys}


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])
