"""FIS of the rehearsal: what it takes and refuses, what it shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.engine_process import ROOT
from tests.integration.rehearsal_fis.rehearsal_server import Aws, post, refused, wait


def test_one_token_is_one_experiment(aws: Aws) -> None:
    template, other = aws.template({"wait": wait("PT1S")}), aws.template({"wait": wait("PT1S")})
    first = aws.start(template, clientToken=aws.tag, tags={"who": "me"})
    assert aws.start(template, clientToken=aws.tag) == first
    assert aws.start(template) != first
    assert aws.experiment(first)["tags"] == {"who": "me"}
    assert refused(lambda: aws.start(other, clientToken=aws.tag)) == "ConflictException"


def test_experiments_come_in_pages(aws: Aws) -> None:
    template = aws.template({"wait": wait("PT1S")})
    started = {aws.start(template) for _ in range(5)}
    pages = list(
        aws.fis.get_paginator("list_experiments").paginate(
            experimentTemplateId=template, PaginationConfig={"PageSize": 2}
        )
    )
    assert [len(page["experiments"]) for page in pages] == [2, 2, 1]
    assert {one["id"] for page in pages for one in page["experiments"]} == started
    assert refused(lambda: aws.fis.list_experiments(nextToken="never-given")) == "ValidationException"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"actions": {"down": {"actionId": "aws:rds:failover-db-cluster"}}}, "aws:rds:failover-db-cluster"),
        (
            {"actions": {"wait": wait("PT1S", "before")}},
            "actions.wait.startAfter: there is no action 'before'",
        ),
        ({"experimentOptions": {"accountTargeting": "multi-account"}}, "experimentOptions.accountTargeting"),
    ],
)
def test_what_cannot_be_run_here_is_refused_when_it_is_created(aws: Aws, more: Any, said: str) -> None:
    body = {"actions": {"wait": wait("PT1S")}} | more
    with pytest.raises(ClientError, match=said) as caught:
        aws.template(**body)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_change_is_checked_and_does_not_reach_what_runs(aws: Aws) -> None:
    template = aws.template({"wait": wait("PT2S")})
    run = aws.start(template)
    aws.fis.update_experiment_template(id=template, actions={"other": wait("PT1S")})
    assert set(aws.experiment(run)["actions"]) == {"wait"}
    bad = {"wait": wait("2 seconds")}
    assert (
        refused(lambda: aws.fis.update_experiment_template(id=template, actions=bad)) == "ValidationException"
    )
    options = {"accountTargeting": "single-account"}
    update = post(
        f"{aws.url}/experimentTemplates/{template}", {"experimentOptions": options}, "PATCH", aws.region
    )
    assert update[0] == 400
    assert "experimentOptions.accountTargeting: cannot be changed" in update[1]["message"]
    kept = aws.fis.get_experiment_template(id=template)["experimentTemplate"]
    assert set(kept["actions"]) == {"other"}
    assert kept["experimentOptions"] == {
        "accountTargeting": "single-account",
        "emptyTargetResolutionMode": "fail",
    }
    aws.fis.delete_experiment_template(id=template)
    aws.at(run, "completed")
    assert refused(lambda: aws.start(template)) == "ResourceNotFoundException"


def test_what_the_rehearsal_can_do_is_listed(aws: Aws) -> None:
    known = {
        one["id"] for page in aws.fis.get_paginator("list_actions").paginate() for one in page["actions"]
    }
    assert "aws:ssm:start-automation-execution" in known
    stop = aws.fis.get_action(id="aws:ec2:stop-instances")["action"]
    assert stop["targets"] == {"Instances": {"resourceType": "aws:ec2:instance"}}
    assert stop["parameters"]["startInstancesAfterDuration"]["required"] is False
    assert (
        refused(lambda: aws.fis.get_action(id="aws:rds:reboot-db-instances")) == "ResourceNotFoundException"
    )
    types = aws.fis.list_target_resource_types()["targetResourceTypes"]
    assert [one["resourceType"] for one in types] == ["aws:ec2:instance"]
    assert refused(lambda: aws.experiment("EXPnone")) == "ResourceNotFoundException"


def test_regions_do_not_see_each_other_and_any_will_do(aws: Aws) -> None:
    run = aws.run({"wait": wait("PT1S")})
    elsewhere = aws.client("fis", "me-central-1")  # not among those of moto's own FIS
    assert refused(lambda: elsewhere.get_experiment(id=run)) == "ResourceNotFoundException"
    assert elsewhere.list_experiments()["experiments"] == []


def test_the_example_is_a_template(aws: Aws) -> None:
    example = json.loads((ROOT / "examples/aws/terminate-half.fis.json").read_text())
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "chaos-ready", "Value": "true"}]}]
    aws.ec2.run_instances(ImageId="ami-12345678", MinCount=4, MaxCount=4, TagSpecifications=tags)
    template = aws.fis.create_experiment_template(**example)["experimentTemplate"]
    assert template["tags"] == {"Name": "terminate-half"}
    run = aws.start(template["id"], experimentOptions={"actionsMode": "skip-all"})
    aws.at(run, "completed")
    assert len(aws.found(run)) == 2
