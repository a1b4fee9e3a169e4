"""Failure states in SSM parameters: set in the libraries' own form, restored as the same text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from chaos_engine.cloud import CloudError
from chaos_engine.config import load_settings
from chaos_engine.model import Observation
from scenarios.aws import NotStartedError, RefusedError
from scenarios.failure_parameter import OvertakenError
from scenarios.registry import load
from tests.unit.cloud_twin import SITE, prepared
from tests.unit.parameter_twin import NAME, ParameterTwin

ALL: Any = load()
FAILURE, CHAOS = ALL["failure_lambda"], ALL["chaos_lambda"]
# As their own pages show them, in somebody's own spelling.
OLD = '{"isEnabled": false, "failureMode": "latency",\n "rate": 1, "minLatency": 100, "maxLatency": 400}\n'
NEW = '{ "latency": {"enabled": false, "match": []}, "statuscode": {"enabled": false, "status_code": 404} }'
PYTHON = '{"fault_type": "exception", "delay": 400, "is_enabled": false, "error_code": 404, "rate": 1}'
SLOW: dict[str, Any] = {"failureMode": "latency", "minLatency": 200, "maxLatency": 900, "rate": 0.5}
FAULT: dict[str, Any] = {"fault_type": "status_code", "error_code": 503}
CASES: list[Any] = [(FAILURE, OLD, SLOW), (FAILURE, NEW, SLOW), (CHAOS, PYTHON, FAULT)]


def put_in(scenario: Any, text: str, own: dict[str, Any], **more: Any) -> tuple[ParameterTwin, Any]:
    twin = ParameterTwin(versions=["{}", text], **more)
    fault = prepared(scenario, twin, parameter=NAME, **own)
    scenario.inject(fault, twin.world)
    return twin, fault


def refused(scenario: Any, twin: ParameterTwin, own: dict[str, Any], name: str = NAME) -> str:
    parameters = scenario.parameters.model_validate({"parameter": name, **own})
    return str(scenario.preflight(SITE, parameters, twin.world))


@pytest.mark.parametrize(("scenario", "text", "own"), CASES)
@pytest.mark.parametrize("tier", ["Standard", "Advanced"])
def test_it_comes_back_as_the_same_text(scenario: Any, text: str, own: dict[str, Any], tier: str) -> None:
    twin, fault = put_in(scenario, text, own, tier=tier)
    assert scenario.observe(fault, twin.world).observation is Observation.BLIND
    assert scenario.is_left(fault, twin.world)
    scenario.inject(fault, twin.world)  # once more is the same
    assert len(twin.versions) == 3
    scenario.clear(fault, twin.world)
    scenario.clear(fault, twin.world)
    assert (twin.value, twin.type, twin.tier, len(twin.versions)) == (text, "String", tier, 4)
    assert scenario.observe(fault, twin.world).observation is Observation.GONE
    assert not scenario.is_left(fault, twin.world)


def test_what_the_libraries_read() -> None:
    twin, _ = put_in(FAILURE, OLD, SLOW)
    assert json.loads(twin.value) == {
        "isEnabled": True, "failureMode": "latency", "rate": 0.5, "minLatency": 200, "maxLatency": 900
    }  # fmt: skip
    twin, _ = put_in(FAILURE, NEW, SLOW)
    assert json.loads(twin.value) == {
        "latency": {"enabled": True, "match": [], "percentage": 50, "min_latency": 200, "max_latency": 900},
        "statuscode": {"enabled": False, "status_code": 404},
    }
    twin, _ = put_in(CHAOS, PYTHON, FAULT)
    assert json.loads(twin.value) == {
        "fault_type": "status_code", "delay": 400, "is_enabled": True, "error_code": 503, "rate": 1
    }  # fmt: skip


@pytest.mark.parametrize(
    ("own", "flag"),
    [
        ({"failureMode": "exception", "exceptionMsg": "no"}, {"exception_msg": "no"}),
        ({"failureMode": "statuscode", "statusCode": 502}, {"status_code": 502}),
        ({"failureMode": "diskspace", "diskSpace": 100}, {"disk_space": 100}),
        ({"failureMode": "denylist", "denylist": ["s3.*"]}, {"deny_list": ["s3.*"]}),
    ],
)
def test_every_mode_in_both_forms(own: dict[str, Any], flag: dict[str, Any]) -> None:
    twin, _ = put_in(FAILURE, NEW, own)
    assert json.loads(twin.value)[own["failureMode"]] == {"enabled": True, "percentage": 100, **flag}
    twin, _ = put_in(FAILURE, OLD, own)
    assert json.loads(twin.value) == {**json.loads(OLD), **own, "isEnabled": True, "rate": 1}


# --- somebody else ----------------------------------------------------------------------------


def test_somebody_else_s_value_in_mid_fault_stays() -> None:
    twin, fault = put_in(CHAOS, PYTHON, FAULT)
    twin.versions.append("{}")
    seen = CHAOS.observe(fault, twin.world)
    assert (seen.observation, seen.details) == (Observation.GONE, {"changed_to": "another value"})
    told: list[str] = []
    CHAOS.clear(fault, replace(twin.world, tell=told.append))
    assert (twin.value, len(told)) == ("{}", 1)


def test_who_repairs_it_is_no_stranger() -> None:
    twin, fault = put_in(CHAOS, PYTHON, FAULT)
    twin.versions.append(PYTHON)
    seen = CHAOS.observe(fault, twin.world)
    assert (seen.observation, dict(seen.details)) == (Observation.GONE, {})


@pytest.mark.parametrize("theirs", ["{}", PYTHON + " "])
def test_a_value_since_the_preparing_is_not_overwritten(theirs: str) -> None:
    twin = ParameterTwin(versions=[PYTHON])
    fault = prepared(CHAOS, twin, parameter=NAME, **FAULT)
    twin.versions.append(theirs)
    with pytest.raises(RefusedError, match="was changed meanwhile"):
        CHAOS.inject(fault, twin.world)
    CHAOS.clear(fault, twin.world)
    assert twin.value == theirs


def test_who_writes_between_a_look_and_a_write_gets_theirs_back() -> None:
    """The store has no precondition; the version tells afterwards."""
    twin = ParameterTwin(versions=[PYTHON])
    fault = prepared(CHAOS, twin, parameter=NAME, **FAULT)
    twin.between.append("theirs")
    with pytest.raises(OvertakenError, match="changed meanwhile"):
        CHAOS.inject(fault, twin.world)
    assert twin.value == "theirs"
    twin, fault = put_in(CHAOS, PYTHON, FAULT)
    twin.between.append("theirs")
    CHAOS.clear(fault, twin.world)
    assert twin.value == "theirs"


def test_one_that_was_deleted_is_cleared_and_cannot_be_hurt() -> None:
    twin, fault = put_in(CHAOS, PYTHON, FAULT)
    twin.versions.clear()
    assert CHAOS.observe(fault, twin.world).details == {"changed_to": "nothing"}
    CHAOS.clear(fault, twin.world)
    with pytest.raises(RefusedError, match="was deleted meanwhile"):
        CHAOS.inject(fault, twin.world)
    assert not twin.versions


def test_a_denied_clearing_is_not_called_done() -> None:
    twin, fault = put_in(CHAOS, PYTHON, FAULT)
    twin.refusals["put_parameter"] = CloudError("AccessDeniedException", "no")
    with pytest.raises(CloudError, match="ssm:PutParameter is needed"):
        CHAOS.clear(fault, twin.world)
    twin.refusals.clear()
    CHAOS.clear(fault, twin.world)
    assert twin.value == PYTHON


# --- written ---


def test_the_documentation_s_settings_load(tmp_path: Path) -> None:
    """The libraries' names are known in settings, too."""
    text = (Path(__file__).parents[2] / "docs" / "serverless.md").read_text()
    first, second = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    file = tmp_path / "chaos.yml"
    file.write_text(first)
    assert set(load_settings(file, {}).experiments)
    file.write_text(f"aws: {{region: eu-central-1}}\ntargets: {{orders: {{aws: true}}}}\n{second}")
    used = {step.scenario for each in load_settings(file, {}).experiments.values() for step in each.steps}
    assert used == {"failure_lambda", "chaos_lambda"}


