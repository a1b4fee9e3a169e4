"""`doctor`'s part for AWS: who we are, what is missing, what could not be checked."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.adapters.aws import Aws
from chaos_engine.cloud import CloudError
from chaos_engine.config import Settings, load_settings
from chaos_engine.console.doctor_aws import examine
from chaos_engine.console.findings import BAD, NOTE, OK, Finding
from chaos_engine.console.permissions import Identity
from chaos_engine.model import AlarmProbe, AwsAccess, CloudWatchProbe, Expectation, Experiment
from tests.unit.fis_twin import FisTwin

FILE = """
aws: {region: eu-central-1}
targets: {petsite: {aws: true}}
scenarios: {zone: {scenario: fis, template: EXT1}}
"""
ROLE = "arn:aws:sts::123456789012:assumed-role/chaos/i-0123456789abcdef0"
ALLOWED = "aws permissions"


@dataclass
class Account(FisTwin):
    """IAM allows everything but what is `missing`."""

    missing: frozenset[str] = frozenset()
    values: list[float] = field(default_factory=lambda: [1.0])

    def sts_get_caller_identity(self, _: Any) -> Mapping[str, Any]:
        return {"Account": "123456789012", "Arn": ROLE}

    def iam_simulate_principal_policy(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        assert asked["PolicySourceArn"] == "arn:aws:iam::123456789012:role/chaos"
        (action,) = asked["ActionNames"]
        last = "implicitDeny" if action in self.missing else "allowed"
        decisions = ["allowed"] * (len(asked["ResourceArns"]) - 1) + [last]
        return {"EvaluationResults": [{"EvalDecision": decision} for decision in decisions]}

    def cloudwatch_get_metric_data(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        ids = [query["Id"] for query in asked["MetricDataQueries"]]
        return {"MetricDataResults": [{"Id": id_, "Values": self.values} for id_ in ids]}

    def cloudwatch_describe_alarms(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        assert len(asked["AlarmNames"]) <= 100
        there = [name for name in asked["AlarmNames"] if not name.startswith("no")]
        return {"MetricAlarms": [{"AlarmName": name, "StateValue": "OK"} for name in there]}

    def cloudwatch_describe_alarm_history(self, _: Any) -> Mapping[str, Any]:
        return {"AlarmHistoryItems": []}


def settings(tmp_path: Path, text: str = FILE) -> Settings:
    file = tmp_path / "chaos.yml"
    file.write_text(text)
    return load_settings(file, {})


def found(settings: Settings, account: Any = None) -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(settings, account or Account())}


def asking(settings: Settings, *probes: Any) -> Settings:
    ((key, experiment),) = settings.experiments.items()
    changed: Experiment = replace(experiment, steady=probes)
    return replace(settings, experiments={key: changed})


def test_without_aws_nothing_is_asked(tmp_path: Path) -> None:
    text = f"targets: {{shop: {{state_file: {tmp_path / 'state.json'}}}}}"
    account = Account()
    assert found(settings(tmp_path, text), account)["aws"].state == OK
    assert not account.calls


def test_who_we_are(tmp_path: Path) -> None:
    finding = found(settings(tmp_path))["aws"]
    assert (finding.state, finding.text) == (OK, f"account 123456789012, {ROLE}, region eu-central-1")


@pytest.mark.parametrize(
    ("arn", "principal"),
    [(ROLE, "arn:aws:iam::123456789012:role/chaos"), ("arn:aws:iam::1:user/me", "arn:aws:iam::1:user/me")],
)
def test_of_an_assumed_role_the_role_counts(arn: str, principal: str) -> None:
    assert Identity("123456789012", arn, "eu-central-1").principal == principal


def test_no_credentials_and_no_region_are_said(tmp_path: Path) -> None:
    account = Account(refusals={"get_caller_identity": CloudError("NoCredentialsError", "Unable to locate")})
    assert found(settings(tmp_path), account)["aws"] == Finding(
        "aws", BAD, "NoCredentialsError: Unable to locate"
    )

    class Nowhere(Account):
        def region(self, access: AwsAccess) -> str:
            return ""

    assert "no region" in found(settings(tmp_path), Nowhere())["aws"].text


def test_a_missing_permission_is_named_with_what_needs_it(tmp_path: Path) -> None:
    assert found(settings(tmp_path))[ALLOWED].text == "8 actions are allowed"
    finding = found(settings(tmp_path), Account(missing=frozenset({"fis:StartExperiment"})))[ALLOWED]
    assert (finding.state, finding.text) == (
        BAD,
        "fis:StartExperiment is missing on fis:experiment-template/EXT1, fis:experiment/*: "
        "fis on petsite needs it",
    )


def test_it_is_asked_about_the_resources_that_are_used(tmp_path: Path) -> None:
    account = Account()
    found(settings(tmp_path), account)
    asked = {
        tuple(a["ActionNames"]): a["ResourceArns"] for a in account.asked("iam:simulate_principal_policy")
    }
    assert asked["fis:GetExperimentTemplate",] == [
        "arn:aws:fis:eu-central-1:123456789012:experiment-template/EXT1"
    ]
    assert asked["fis:ListExperiments",] == ["*"]


LAYER = "arn:aws:lambda:eu-central-1:210987654321:layer:chaos:1"


ME = "eu-central-1:123456789012"
SHOP = f"arn:aws:lambda:{ME}:function:shop"
FAULT = "fault_type: exception, exception_msg: chaos"


@pytest.mark.parametrize(
    ("scenario", "action", "arn"),
    [
        ("lambda_concurrency, function: shop", "lambda:PutFunctionConcurrency", SHOP),
        (f'lambda_handler, handler: a.b, function: "{SHOP}"', "lambda:TagResource", SHOP),
        (f'lambda_layer, function: shop, layer: "{LAYER}"', "lambda:GetLayerVersion", LAYER),
        (f"chaos_lambda, parameter: /a/b, {FAULT}", "ssm:PutParameter", f"arn:aws:ssm:{ME}:parameter/a/b"),
    ],
)
def test_permissions_of_functions_and_parameters(
    tmp_path: Path, scenario: str, action: str, arn: str
) -> None:
    text = f"{FILE[: FILE.index('scenarios')]}scenarios: {{one: {{scenario: {scenario}}}}}"
    none = CloudError("ResourceNotFoundException", "none")
    account = Account(refusals={"get_function_configuration": none, "get_parameter": none})
    assert found(settings(tmp_path, text), account)["one"].state == BAD
    asked = {a["ActionNames"][0]: a["ResourceArns"] for a in account.asked("iam:simulate_principal_policy")}
    assert asked[action] == [arn]


def test_what_iam_does_not_tell_is_named_as_not_checked(tmp_path: Path) -> None:
    account = Account(refusals={"simulate_principal_policy": CloudError("AccessDenied", "no")})
    finding = found(settings(tmp_path), account)[ALLOWED]
    assert finding.state == NOTE
    assert "fis:StopExperiment" in finding.text
    assert "fis:GetExperimentTemplate" not in finding.text  # it was called


def test_a_template_that_may_not_be_started_is_bad(tmp_path: Path) -> None:
    account = Account()
    assert found(settings(tmp_path), account)["zone"].state == OK
    account.templates["EXT1"]["actions"]["Stop"]["parameters"].clear()
    finding = found(settings(tmp_path), account)["zone"]
    account.templates["EXT1"]["actions"]["Stop"]["parameters"]["startInstancesAfterDuration"] = "PT5M"
    assert (finding.state, "neither a bounded duration" in finding.text) == (BAD, True)
    assert not account.experiments


def test_metrics_and_alarms(tmp_path: Path) -> None:
    access = AwsAccess("eu-central-1")
    queries = '[{"Id": "e1", "Expression": "1"}]'
    metric = CloudWatchProbe(queries, ("e1",), Expectation("> 0"), name="metric", access=access)
    alarms = AlarmProbe(tuple(f"a{i}" for i in range(120)), name="alarms", access=access)
    absent = AlarmProbe(("a", "nothing"), name="absent", access=access)
    asked = asking(settings(tmp_path), metric, alarms, absent)
    seen = found(asked)
    assert (seen["metric"].state, seen["alarms"].state) == (OK, OK)
    assert seen["absent"] == Finding("absent", BAD, "there is no alarm nothing")
    assert seen[ALLOWED].text == "11 actions are allowed"
    assert found(asked, Account(values=[]))["metric"].text == "no datapoints of late: e1"
    denied = CloudError("AccessDenied", "no")
    assert found(asked, Account(refusals={"get_metric_data": denied}))["metric"].text == "AccessDenied: no"


def test_without_boto3_it_says_which_extra_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    finding = found(settings(tmp_path), Aws())["aws"]
    assert finding == Finding("aws", BAD, "boto3 is not installed: install chaos-engine with its extra `aws`")
