"""The rehearsal as a process of its own, and clients of it."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.integration.engine_process import ROOT, until

OVER = {"completed", "stopped", "failed", "cancelled"}
REGIONS = itertools.cycle(["eu-north-1", "eu-west-1", "us-east-1", "us-west-2", "ap-south-1", "sa-east-1"])
NUMBERS = itertools.count(1)
COMMAND = [sys.executable, "-m", "chaos_engine", "rehearsal"]


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and the URL that it says it listens at."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "MOTO_"))}
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"AWS_ENDPOINT_URL=(http://\S+\d)", said)
        assert found, said + (process.stderr.read() if process.stderr else "")
        yield process, found[1]
    finally:
        process.kill()
        process.communicate()


@dataclass(frozen=True)
class Aws:
    """Clients of one region, and a tag that no other test has."""

    url: str
    region: str
    tag: str

    def client(self, service: str, region: str = "") -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region or self.region,
            aws_access_key_id="anything",
            aws_secret_access_key="at-all",
            config=Config(retries={"total_max_attempts": 1}),
        )

    @property
    def fis(self) -> Any:
        return self.client("fis")

    @property
    def ec2(self) -> Any:
        return self.client("ec2")

    def instances(self, count: int) -> list[str]:
        """So many running instances with the tag."""
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "test", "Value": self.tag}]}]
        made = self.ec2.run_instances(
            ImageId="ami-12345678", MinCount=count, MaxCount=count, TagSpecifications=tags
        )
        return [one["InstanceId"] for one in made["Instances"]]

    def states(self, ids: list[str]) -> list[str]:
        """The state of each instance, sorted."""
        described = self.ec2.describe_instances(InstanceIds=ids)["Reservations"]
        return sorted(one["State"]["Name"] for each in described for one in each["Instances"])

    def target(self, mode: str = "ALL", **more: Any) -> dict[str, Any]:
        running = [{"path": "State.Name", "values": ["running"]}]
        return {
            "resourceType": "aws:ec2:instance",
            "resourceTags": {"test": self.tag},
            "filters": running,
            "selectionMode": mode,
            **more,
        }

    def template(self, actions: dict[str, Any], mode: str = "ALL", **more: Any) -> str:
        """The id of a new template whose target `some` are the running instances with the tag."""
        body = {
            "description": "a test",
            "roleArn": "arn:aws:iam::123456789012:role/experiments",
            "stopConditions": [{"source": "none"}],
            "targets": {"some": self.target(mode)} if "'some'" in str(actions) else {},
            "actions": actions,
        }
        return str(self.fis.create_experiment_template(**(body | more))["experimentTemplate"]["id"])

    def start(self, template: str, **more: Any) -> str:
        return str(self.fis.start_experiment(experimentTemplateId=template, **more)["experiment"]["id"])

    def run(self, actions: dict[str, Any], mode: str = "ALL", **more: Any) -> str:
        return self.start(self.template(actions, mode, **more))

    def experiment(self, run: str) -> dict[str, Any]:
        return dict(self.fis.get_experiment(id=run)["experiment"])

    def at(self, run: str, status: str, action: str = "") -> dict[str, Any]:
        """The experiment, once it (or an action of it) has this status."""

        def look() -> dict[str, Any] | None:
            shown = self.experiment(run)
            seen = (shown["actions"][action] if action else shown)["state"]["status"]
            assert seen == status or shown["state"]["status"] not in OVER, shown
            return shown if seen == status else None

        found: dict[str, Any] = until(look, what=f"{action or 'experiment'} {status}")
        return found

    def found(self, run: str) -> list[str]:
        """The ids of the instances that its target `some` (or `half`) was found to be."""
        targets = self.fis.list_experiment_resolved_targets(experimentId=run)["resolvedTargets"]
        assert {one["targetName"] for one in targets} <= {"some", "half"}
        return [one["targetInformation"]["arn"].rpartition("/")[2] for one in targets]

    def statuses(self, run: str) -> dict[str, str]:
        """The status of each action."""
        return {name: one["state"]["status"] for name, one in self.experiment(run)["actions"].items()}


def wait(duration: str, *after: str) -> dict[str, Any]:
    return {"actionId": "aws:fis:wait", "parameters": {"duration": duration}, "startAfter": list(after)}


def hurt(what: str, *after: str, **parameters: str) -> dict[str, Any]:
    """`stop`, `terminate` or `reboot` the instances of the target `some`."""
    return {
        "actionId": f"aws:ec2:{what}-instances",
        "targets": {"Instances": "some"},
        "parameters": parameters,
        "startAfter": list(after),
    }


def post(
    url: str, body: dict[str, Any], method: str = "POST", region: str = "eu-north-1"
) -> tuple[int, dict[str, Any]]:
    """As a client would that does not check its input first."""
    scope = f"Credential=anything/20260101/{region}/fis/aws4_request"
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none",
    }
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def refused(call: Any) -> str:
    """The code with which the call is refused."""
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])