# --- refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scenario", "text", "own", "words"),
    [
        (FAILURE, OLD.replace("false", "true"), SLOW, "is enabled already"),
        (FAILURE, NEW.replace("false", "true", 1), SLOW, "is enabled already: latency"),
        (FAILURE, PYTHON, SLOW, "holds no state of failure-lambda"),
        (FAILURE, NEW, {**SLOW, "rate": 0.005}, "percentages are whole"),
        (CHAOS, PYTHON.replace("false", "true"), FAULT, "is enabled already"),
        (CHAOS, OLD, FAULT, "holds no state of chaos_lambda"),
        (CHAOS, "enabled: no", FAULT, "holds no JSON"),
        (CHAOS, "[]", FAULT, "holds no JSON object"),
    ],
)
def test_what_it_holds_may_be_no_beginning(scenario: Any, text: str, own: dict[str, Any], words: str) -> None:
    twin = ParameterTwin(versions=[text])
    assert words in refused(scenario, twin, own)
    assert twin.versions == [text]


def test_one_that_is_not_there_or_no_plain_text_is_refused() -> None:
    assert "there is no such parameter in eu-central-1" in refused(CHAOS, ParameterTwin(), FAULT)
    secret = ParameterTwin(versions=[PYTHON], type="SecureString")
    assert "would stand in the journal" in refused(CHAOS, secret, FAULT)
    denied = ParameterTwin(refusals={"get_parameter": CloudError("AccessDeniedException", "no")})
    assert "ssm:GetParameter is needed" in refused(CHAOS, denied, FAULT)
    twin = ParameterTwin(versions=[PYTHON])
    fault = prepared(CHAOS, twin, parameter=NAME, **FAULT)
    twin.refusals["put_parameter"] = CloudError("AccessDeniedException", "no")
    with pytest.raises(NotStartedError, match="ssm:PutParameter is needed"):
        CHAOS.inject(fault, twin.world)


