"""moto's own reset forgets automations and commands too."""

from __future__ import annotations

import urllib.request

import pytest
from botocore.exceptions import ClientError

from tests.integration.rehearsal_automation.aws import Aws


def test_a_reset_forgets(aws: Aws, endpoint: str) -> None:
    ids = aws.instances()
    run = aws.start("AWS-StopEC2Instance", Parameters={"InstanceId": ids})
    aws.ended(run)
    killed = {"DocumentName": "AWSFIS-Run-Kill-Process", "Parameters": {"ProcessName": ["a"]}}
    aws.ssm.send_command(InstanceIds=ids, **killed)
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")).close()
    with pytest.raises(ClientError, match="there is no automation execution"):
        aws.get(run)
    assert aws.ssm.list_commands()["Commands"] == []
    assert aws.ssm.describe_document(Name="AWS-StopEC2Instance")["Document"]["DocumentType"] == "Automation"