@pytest.mark.parametrize(
    ("scenario", "own", "words"),
    [
        (FAILURE, {"failureMode": "latency"}, "needs minLatency and maxLatency"),
        (FAILURE, {**SLOW, "maxLatency": 100}, "is less than minLatency"),
        (FAILURE, {**SLOW, "minLatency": 0, "maxLatency": 0}, "or no latency"),
        (FAILURE, {"failureMode": "exception"}, "needs exceptionMsg"),
        (FAILURE, {"failureMode": "statuscode", "statusCode": 99}, "greater than or equal to 100"),
        (FAILURE, {"failureMode": "denylist", "denylist": []}, "at least 1"),
        (FAILURE, {"failureMode": "diskspace", "diskSpace": 20000}, "less than or equal to 10240"),
        (FAILURE, {"failureMode": "blacklist"}, "'denylist'"),
        (FAILURE, {**SLOW, "isEnabled": False}, "True"),
        (FAILURE, {**SLOW, "rate": 0}, "greater than 0"),
        (FAILURE, {**SLOW, "minlatency": 1}, "Extra inputs"),
        (CHAOS, {"fault_type": "latency"}, "needs delay"),
        (CHAOS, {"fault_type": "latency", "delay": 0.5}, "valid integer"),
        (CHAOS, {"fault_type": "exception"}, "needs exception_msg"),
        (CHAOS, {"fault_type": "status_code"}, "needs error_code"),
        (CHAOS, {**FAULT, "rate": 2}, "less than or equal to 1"),
        (CHAOS, {**FAULT, "parameter": "arn:aws:ssm:x"}, "match pattern"),
    ],
)
def test_bad_parameters_are_refused(scenario: Any, own: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        scenario.parameters.model_validate({"parameter": NAME, **own})
